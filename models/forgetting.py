"""Forget a customer, or a number of nobody: their rows are deleted or made anonymous, as models/personal_data.py says.

It is done in many short transactions that hold up no call.

Their calls come first, the customer's own row last: what is interrupted is finished by forgetting once more.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, false, func, null, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from menus.facts import CallerFacts, subject_of
from models.database import Database
from models.errors import CallGoesOn
from models.personal_data import HOLDINGS, NAMING, Fate, anonymous
from models.tables import (
    CallbackRow,
    CallEventRow,
    CallRow,
    CaseRow,
    NumberRow,
    ProductRow,
    RecordingRow,
    TalkRecordingRow,
)
from models.tables import Table as Root

#: Rows in one transaction, calls whose rows are looked for in one statement, ids of events looked through in one.
BATCH, CALLS, WINDOW = 200, 50, 20_000

Progress = Callable[[str, int, int], None]  #: (what is looked through, done, of)
Files = Callable[[Sequence[str]], Awaitable[int]]  #: deletes these recordings; how many files were there


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Who is forgotten."""

    customer_id: int | None = None
    numbers: tuple[str, ...] = ()  #: nobody else's
    shared: tuple[str, ...] = ()  #: numbers that others have too: calls from them in which nobody was known go as well
    products: tuple[int, ...] = ()
    own: tuple[str, ...] = ()  #: calls of theirs
    touched: tuple[str, ...] = ()  #: calls of others that tell of them

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names under which something is remembered of them; lock-outs of shared numbers stand."""
        mine = (subject_of(CallerFacts(customer_id=self.customer_id)),) if self.customer_id is not None else ()
        return tuple(name for name in (*mine, *(f"number:{number}" for number in self.numbers)) if name)


@dataclass(frozen=True, slots=True)
class Report:
    """What was done, or would be."""

    rows: Mapping[str, int]  #: table → rows
    recordings: int = 0
    files: int = 0  #: of recordings that lay on this machine

    @property
    def nothing(self) -> bool:
        """Whether nothing was known of them."""
        return not any(self.rows.values())


class Forgetting:
    """Forgets people. Every verb raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def customers_of(self, number: str) -> tuple[int, ...]:
        """The customers who have a number."""
        async with self._database.read() as session:
            found = select(NumberRow.customer_id).where(NumberRow.e164 == number).order_by(NumberRow.customer_id)
            return tuple(await session.scalars(found))

    async def find(
        self, *, customer_id: int | None = None, number: str | None = None, progress: Progress | None = None
    ) -> Forgotten:
        """Everything by which rows of a customer, or of a number of nobody, are found. Raises CallGoesOn."""
        who = Forgotten(customer_id, () if number is None else (number,))
        if customer_id is not None:
            async with self._database.read() as session:
                others = (
                    select(func.count())
                    .select_from(NumberRow)
                    .where(NumberRow.customer_id != customer_id)
                )  # fmt: skip
                mine = (await session.scalars(select(NumberRow.e164).where(NumberRow.customer_id == customer_id))).all()
                shared = [one for one in mine if await session.scalar(others.where(NumberRow.e164 == one))]
                products = await session.scalars(select(ProductRow.id).where(ProductRow.customer_id == customer_id))
                who = Forgotten(
                    customer_id, tuple(one for one in mine if one not in shared), tuple(shared), tuple(products)
                )
        return await self._with_calls(who, progress or (lambda *_: None))

    async def _with_calls(self, who: Forgotten, progress: Progress) -> Forgotten:
        id_, numbers = who.customer_id, who.numbers
        theirs = or_(CallRow.customer_id == id_, CallRow.verified_as == id_) if id_ is not None else false()
        nobodys = and_(CallRow.customer_id.is_(None), CallRow.ani.in_((*numbers, *who.shared)))
        async with self._database.read() as session:
            own = (await session.execute(select(CallRow.id, CallRow.ended_at).where(or_(theirs, nobodys)))).all()
            lent = (await session.execute(select(CallRow.id, CallRow.ended_at).where(CallRow.ani.in_(numbers)))).all()
            dialled = select(func.count()).where(
                CallbackRow.closed_at.is_(None),
                CallbackRow.state.in_(("dialling", "talking")),
                or_(CallbackRow.customer_id == id_ if id_ is not None else false(), CallbackRow.number.in_(numbers)),
            )
            if any(ended_at is None for _, ended_at in (*own, *lent)) or await session.scalar(dialled):
                raise CallGoesOn
        calls = dict.fromkeys(call for call, _ in own)
        named = await self._naming(id_, progress) if id_ is not None else ()
        touched = dict.fromkeys(call for call in (*(call for call, _ in lent), *named) if call not in calls)
        return replace(who, own=tuple(calls), touched=tuple(touched))

    async def _naming(self, customer_id: int, progress: Progress) -> list[str]:
        """Calls whose record names the customer; events are looked through by their ids, as nothing else finds them."""
        async with self._database.read() as session:
            first, last = (await session.execute(select(func.min(CallEventRow.id), func.max(CallEventRow.id)))).one()
        found: list[str] = []
        for start in range(first or 0, (last or -1) + 1, WINDOW):
            named = select(CallEventRow.call_id).where(
                CallEventRow.id.between(start, start + WINDOW - 1),
                CallEventRow.kind.in_(NAMING),
                CallEventRow.data["customer_id"].as_integer() == customer_id,
            )
            async with self._database.read() as session:
                found += await session.scalars(named)
            progress("events", min(start + WINDOW, last) - first, last - first)
        return found

    async def forget(
        self,
        who: Forgotten,
        *,
        files: Files | None,
        keep_opt_outs: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        """Delete and make anonymous; with `files` None nothing is changed, and the report says what would be."""
        work = _Work(self._database, who, files, keep_opt_outs)
        calls = [*((call, True) for call in who.own), *((call, False) for call in who.touched)]
        for done, chunk in enumerate(_chunks(calls, CALLS), start=1):
            await work.calls([call for call, _ in chunk], [call for call, own in chunk if own])
            if progress is not None:
                progress("calls", min(done * CALLS, len(calls)), len(calls))
        await work.everything_else()
        return Report(work.counts(), work.recordings, work.files_deleted)


class _Work:
    """One person being forgotten, or counted."""

    def __init__(self, database: Database, who: Forgotten, files: Files | None, keep_opt_outs: bool) -> None:
        self._database, self._who, self._files, self._keep_opt_outs = database, who, files, keep_opt_outs
        self._seen: dict[str, set[tuple[Any, ...]]] = {}  # of a trial run, in which nothing goes
        self._done: Counter[str] = Counter()
        self.recordings = self.files_deleted = 0

    def counts(self) -> dict[str, int]:
        """Table → rows, of those with any."""
        found = {name: self._done[name] + len(self._seen.get(name, ())) for name in HOLDINGS}
        return {name: count for name, count in found.items() if count}

    async def calls(self, calls: Sequence[str], own: Sequence[str]) -> None:
        """Make some calls anonymous, with what hangs on them; their rows last, as by them the rest is found."""
        for name in ("recordings", "cases", "outbox", "callbacks"):  # of a customer: theirs alone, found elsewhere
            columns = _columns(name)
            await self._delete(name, and_(columns["call_id"].in_(own), columns["customer_id"].is_(None)))
        await self._events(calls)
        await self._empty("offers", _columns("offers")["call_id"].in_(calls))
        await self._empty("needs", _columns("needs")["call_id"].in_(calls))
        await self._empty("ratings", _columns("ratings")["call_id"].in_(own))
        await self._empty("calls", CallRow.id.in_(own))
        touched = CallRow.id.in_(set(calls) - set(own))
        lent = {"ani": None, "caller_name": "", "channel": "", "position": None}
        await self._empty("calls", touched & CallRow.ani.in_(self._who.numbers), lent)
        named = touched & or_(CallRow.ani.is_(None), CallRow.ani.not_in(self._who.numbers))
        await self._empty("calls", named & CallRow.position.is_not(None), {"position": None})

    async def everything_else(self) -> None:
        """What is found by the customer, their products, their numbers and the names they are remembered by."""
        who = self._who
        if who.numbers:  # another customer's case, stated from this number
            lent = CaseRow.ani.in_(who.numbers) & CaseRow.customer_id.is_not(None)
            if who.customer_id is not None:
                lent &= CaseRow.customer_id != who.customer_id
            await self._empty("cases", lent, {"ani": None})
        for name, holding in HOLDINGS.items():
            if name == "opt_outs" and self._keep_opt_outs:
                continue
            mine = self._mine(name, holding.by)
            if holding.fate is Fate.DELETED and mine is not None:
                await self._delete(name, mine)
            elif name == "ratings" and mine is not None:
                await self._empty(name, mine)

    def _mine(self, name: str, by: Iterable[str]) -> ColumnElement[bool] | None:
        """Rows that are theirs whatever call they come from."""
        who, columns = self._who, _columns(name)
        found: list[ColumnElement[bool]] = []
        for column in by:
            here = columns[column]
            if column in ("customer_id", "id") and who.customer_id is not None and (column, name) != ("id", "calls"):
                found.append(here == who.customer_id)
            elif column == "product_id" and who.products:
                found.append(here.in_(who.products))
            elif column == "subject":
                shared = () if name == "lockouts" else tuple(f"number:{number}" for number in who.shared)
                found.append(here.in_((*who.subjects, *shared)))
            elif column in ("number", "to"):
                found.append(here.in_(who.numbers))
            if column in ("number", "to", "ani") and "customer_id" in columns:
                found.append(here.in_((*who.numbers, *who.shared)) & columns["customer_id"].is_(None))
        return or_(*found) if found else None

    async def _delete(self, name: str, which: ColumnElement[bool]) -> None:
        """Delete rows, the sounds of recordings before their rows."""
        if name == "recordings":
            theirs = select(RecordingRow.id).where(which)
            await self._delete("talk_recordings", TalkRecordingRow.recording.in_(theirs))
        table = _table(name)
        key = tuple_(*table.primary_key.columns)
        wanted = select(*table.primary_key.columns).where(which)
        if self._files is None:
            await self._count(name, wanted)
            return
        while rows := await self._keys(wanted.limit(BATCH)):
            if name == "recordings":
                self.files_deleted += await self._files([str(id_) for (id_,) in rows])
                self.recordings += len(rows)
            await self._write(delete(table).where(key.in_(rows)))
            self._done[name] += len(rows)

    async def _empty(self, name: str, which: ColumnElement[bool], values: Mapping[str, Any] | None = None) -> None:
        """Empty what rows tell of a person; those in which nothing stands count as well."""
        table = _table(name)
        wanted = select(*table.primary_key.columns).where(which)
        if self._files is None:
            await self._count(name, wanted)
            return
        key = tuple_(*table.primary_key.columns)
        emptied = {
            column: null() if value is None else value
            for column, value in (HOLDINGS[name].emptied if values is None else values).items()
        }
        keys = await self._keys(wanted)
        for chunk in _chunks(keys, BATCH):
            await self._write(update(table).where(key.in_(chunk)).values(**emptied))
        self._done[name] += len(keys)

    async def _events(self, calls: Sequence[str]) -> None:
        """Keep of events what tells of nobody."""
        events, last = _table("call_events"), 0
        wanted = select(CallEventRow.id, CallEventRow.kind, CallEventRow.data).order_by(CallEventRow.id).limit(BATCH)
        while True:
            async with self._database.read() as session:
                rows = (
                    await session.execute(wanted.where(CallEventRow.call_id.in_(calls), CallEventRow.id > last))
                ).all()
            if not rows:
                return
            last = rows[-1][0]
            self._done["call_events"] += len(rows)
            if self._files is not None:
                kept = [{"key": id_, "kept": anonymous(kind, data)} for id_, kind, data in rows]
                statement = update(events).where(events.c["id"] == bindparam("key")).values(data=bindparam("kept"))
                await self._write(statement, kept)

    async def _write(self, statement: Any, rows: Sequence[Mapping[str, Any]] | None = None) -> None:
        async def work(session: AsyncSession) -> None:
            await (await session.connection()).execute(statement, rows)

        try:
            await self._database.transact(work)
        except IntegrityError as fault:  # they have just called again
            raise CallGoesOn from fault

    async def _keys(self, wanted: Any) -> list[tuple[Any, ...]]:
        async with self._database.read() as session:
            return [tuple(row) for row in await session.execute(wanted)]

    async def _count(self, name: str, wanted: Any) -> None:
        rows = await self._keys(wanted)
        self._seen.setdefault(name, set()).update(rows)
        if name == "recordings":
            self.recordings = len(self._seen[name])


def _table(name: str) -> Table:
    return Root.metadata.tables[name]


def _columns(name: str) -> Any:
    return _table(name).columns


def _chunks(items: Iterable[Any], size: int) -> Iterable[list[Any]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
