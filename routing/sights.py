"""What is to be seen of a queue, as plain numbers: what a fitted model estimates a wait from."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from routing.outlook import Hall, Outlook
from routing.waits import Sight

#: How far back services that began count, seconds; the two spans in which they are counted.
LOOK_BACK_S, SHORT_S, LONG_S = 1800.0, 300.0, 900.0


@dataclass(frozen=True, slots=True)
class Start:
    """A caller came to an agent."""

    queue: str
    at: float  #: seconds of the epoch
    wait_s: float  #: how long they had waited


@dataclass(frozen=True, slots=True)
class Belief:
    """What the formula rests on and comes to."""

    service_s: float
    services: float  #: what the mean service is worth in services
    patience_s: float
    formula_s: float


def sight_of(
    hall: Hall, call_id: str, outlook: Outlook, belief: Belief, starts: Sequence[Start], *, now: float, hour: float
) -> Sight:
    """What is seen for a caller who waits in this hall; `starts` in the order of time, `hour` of the wall's clock."""
    mine = hall.needs[call_id]
    theirs = [one for one in hall.needs.values() if one.queue == mine.queue and one is not mine]
    others = [now - one.since for one in theirs if one.id > 0]  # wishes to be called back wait at home
    lately = [one for one in starts if one.queue == mine.queue and now - LOOK_BACK_S <= one.at <= now]
    recent = [one.wait_s for one in lately if one.at >= now - SHORT_S]
    last = lately[-1].wait_s if lately else 0.0
    return Sight(
        waiting=outlook.ahead + outlook.behind,
        ahead=outlook.ahead,
        agents=outlook.agents,
        service_s=belief.service_s,
        services=belief.services,
        patience_s=belief.patience_s,
        formula_s=belief.formula_s,
        last_wait_s=last,
        head_wait_s=max(others, default=0.0),
        mean_wait_s=fmean(others) if others else 0.0,
        recent_wait_s=fmean(recent) if recent else last,
        starts_5=len(recent),
        starts_15=sum(one.at >= now - LONG_S for one in lately),
        credit_s=mine.credit_s,
        waited_s=max(now - mine.since, 0.0),
        hour=hour,
    )
