"""What was seen and heard when a node was killed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ivr.demo.evidence import OfferMade, Span
from ivr.lab.robots import RobotCall


@dataclass(slots=True)
class Caller:
    """One of the callers."""

    name: str
    number: str
    language: str
    doing: str  #: when the node is killed
    line: RobotCall
    noticed: str = ""
    silence_s: float = float("nan")  #: the longest one after the kill


@dataclass(slots=True)
class Witnessed:
    """What happened, for the summary. Moments are seconds of the epoch, by this machine's clock."""

    killed_at: float = 0.0
    callers: list[Caller] = field(default_factory=list)
    caught: OfferMade | None = None  #: the dead node's offer, as it was last
    rang_before_kill: bool = False
    queue_before: Sequence[tuple[str, float]] = ()  #: number and since, in order
    offers: Sequence[OfferMade] = ()  #: all that were made from the kill on, the dead node's first
    page_back_s: Mapping[str, float] = field(default_factory=dict)  #: agent → until the page was live on the other node
    talked_on_s: float = float("nan")  #: the conversation that was on, from the kill on
    hung_up: Sequence[str] = ()  #: callers who were dropped
    newcomer_on: str = ""  #: node that took the first call after the dead one had come back
    newcomer: OfferMade | None = None
    leads_s: dict[int, float | None] = field(default_factory=dict)  #: offer → how long its pop stood before the ring
    phone_calls: Sequence[Span] = ()  #: of every agent's phone
