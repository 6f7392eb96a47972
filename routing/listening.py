"""A supervisor on a conversation: whom they hear, and who hears them."""

from dataclasses import dataclass
from enum import StrEnum


class ListeningMode(StrEnum):
    """Who hears the supervisor. They hear both sides in each."""

    LISTEN = "listen"  # nobody
    WHISPER = "whisper"  # the agent alone
    BARGE = "barge"  # both


@dataclass(frozen=True, slots=True)
class Listening:
    """One supervisor on one conversation. Times are UTC seconds of the epoch."""

    id: str  #: also the id of the supervisor's own channel on the switch
    supervisor_id: int
    supervisor: str
    agent_id: int
    call_id: str
    mode: ListeningMode
    asked_at: float
    began_at: float | None = None  #: the supervisor's phone was answered
