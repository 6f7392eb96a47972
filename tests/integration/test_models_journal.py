"""The journal of calls: write-behind in order, through a locked or absent database, bounded."""

import asyncio
import sqlite3
import sys
from contextlib import asynccontextmanager
from datetime import date
from enum import StrEnum
from types import MappingProxyType

import pytest
from sqlalchemy import delete, func, insert, select

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database, fresh_url
from menus.facts import CallerFacts
from models.calls import CallJournal
from models.database import Database
from models.tables import CallEventRow, CallRow, CustomerRow, HistoryEventRow
from routing.call import Arrival, CallEvent, Ending, Reason, Result
from routing.errors import StoreAway

T = 1_790_000_000.0


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def sqlite(tmp_path):
    async with fresh_database(SQLITE, tmp_path) as opened:
        yield opened


@pytest.fixture
async def journal(database):
    async with CallJournal(database, "node-a") as opened:
        yield opened


def arrival(call_id: str, **more) -> Arrival:
    about = {"uniqueid": call_id, "channel": "PJSIP/1", "ani": None, "caller_name": "", "dnis": "", **more}
    return Arrival(call_id, **about)


def whole_call(journal: CallJournal, call_id: str, events: int = 10, facts: CallerFacts | None = None) -> None:
    journal.opened(arrival(call_id), now=T, facts=facts or CallerFacts(), language="en", book_version=1)
    journal.moved(call_id, CallEvent.NEED)
    for number in range(events):
        journal.event(call_id, "key", T + number, number=number)
    journal.stands(call_id, {"step": "bye"}, "en")
    journal.ended(call_id, Ending(Result.LEFT, Reason.IN_QUEUE), T + 100)


async def events_of(database: Database, call_id: str) -> list[tuple[str, dict]]:
    async with database.read() as session:
        rows = await session.execute(
            select(CallEventRow.kind, CallEventRow.data)
            .where(CallEventRow.call_id == call_id)
            .order_by(CallEventRow.id)
        )
        return [(kind, data) for kind, data in rows]


async def call_of(database: Database, call_id: str) -> CallRow | None:
    async with database.read() as session:
        return await session.get(CallRow, call_id)


async def add_customer(database: Database) -> None:
    async with database.write() as session:
        await session.execute(
            insert(CustomerRow).values(id=7, name="Li Na", language="zh", segment="mass", since_on=date(2020, 1, 1))
        )


@asynccontextmanager
async def locked_by_another_process(database: Database):
    """Another process holds SQLite's write lock."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE');"
        "print('locked', flush=True); sys.stdin.readline(); c.execute('COMMIT')"
    )
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(database.url.database)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert await holder.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        await holder.communicate(b"done\n")


async def test_what_was_written_is_there_once_settled_and_in_order(database, journal):
    whole_call(journal, "c1", events=700)
    assert await journal.settle("c1", deadline_s=10)
    events = await events_of(database, "c1")
    assert [kind for kind, _ in events] == ["arrived", *["key"] * 700, "ended"]
    assert [data["number"] for kind, data in events if kind == "key"] == list(range(700))
    assert events[-1][1] == {"result": "left", "reason": "in_queue"}
    assert journal.waiting == 0


async def test_a_call_that_was_never_written_is_settled(journal):
    assert await journal.settle("nobody", deadline_s=1)


async def test_many_calls_at_once_lose_nothing(database, journal):
    async def one(number: int) -> None:
        journal.opened(arrival(f"c{number}"), now=T, facts=CallerFacts(), language="en", book_version=1)
        for key in range(5):
            journal.event(f"c{number}", "key", T + key, number=key)
            assert await journal.settle(f"c{number}", deadline_s=10)

    await asyncio.gather(*(one(number) for number in range(30)))
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(CallEventRow)) == 30 * 6


async def test_leaving_the_journal_writes_what_is_left(database):
    async with CallJournal(database, "node-a") as journal:
        whole_call(journal, "c1", events=1200)
    assert len(await events_of(database, "c1")) == 1202


async def test_an_error_that_ends_the_engine_is_not_changed_by_the_journal(database):
    async def engine() -> None:
        async with CallJournal(database, "node-a") as journal:
            whole_call(journal, "c1")
            raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        await engine()
    assert (await call_of(database, "c1")).reason == "in_queue"


@pytest.mark.fault("E1", "the record of a call while the database is locked")
async def test_a_locked_database_delays_the_journal_and_never_the_call(sqlite):
    loop = asyncio.get_running_loop()
    async with CallJournal(sqlite, "node-a") as journal:
        async with locked_by_another_process(sqlite):
            began = loop.time()
            whole_call(journal, "c1", events=300)
            assert loop.time() - began < 0.5
            assert not await journal.settle("c1", deadline_s=0.8)
            assert journal.waiting == 305
            # Read access goes on: a write lock of another process stands in nobody's way there.
            assert await journal.resume("c1", deadline_s=2) is None
            whole_call(journal, "c2", events=3)
        assert await journal.settle("c2", deadline_s=10)
        assert await journal.settle("c1", deadline_s=0)
    for call_id, count in (("c1", 300), ("c2", 3)):
        events = await events_of(sqlite, call_id)
        assert [data["number"] for kind, data in events if kind == "key"] == list(range(count))
        assert (await call_of(sqlite, call_id)).reason == "in_queue"


@pytest.mark.fault("E1", "the loop while the database is locked")
async def test_the_loop_is_not_stalled_while_the_database_is_locked(sqlite):
    loop = asyncio.get_running_loop()
    worst = 0.0
    async with CallJournal(sqlite, "node-a") as journal, locked_by_another_process(sqlite):
        whole_call(journal, "c1")
        until = loop.time() + 1.2
        while loop.time() < until:
            before = loop.time()
            await asyncio.sleep(0.005)
            worst = max(worst, loop.time() - before - 0.005)
    assert worst < 0.4  # a stalled loop would stand still for LOCK_S, 0.5 s


@pytest.mark.fault("E5", "the database away for too long")
async def test_when_the_database_is_away_for_too_long_the_oldest_events_go_and_calls_and_endings_stay(sqlite):
    async with CallJournal(sqlite, "node-a", most_events=50) as journal:
        async with locked_by_another_process(sqlite):
            for number in range(20):
                whole_call(journal, f"c{number}", events=10)
        for number in range(20):
            assert await journal.settle(f"c{number}", deadline_s=10)
        assert journal.events_dropped > 0
        dropped = journal.events_dropped
    stored = 0
    for number in range(20):
        call = await call_of(sqlite, f"c{number}")
        assert (call.reason, call.position) == ("in_queue", {"step": "bye"})
        events = await events_of(sqlite, f"c{number}")
        stored += len([kind for kind, _ in events if kind != "ended"])
    assert stored == 20 * 11 - dropped
    assert [data["number"] for kind, data in await events_of(sqlite, "c19") if kind == "key"] == list(range(10))


async def test_an_entry_that_the_database_refuses_is_dropped_alone(database, journal, caplog):
    whole_call(journal, "c1", events=2)
    journal.event("no-such-call", "key", T, number=1)
    whole_call(journal, "c2", events=2)
    assert await journal.settle("c2", deadline_s=10)
    assert journal.entries_refused == 1
    assert "no-such-call" in caplog.text
    assert len(await events_of(database, "c1")) == len(await events_of(database, "c2")) == 4
    whole_call(journal, "c3", events=2)
    assert await journal.settle("c3", deadline_s=10)


async def test_a_customer_who_was_deleted_meanwhile_costs_the_call_nothing_but_their_name(database, journal):
    await add_customer(database)
    async with database.write() as session:
        await session.execute(delete(CustomerRow))
    whole_call(journal, "c1", facts=CallerFacts(ani="+861", customer_id=7, matches=1))
    journal.used(7, "transfer", T, "c1")
    assert await journal.settle("c1", deadline_s=10)
    assert journal.entries_refused == 0
    assert (await call_of(database, "c1")).customer_id is None


async def test_a_chosen_task_becomes_history_of_the_customer(database, journal):
    await add_customer(database)
    whole_call(journal, "c1", facts=CallerFacts(ani="+861", customer_id=7, matches=1))
    journal.used(7, "transfer", T + 3, "c1")
    assert await journal.settle("c1", deadline_s=10)
    assert (await call_of(database, "c1")).customer_id == 7
    async with database.read() as session:
        (row,) = await session.scalars(select(HistoryEventRow))
    assert (row.customer_id, row.task, row.at, row.source, row.call_id) == (7, "transfer", T + 3, "ivr", "c1")


HOSTILE = ["\x00", "a\x00b", "\ud800", "'; DROP TABLE calls; --", "😀" * 5000, "\u202e", "x" * 10_000, ""]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_is_stored_or_cut_and_never_refused(database, journal, text):
    hostile = arrival("c1", uniqueid=text, channel=text, ani=text, caller_name=text, dnis=text)
    journal.opened(hostile, now=T, facts=CallerFacts(), language=text, book_version=1)
    journal.event("c1", text, T, value=text, of={text: [text]})
    journal.stands("c1", {text: text}, text)
    assert await journal.settle("c1", deadline_s=10)
    assert journal.entries_refused == 0
    call = await call_of(database, "c1")
    assert "\x00" not in call.caller_name
    assert len(call.caller_name) <= 64
    assert len(await events_of(database, "c1")) == 2


class Colour(StrEnum):
    RED = "red"


async def test_an_event_takes_any_value_as_plain_json_at_that_moment(database, journal):
    changing = [1, 2]
    whole_call(journal, "c1", events=0)
    journal.event(
        "c1",
        "odd",
        T,
        changing=changing,
        colour=Colour.RED,
        day=date(2026, 11, 23),
        inf=float("inf"),
        proxy=MappingProxyType({1: (True, None)}),
        set={5},
    )
    changing.append(3)
    await journal.settle("c1", deadline_s=10)
    (data,) = [data for kind, data in await events_of(database, "c1") if kind == "odd"]
    assert data == {
        "changing": [1, 2],
        "colour": "red",
        "day": "2026-11-23",
        "inf": None,
        "proxy": {"1": [True, None]},
        "set": [5],
    }


async def test_a_call_resumed_by_the_node_that_just_wrote_it_sees_its_own_last_words(database, journal):
    whole_call(journal, "c0", events=400)
    journal.opened(arrival("c1"), now=T, facts=CallerFacts(), language="en", book_version=3)
    journal.stands("c1", {"step": "cards"}, "en")
    resumed = await journal.resume("c1", deadline_s=5)
    assert (resumed.position, resumed.book_version) == ({"step": "cards"}, 3)


async def test_resume_gives_up_at_its_deadline(database, journal):
    whole_call(journal, "c1")
    await journal.settle("c1", deadline_s=5)
    assert await journal.resume("c1", deadline_s=0) is None


async def test_reading_a_call_says_when_the_database_is_away(tmp_path):
    async with fresh_url(SQLITE, tmp_path) as url:
        async with Database.opened(url) as database, CallJournal(database, "node-a") as journal:
            whole_call(journal, "c1")
            await journal.settle("c1", deadline_s=5)
        with sqlite3.connect(str(database.url.database)) as raw:
            raw.execute("PRAGMA journal_mode=DELETE")
        raw.close()
        (tmp_path / "ringwise.db").write_bytes(b"this is no database" * 1000)
        for read in (journal.path, journal.caller):
            with pytest.raises(StoreAway):
                await read("c1")
        assert await journal.resume("c1", deadline_s=5) is None
        await database.dispose()
