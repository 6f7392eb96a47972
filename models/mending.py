"""What the sweep does with rows that contradict each other, so that one of them never stops the others."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from models import moves
from models.database import Database
from models.errors import StoreBusy
from models.tables import AgentRow, NeedRow, OfferRow
from routing.aftermath import AFTERMATH
from routing.errors import IllegalMove, StoreAway
from routing.need import NeedState
from routing.offer import OfferEvent, OfferState

log = logging.getLogger(__name__)

Key = TypeVar("Key")
Result = TypeVar("Result")

#: So many rows that others hold are passed over; one more, and the rest is left to the next sweep.
MOST_BUSY = 3
#: How an offer ends that the sweep ends.
_ENDS = {
    OfferEvent.COMPLETE: OfferState.COMPLETED,
    OfferEvent.WITHDRAW: OfferState.WITHDRAWN,
    OfferEvent.EXPIRE: OfferState.EXPIRED,
}


async def each(
    database: Database, mend: Callable[[AsyncSession, Key], Awaitable[Result]], keys: Sequence[Key]
) -> list[Result]:
    """Mend one row after the other, each in a transaction of its own; what came of those that could be mended.

    One that cannot be mended is logged and left. Raises StoreAway, and StoreBusy when others hold too many rows.
    """
    done, busy = list[Result](), 0
    for key in keys:
        try:
            done.append(await database.transact(partial(_mend, mend=mend, key=key)))
        except StoreBusy:
            busy += 1
            if busy > MOST_BUSY:
                raise
        except StoreAway:
            raise
        except Exception:
            log.exception("the sweep cannot mend row %s", key)
    return done


async def _mend(session: AsyncSession, *, mend: Callable[[AsyncSession, Key], Awaitable[Result]], key: Key) -> Result:
    return await mend(session, key)


def end_anyway(
    need: NeedRow, agent: AgentRow, offer: OfferRow, event: OfferEvent, *, now: float, wrap_up_s: float
) -> bool:
    """End an open offer although its rows may contradict each other; whether they did.

    Then need and agent are left to what is done with those who stand in no offer.
    """
    try:
        moves.end(need, agent, offer, event, now=now, wrap_up_s=wrap_up_s)
    except IllegalMove:
        offer.state, offer.closed_at, offer.expires_at = _ENDS[event].value, now, None
        agent.freed_at = now
        need.version += 1
        with suppress(IllegalMove):
            follows = moves.stance_of(agent).after(AFTERMATH[event].agent, wrap_up_until=now + wrap_up_s)
            moves.take_stance(agent, follows, now)
        return True
    return False


def lapse(need: NeedRow, agent: AgentRow, offer: OfferRow, now: float) -> bool:
    """End an offer whose lease is over; whether its rows contradicted each other. A conversation has no lease."""
    if offer.state == OfferState.ANSWERED:
        offer.expires_at = None
        return True
    return end_anyway(need, agent, offer, OfferEvent.EXPIRE, now=now, wrap_up_s=0)


def close_anyway(need: NeedRow, outcome: str, now: float) -> None:
    """Close an open need, whatever state it says."""
    need.state, need.closed_at, need.outcome = NeedState.CLOSED.value, now, outcome
    need.version += 1
