"""decide(snapshot, now) → which need is offered to which agent, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Decision:
    """One need for one agent, with the versions it was decided on; a claim makes it true or finds it too late."""

    need_id: int
    need_version: int
    agent_id: int
    agent_version: int
    call_id: str
    why: Mapping[str, object] = field(default_factory=dict)  #: reasons for, and why not the others; plain JSON values
