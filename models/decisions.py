"""The decision records of a call: what its menus were made of, and of which customer they were made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from models.database import Database
from models.tables import CallEventRow, CallRow
from models.texts import stored

#: Menus of one call that are told; a caller hears far fewer.
MOST = 200


@dataclass(frozen=True, slots=True)
class Decided:
    """One menu that was spoken."""

    at: float
    record: Mapping[str, Any]
    customer_id: int | None  #: whom the call was taken for at that moment


@dataclass(frozen=True, slots=True)
class CallDecided:
    """A call and its menus."""

    call_id: str
    ani: str | None
    book_version: int
    started_at: float
    menus: tuple[Decided, ...]  #: oldest first
    tiers: tuple[Mapping[str, Any], ...] = ()  #: of complaints: each with `at`, `step`, `tier`, `why`


async def decisions_of(database: Database, call_id: str) -> CallDecided | None:
    """The call's menus; None when there is no such call. Raises StoreAway."""
    async with database.read() as session:
        call = await session.get(CallRow, stored(call_id, 150))
        if call is None:
            return None
        events = await session.execute(
            select(CallEventRow.at, CallEventRow.kind, CallEventRow.data)
            .where(CallEventRow.call_id == call.id)
            .where(CallEventRow.kind.in_(("identified", "resumed", "verification", "menu", "tier")))
            .order_by(CallEventRow.at, CallEventRow.id)
        )
        customer = call.customer_id
        menus: list[Decided] = []
        tiers: list[Mapping[str, Any]] = []
        for at, kind, data in events:
            if kind == "tier":
                tiers.append({"at": at, **data})
            elif kind != "menu":
                customer = data.get("customer_id", customer)  # a verification that failed names nobody
            elif "record" in data and len(menus) < MOST:
                menus.append(Decided(at, data["record"], customer))
    return CallDecided(call.id, call.ani, call.book_version, call.started_at, tuple(menus), tuple(tiers[:MOST]))
