"""Phones of agents as nodes see them on the switch."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import AgentRow, PhoneRow
from routing.phone import PhoneSeen, PhonesNoted, PhoneState

#: A state that has not changed is confirmed at most this often, in seconds.
CONFIRM_EVERY_S = 10.0


def seen_of(row: PhoneRow) -> PhoneSeen:
    """What a row says."""
    return PhoneSeen(PhoneState(row.state), row.since, row.seen_at)


def note(row: PhoneRow, state: PhoneState, *, now: float, node: str) -> bool:
    """Work what was seen into a row; whether it is another state than before."""
    changed = PhoneState(row.state) is not state
    if changed:
        row.state, row.since = state.value, now
    if changed or row.seen_at < now - CONFIRM_EVERY_S:
        row.seen_at, row.node = now, node
    return changed


async def note_phones(database: Database, states: Mapping[str, PhoneState], *, now: float, node: str) -> PhonesNoted:
    """Store what the switch says of agents' phones."""

    async def work(session: AsyncSession) -> PhonesNoted:
        known = frozenset(await session.scalars(select(AgentRow.phone).distinct()))
        wanted = sorted(known & states.keys())
        # Always in the order of their names, so that two nodes do not wait for each other.
        rows = await session.scalars(
            select(PhoneRow).where(PhoneRow.phone.in_(wanted)).order_by(PhoneRow.phone).with_for_update()
        )
        there = {row.phone: row for row in rows}
        changed = set[str]()
        for phone in wanted:
            row = there.get(phone)
            if row is None:
                session.add(PhoneRow(phone=phone, state=states[phone].value, since=now, seen_at=now, node=node))
                changed.add(phone)
            elif note(row, states[phone], now=now, node=node):
                changed.add(phone)
        return PhonesNoted(known, frozenset(changed))

    return await database.transact(work)
