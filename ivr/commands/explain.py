"""`ivr explain`: why a caller heard the menu in that order, or would hear it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ivr.errors import Misconfigured
from ivr.numbers import e164
from ivr.rankers import CURRENT, calendar_of, model_file, read_model
from ivr.settings import Settings
from menus.errors import BadModel
from menus.facts import CallerFacts
from menus.learning.habits import RememberedHistory
from menus.learning.model_ranker import ModelRanker, Scores
from menus.learning.reasons import reasons
from models.habits import habits_from
from models.migrate import opened
from models.tables import CallEventRow, CustomerRow, HistoryEventRow, NumberRow


async def explain_call(settings: Settings, call_id: str) -> list[str]:
    """Every menu of a call: the order that was spoken, and why. Raises Misconfigured, or what `opened` raises."""
    async with opened(settings.database_url) as database, database.read() as session:
        records = (
            await session.scalars(
                select(CallEventRow.data)
                .where(CallEventRow.call_id == call_id, CallEventRow.kind == "menu")
                .order_by(CallEventRow.at, CallEventRow.id)
            )
        ).all()
    if not records:
        raise Misconfigured(f"no menu was spoken in a call {call_id!r}")
    return [line for data in records for line in _menu(settings, data["record"])]


async def explain_as(settings: Settings, caller: str, at: datetime) -> list[str]:
    """What the model in use would say of a caller at a time, from the history up to then."""
    number = e164(caller, settings.country)
    async with opened(settings.database_url) as database, database.read() as session:
        who = CustomerRow.id == int(caller) if caller.isdigit() and len(caller) < 7 else NumberRow.e164 == number
        found = (
            await session.execute(
                select(CustomerRow.id, CustomerRow.segment).outerjoin(NumberRow).where(who).distinct()
            )
        ).all()
        if len(found) != 1:
            raise Misconfigured(
                f"{len(found) or 'no'} customers have the number {caller!r}: what is known of one must not show another"
            )
        customer_id, segment = found[0]
        events = (
            await session.execute(
                select(HistoryEventRow.at, HistoryEventRow.task).where(
                    HistoryEventRow.customer_id == customer_id, HistoryEventRow.at <= at.timestamp()
                )
            )
        ).all()
    history = RememberedHistory(habits_from(((when, task) for when, task in events), settings.zone), settings.zone)
    facts = CallerFacts(customer_id=customer_id, matches=1, segment=segment, history=history)
    ranker = _ranker(settings, settings.learning.folder / CURRENT, at)
    given = ranker.scores(facts, ranker.model.tasks, at)
    return [f"customer {customer_id} on {at:%Y-%m-%d}, by {ranker.name}:", *_told(ranker, given)]


def _menu(settings: Settings, record: Mapping[str, Any]) -> list[str]:
    at = datetime.fromisoformat(record["at"])
    lines = [f"menu {record['menu']} at {at:%Y-%m-%d %H:%M:%S}, by {record['ranker']}:"]
    lines.append(f"  spoken: {', '.join(record['order'])}; earlier by habit: {', '.join(record['promoted']) or 'none'}")
    if record.get("held_out"):
        lines.append("  held out: this caller keeps the book's order, for comparison")
    basis = record.get("basis") or {}
    if "model" not in basis:
        return [*lines, *(f"  {task:20} {score:6.1%}" for task, score in record["scores"].items())]
    try:
        ranker = _ranker(settings, model_file(settings.learning.folder, basis["model"]), at)
        given = ranker.again(basis, list(record["scores"]))
    except Misconfigured as fault:
        return [*lines, f"  {fault}", *(f"  {task:20} {score:6.1%}" for task, score in record["scores"].items())]
    same = all(round(given[task], 6) == score for task, score in record["scores"].items())
    lines.append(
        "  the record gives the same probabilities again" if same else "  THE RECORD GIVES OTHER PROBABILITIES"
    )
    return [*lines, *_told(ranker, given)]


def _told(ranker: ModelRanker, given: Scores) -> list[str]:
    known = ranker.inputs_of(given.basis) if given.basis["known"] else {}
    ordered = sorted(given.items(), key=lambda item: -item[1])
    return [
        f"  {task:20} {score:6.1%}  "
        + ("; ".join(reasons(known, task)) if known else "no history: what is popular in the segment")
        for task, score in ordered
    ]


def _ranker(settings: Settings, file: Path, at: datetime) -> ModelRanker:
    try:
        return ModelRanker(read_model(file), calendar_of(settings, at.date()), oldest=settings.learning.history_days)
    except (OSError, BadModel) as fault:
        raise Misconfigured(f"the model {file} cannot be asked: {fault}") from fault
