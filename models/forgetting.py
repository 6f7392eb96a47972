"""Forgetting a customer: every row that is theirs or tells of them, by the tables themselves.

Records of calls stay for the figures (when, how long, how it ended), without number, name, customer, path or events.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import (
    CallEventRow,
    CallRow,
    CardRow,
    CaseRow,
    CustomerRow,
    NeedRow,
    NumberRow,
    OfferRow,
    ProductRow,
    RatingRow,
    RecordingRow,
    Table,
)

#: Columns by which a row belongs to a customer or to a number that is theirs alone.
_OF_CUSTOMER = ("customer_id", "verified_as")
_OF_NUMBER = ("number", "to", "ani", "e164")
#: Rows of these stay, emptied of the person: agents' times and queues' figures are made of them.
_KEPT = {CallRow.__tablename__, NeedRow.__tablename__, OfferRow.__tablename__}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was taken away."""

    rows: int
    recordings: Sequence[str]  #: ids of sound files that are to be deleted


async def forget(database: Database, customer_id: int) -> Forgotten | None:
    """Take a customer out of every table; None when there is none of that number."""
    async with database.write() as session:
        if await session.scalar(select(CustomerRow.id).where(CustomerRow.id == customer_id)) is None:
            return None
        shared = select(NumberRow.e164).where(NumberRow.customer_id != customer_id)
        numbers = (
            await session.scalars(
                select(NumberRow.e164).where(NumberRow.customer_id == customer_id, NumberRow.e164.not_in(shared))
            )
        ).all()
        calls = (
            await session.scalars(
                select(CallRow.id).where(
                    or_(
                        CallRow.customer_id == customer_id, CallRow.verified_as == customer_id, CallRow.ani.in_(numbers)
                    )
                )
            )
        ).all()
        recordings = (
            await session.scalars(
                select(RecordingRow.id).where(
                    or_(RecordingRow.customer_id == customer_id, RecordingRow.call_id.in_(calls))
                )
            )
        ).all()
        rows = await _delete(session, customer_id, numbers, calls)
        return Forgotten(rows, recordings)


async def _delete(session: AsyncSession, customer_id: int, numbers: Sequence[str], calls: Sequence[str]) -> int:
    await session.execute(update(NeedRow).where(NeedRow.call_id.in_(calls)).values(reason=""))
    await session.execute(update(OfferRow).where(OfferRow.call_id.in_(calls)).values(note=None, why={}))
    products = select(ProductRow.id).where(ProductRow.customer_id == customer_id)
    deleted = 0
    # Children first: the order of foreign keys, backwards.
    for table in reversed(Table.metadata.sorted_tables):
        if table.name in _KEPT or table.name == CustomerRow.__tablename__:
            continue
        columns = table.columns
        theirs: list[ColumnElement[bool]] = []
        theirs += [columns[name] == customer_id for name in _OF_CUSTOMER if name in columns]
        if "product_id" in columns:
            theirs.append(columns["product_id"].in_(products))
        # A case has a subject of its own, which is a text.
        if "subject" in columns and table.name != CaseRow.__tablename__:
            theirs.append(columns["subject"].in_([f"customer:{customer_id}", *(f"number:{one}" for one in numbers)]))
        if table.name != NumberRow.__tablename__ and table.name != CardRow.__tablename__:
            theirs += [columns[name].in_(numbers) for name in _OF_NUMBER if name in columns]
        if table.name in (CallEventRow.__tablename__, RatingRow.__tablename__, RecordingRow.__tablename__):
            theirs.append(columns["call_id"].in_(calls))
        if theirs:
            deleted += getattr(await session.execute(delete(table).where(or_(*theirs))), "rowcount", 0)
    emptied = {"ani": None, "caller_name": "", "customer_id": None, "verified_as": None, "position": None}
    await session.execute(update(CallRow).where(CallRow.id.in_(calls)).values(**emptied))
    await session.execute(delete(CustomerRow).where(CustomerRow.id == customer_id))
    return deleted + 1
