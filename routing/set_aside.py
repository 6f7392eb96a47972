"""When an agent is set aside: too many misses in a row, too many refusals in an hour."""

from collections.abc import Iterable
from dataclasses import dataclass, field

#: Refusals are counted over so many seconds.
HOUR_S = 3600.0
#: The pause reason of an agent who refused for a reason that pauses.
REFUSED = "refused"
#: Why an agent is set aside who refused too often; one who missed has the state of the offer as the reason.
REFUSALS = "refusals"


@dataclass(frozen=True, slots=True)
class MissRule:
    """Misses in a row, and what becomes of an agent before there are too many."""

    most: int = 1  #: with so many misses in a row the agent is set aside until they say ready
    within_s: float = 1800.0  #: older misses are forgotten
    pause_s: float = 5.0  #: how long nothing is offered after a miss that does not set aside


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """Refusals by reason."""

    most_an_hour: int = 6  #: with so many in an hour the agent is set aside
    reasons: frozenset[str] = frozenset()  #: those that may be given; none: nobody may refuse
    pausing: frozenset[str] = frozenset()  #: those after which the agent is paused


@dataclass(frozen=True, slots=True)
class OfferRules:
    """What follows when offers come to nothing by the agent's doing."""

    misses: MissRule = field(default_factory=MissRule)
    refusals: RefusalRule = field(default_factory=RefusalRule)


#: As things are without a word about it: set aside at the first miss, and nobody refuses.
USUAL = OfferRules()


def counted(times: Iterable[float], now: float, within_s: float, most: int) -> list[float]:
    """The times that still count, with now, oldest first; never more than `most`."""
    return [*(at for at in times if now - within_s < at <= now), now][-most:]
