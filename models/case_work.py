"""What is done about a case after it was opened: notes, tiers, deadlines, handlers, alarms, and the record of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.agents import REMOVED
from models.database import Database
from models.errors import AtTheTop, CaseClosed, NotNeutral, UnknownAgent, UnknownCase
from models.outbox import put_out
from models.tables import AgentRow, CallRow, CaseAlarmRow, CaseEventRow, CaseRow, NumberRow, OfferRow
from models.texts import stored
from routing.errands import CaseEvent, CaseFile, TalkedTo, TextMessage

#: Characters of a note, and events of a case that are shown.
LONGEST_NOTE, MOST_EVENTS = 2000, 100
#: Agents whom a customer talked to of late that are named.
MOST_TALKED_TO = 5


@dataclass(frozen=True, slots=True)
class By:
    """Who does something: an agent, or nobody in particular on the command line."""

    agent_id: int | None = None
    name: str = ""


class CaseWork:
    """What is done about cases. Writes raise UnknownCase, and CaseClosed for a case that is over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def file(self, number: str) -> CaseFile:
        """A case with its events. Raises UnknownCase."""
        found = await self._files(CaseRow.number == stored(number, 20))
        if not found:
            raise UnknownCase(f"no case has the number {number!r}")
        return found[0]

    async def of_call(self, call_id: str) -> tuple[CaseFile, ...]:
        """The open cases that a call may be about: of its customer, of who shares its number, stated from it."""
        call = CallRow.id == call_id
        ani = select(CallRow.ani).where(call).scalar_subquery()
        known = [select(column).where(call).scalar_subquery() for column in (CallRow.customer_id, CallRow.verified_as)]
        sharing = select(NumberRow.customer_id).where(NumberRow.e164 == ani)
        theirs = [CaseRow.customer_id == one for one in known]
        return await self._files(
            CaseRow.state == "open",
            or_(*theirs, CaseRow.customer_id.in_(sharing), CaseRow.ani == ani, CaseRow.call_id == call_id),
        )

    async def talked_to(self, call_id: str, *, but: int, since: float) -> tuple[TalkedTo, ...]:
        """The agents whom the caller of this call has talked to, the last one first; of a customer, in all calls."""
        call = CallRow.id == call_id
        ani, customer = (select(one).where(call).scalar_subquery() for one in (CallRow.ani, CallRow.customer_id))
        mine = or_(CallRow.id == call_id, CallRow.ani == ani, CallRow.customer_id == customer)
        last = func.max(OfferRow.answered_at)
        talked = (
            select(AgentRow.id, AgentRow.name, AgentRow.full_name)
            .join(OfferRow, OfferRow.agent_id == AgentRow.id)
            .join(CallRow, CallRow.id == OfferRow.call_id)
            .where(mine, OfferRow.answered_at >= since, AgentRow.id != but)
            .group_by(AgentRow.id, AgentRow.name, AgentRow.full_name)
            .order_by(last.desc(), AgentRow.id)
            .limit(MOST_TALKED_TO)
        )
        async with self._database.read() as session:
            return tuple(TalkedTo(*row) for row in await session.execute(talked))

    async def whose(self, call_id: str) -> tuple[int | None, str | None]:
        """The customer of a call, the verified one before the one of the number, and the number."""
        customer = func.coalesce(CallRow.verified_as, CallRow.customer_id)
        found = select(customer, CallRow.ani).where(CallRow.id == call_id)
        async with self._database.read() as session:
            row = (await session.execute(found)).first()
        return (None, None) if row is None else (row[0], row[1])

    async def of_handler(self, agent_id: int) -> tuple[CaseFile, ...]:
        """The open cases that an agent handles, the one that is due first before the others."""
        return await self._files(CaseRow.state == "open", CaseRow.handler_id == agent_id, events=False)

    async def due_soon(self, *, now: float, within_s: float) -> tuple[CaseFile, ...]:
        """Open cases that are overdue or due within so many seconds, the most urgent first: for supervisors."""
        return await self._files(CaseRow.state == "open", CaseRow.due_at <= now + within_s, events=False)

    async def all_open(self) -> tuple[CaseFile, ...]:
        """Every open case, the one that is due first before the others."""
        return await self._files(CaseRow.state == "open", events=False)

    async def unfinished(self) -> tuple[CaseFile, ...]:
        """Every open case that has a deadline."""
        return await self._files(CaseRow.state == "open", CaseRow.due_at.is_not(None), events=False)

    async def _files(self, *which: ColumnElement[bool], events: bool = True) -> tuple[CaseFile, ...]:
        async with self._database.read() as session:
            rows = (await session.execute(_CASES.where(*which))).all()
            told: dict[int, list[CaseEvent]] = {}
            if events and rows:
                happened = (
                    select(CaseEventRow)
                    .where(CaseEventRow.case_id.in_([row[0].id for row in rows]))
                    .order_by(CaseEventRow.at.desc(), CaseEventRow.id.desc())
                    .limit(MOST_EVENTS * len(rows))
                )
                for one in await session.scalars(happened):
                    told.setdefault(one.case_id, []).insert(0, CaseEvent(one.at, one.kind, one.by, one.data))
            return tuple(_file(row, handler, against, told.get(row.id, ())) for row, handler, against in rows)

    # --- what is done -----------------------------------------------------------------------------------------------

    async def note(self, number: str, text: str, *, by: By, now: float) -> None:
        """Keep a note."""
        await self._change(number, "noted", by, now, {"text": stored(text, LONGEST_NOTE)})

    async def raise_tier(self, number: str, reason: str, *, highest: int, by: By, now: float) -> int:
        """Move a case up a tier; nobody handles it then. The new tier. Raises AtTheTop."""

        def work(case: CaseRow) -> dict[str, Any]:
            if case.tier >= highest:
                raise AtTheTop(f"case {number} is of tier {case.tier} already; there is none above it")
            before, case.tier = case.tier, case.tier + 1
            case.handler_id = None
            return {"from": before, "to": case.tier, "text": stored(reason, LONGEST_NOTE)}

        return int((await self._change(number, "raised", by, now, work))["to"])

    async def extend(self, number: str, due_at: float, reason: str, *, by: By, now: float) -> None:
        """Give a case a later deadline; its alarms begin anew."""

        def work(case: CaseRow) -> dict[str, Any]:
            before, case.due_at = case.due_at, due_at
            return {"from": before, "to": due_at, "text": stored(reason, LONGEST_NOTE)}

        await self._change(number, "extended", by, now, work)

    async def close(self, number: str, text: str = "", *, by: By, now: float) -> bool:
        """Close a case; False when it was closed before. Raises UnknownCase."""

        def work(case: CaseRow) -> dict[str, Any]:
            case.state, case.closed_at = "closed", now
            return {"text": stored(text, LONGEST_NOTE)} if text else {}

        try:
            await self._change(number, "closed", by, now, work)
        except CaseClosed:
            return False
        return True

    async def assign(self, number: str, handler: str | None, *, by: By, now: float) -> None:
        """Give a case to an agent, or to nobody. Raises UnknownAgent, and NotNeutral for whom it is about."""

        async def work(session: AsyncSession) -> None:
            case = await _held(session, number)
            agent_id = None
            if handler is not None:
                agent = await session.scalar(select(AgentRow).where(AgentRow.name == stored(handler, 64)))
                if agent is None or agent.password_hash == REMOVED:
                    raise UnknownAgent(f"no agent is called {handler!r}" + (", any more" if agent is not None else ""))
                agent_id = agent.id
                if agent_id == case.against_id:
                    raise NotNeutral(f"case {number} is about {handler}, who cannot handle it")
            case.handler_id = agent_id
            session.add(_event(case, "assigned", by, now, {"to": handler or ""}))

        await self._database.transact(work)

    async def _change(self, number: str, kind: str, by: By, now: float, what: Any) -> Mapping[str, Any]:
        async def work(session: AsyncSession) -> Mapping[str, Any]:
            case = await _held(session, number)
            data: Mapping[str, Any] = what(case) if callable(what) else what
            session.add(_event(case, kind, by, now, data))
            return data

        return await self._database.transact(work)

    # --- alarms -----------------------------------------------------------------------------------------------------

    async def told_alarms(self) -> Mapping[int, frozenset[str]]:
        """By open case: the alarms of its present deadline that were told."""
        now = and_(CaseAlarmRow.case_id == CaseRow.id, CaseAlarmRow.due_at == CaseRow.due_at)
        told = select(CaseAlarmRow.case_id, CaseAlarmRow.alarm).join(CaseRow, now).where(CaseRow.state == "open")
        found: dict[int, frozenset[str]] = {}
        async with self._database.read() as session:
            for case_id, alarm in await session.execute(told):
                found[case_id] = found.get(case_id, frozenset()) | {alarm}
        return found

    async def take_alarms(
        self, case: CaseFile, alarms: Sequence[str], *, now: float, texts: Mapping[str, Sequence[TextMessage]]
    ) -> tuple[str, ...]:
        """Those of the alarms that nobody has told yet, kept as told now: of all nodes one gets each of them.

        The text messages of the most urgent one, the last, are on their way then: both are kept, or neither.
        """

        async def work(session: AsyncSession) -> tuple[str, ...]:
            row = await session.scalar(select(CaseRow).where(CaseRow.id == case.id).with_for_update())
            if row is None or row.state != "open" or row.due_at != case.due_at:
                return ()  # it was closed, extended or forgotten meanwhile
            mine = (CaseAlarmRow.case_id == case.id, CaseAlarmRow.due_at == case.due_at)
            told = set(await session.scalars(select(CaseAlarmRow.alarm).where(*mine)))
            new = tuple(alarm for alarm in alarms if alarm not in told)
            for alarm in new:
                row_of = {"case_id": case.id, "alarm": alarm, "due_at": case.due_at, "at": now}
                await session.execute(insert(CaseAlarmRow).values(**row_of))
            if new:
                session.add(_event(row, "alarmed", By(), now, {"alarms": list(new)}))
                for message in texts.get(new[-1], ()):
                    await put_out(session, message, now)
            return new

        try:
            return await self._database.transact(work)
        except IntegrityError:  # another node came first
            return ()


def _file(row: CaseRow, handler: str | None, against: str | None, events: Sequence[CaseEvent]) -> CaseFile:
    return CaseFile(
        row.id,
        row.number,
        row.subject,
        row.tier,
        row.state,
        row.opened_at,
        row.due_at,
        row.closed_at,
        row.severity,
        row.about,
        row.ani,
        row.customer_id,
        handler,
        against,
        row.against_id,
        tuple(events),
    )


def _cases() -> Select[CaseRow, str | None, str | None]:
    handler, against = AgentRow.__table__.alias("handler"), AgentRow.__table__.alias("against")
    return (
        select(CaseRow, handler.c.name, against.c.name)
        .outerjoin(handler, handler.c.id == CaseRow.handler_id)
        .outerjoin(against, against.c.id == CaseRow.against_id)
        .order_by(CaseRow.due_at.nulls_last(), CaseRow.id)
    )


_CASES = _cases()


async def _held(session: AsyncSession, number: str) -> CaseRow:
    case = await session.scalar(select(CaseRow).where(CaseRow.number == stored(number, 20)).with_for_update())
    if case is None:
        raise UnknownCase(f"no case has the number {number!r}")
    if case.state != "open":
        raise CaseClosed(f"case {number} is closed")
    return case


def _event(case: CaseRow, kind: str, by: By, now: float, data: Mapping[str, Any]) -> CaseEventRow:
    return CaseEventRow(case_id=case.id, at=now, kind=kind, agent_id=by.agent_id, by=by.name, data=dict(data))
