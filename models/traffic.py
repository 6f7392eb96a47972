"""Which ways through the menu book calls took: counted in the record of calls, over all versions."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, distinct, func, select
from sqlalchemy.sql.elements import ColumnElement

from menus.graph import Traffic
from models.database import Database
from models.tables import CallEventRow, CallRow

#: What stands between two steps in the record, and tells by which way the first was left.
_BETWEEN = ("key", "gave_up", "no_input", "invalid", "repeated", "back")


@dataclass(frozen=True, slots=True)
class TrafficCounts:
    """Counts calls, not rounds: a call that goes a way twice counts once."""

    database: Database

    async def since(self, since: float) -> Traffic:
        """Calls whose steps were taken after that moment. Raises StoreAway."""
        async with self.database.read() as session:
            visits = await session.execute(_visits(since))
            moves = await session.execute(_moves(since))
            entries = await session.execute(
                select(CallRow.entry, func.count()).where(CallRow.started_at >= since).group_by(CallRow.entry)
            )
            return Traffic(
                {step: calls for step, calls in visits if step},
                {(step, way, to): calls for step, way, to, calls in moves if step and to},
                {entry or "": calls for entry, calls in entries},
            )


def _text(name: str) -> ColumnElement[Any]:
    text: ColumnElement[Any] = CallEventRow.data[name].as_string()
    return text


def _visits(since: float) -> Select[Any]:
    steps = (
        select(CallEventRow.call_id, _text("step").label("step"))
        .where(CallEventRow.kind == "step", CallEventRow.at >= since)
        .subquery()
    )
    return select(steps.c.step, func.count(distinct(steps.c.call_id))).group_by(steps.c.step)


def _moves(since: float) -> Select[Any]:
    """Each step with the event before it in the same call, which is the step before or what came of it."""
    in_call: dict[str, Any] = {"partition_by": CallEventRow.call_id, "order_by": CallEventRow.id}
    kind = CallEventRow.kind
    way = case(
        (kind == "key", _text("option")),
        ((kind == "gave_up") & _text("key").is_not(None), "invalid"),
        (kind == "step", ""),
        else_=kind,
    )
    events = (
        select(
            CallEventRow.call_id,
            kind.label("kind"),
            _text("step").label("step"),
            _text("by").label("by"),
            func.lag(case((kind == "step", _text("step")), else_=_text("menu"))).over(**in_call).label("before"),
            func.lag(way).over(**in_call).label("way"),
        )
        .where(kind.in_(("step", *_BETWEEN)), CallEventRow.at >= since)
        .subquery()
    )
    by = func.coalesce(events.c.by, events.c.way)
    return (
        select(events.c.before, by, events.c.step, func.count(distinct(events.c.call_id)))
        .where(events.c.kind == "step", events.c.before.is_not(None))
        .group_by(events.c.before, by, events.c.step)
    )
