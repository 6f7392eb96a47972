"""A frozen picture of waiting needs and agents, with their versions. May be stale; only a claim makes it true."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.agent import Agent
from routing.need import Need


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All open needs and all agents who are not logged out, read at one moment."""

    needs: tuple[Need, ...]
    agents: tuple[Agent, ...]
    demand: Mapping[str, float] = field(default_factory=dict)  #: skill → how many needs have asked for it of late
