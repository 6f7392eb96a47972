"""What outbox and cases promise: the same tests on the twins in memory, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from ivr.ports import Cases, NewCase, TextMessage
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from ivr.testing.selfservice import MemoryCases, MemoryMessenger
from ivr.testing.store import MemoryStore
from menus.facts import CallerFacts
from models.calls import CallJournal
from models.cases import CaseBook
from models.database import Database
from models.outbox import LAPSED, OPTED_OUT, NotSent, Outbox, pause_s
from models.ratings import Ratings, Summary
from models.recordings import Recordings
from models.tables import CallRow, CaseRow, CustomerRow, OutboxRow, RecordingRow
from routing.call import Arrival, Rating, Recording

T = 1_796_100_000.0  # 2026-12-01 12:40 in Shanghai
ZONE = ZoneInfo("Asia/Shanghai")
LI, WANG = "+8613800000001", "+8613800000002"
STORES = ["memory", SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)]
COMPLAINT = NewCase("Complaint", 1, 5, "c1", 7, LI, "c1-tell-1")


@dataclass
class World:
    """One store, two nodes."""

    outbox: Any
    other: Any
    cases: Cases
    zone: Callable[[str], Cases]


@pytest.fixture(params=STORES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "memory":
        store = MemoryStore()
        yield World(
            MemoryMessenger(store, "node-a", most_tries=3),
            MemoryMessenger(store, "node-b", most_tries=3),
            MemoryCases(store),
            lambda name: MemoryCases(store, ZoneInfo(name)),
        )
        return
    async with fresh_database(request.param, tmp_path) as database:
        await add_people(database)
        yield World(
            Outbox(database, "node-a", most_tries=3),
            Outbox(database, "node-b", most_tries=3),
            CaseBook(database, ZONE),
            lambda name: CaseBook(database, ZoneInfo(name)),
        )


@pytest.fixture(params=STORES[1:])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, tmp_path) as made:
        await add_people(made)
        yield made


async def add_people(database: Database) -> None:
    about = {"language": "en", "segment": "mass", "since_on": date(2020, 1, 1)}
    async with database.write() as session:
        await session.execute(insert(CustomerRow).values([{"id": n, "name": "Emma", **about} for n in (7, 8)]))
        call = {"channel": "PJSIP/x", "node": "node-a", "state": "menu", "started_at": T}
        await session.execute(insert(CallRow).values([{"id": f"c{n}", "uniqueid": "", **call} for n in range(1, 10)]))


def message(key: str = "c1:tell-1", to: str = LI, text: str = "hello") -> TextMessage:
    return TextMessage(to, text, key, "c1", 7, "code")


# --- the outbox -------------------------------------------------------------------------------------------------------


async def test_a_message_is_taken_once_and_handed_out_once(world: World) -> None:
    assert await world.outbox.send(message(), now=T)
    assert await world.outbox.send(message(), now=T + 1)
    (taken,) = await world.outbox.claim(now=T + 1, lease_s=30, most=10)
    assert (taken.key, taken.to, taken.text, taken.tries) == ("c1:tell-1", LI, "hello", 1)
    assert await world.outbox.claim(now=T + 2, lease_s=30, most=10) == ()
    assert await world.other.claim(now=T + 2, lease_s=30, most=10) == ()
    assert await world.outbox.sent(taken, now=T + 3)
    assert await world.outbox.claim(now=T + 1e6, lease_s=30, most=10) == ()
    assert await world.outbox.counts() == {"waiting": 0, "sent": 1, "failed": 0}


async def test_the_longest_due_come_first_and_no_more_than_asked_for(world: World) -> None:
    for number in range(5):
        await world.outbox.send(message(f"k{number}"), now=T + number)
    first = await world.outbox.claim(now=T + 10, lease_s=30, most=2)
    second = await world.other.claim(now=T + 10, lease_s=30, most=9)
    assert [one.key for one in first] == ["k0", "k1"]
    assert [one.key for one in second] == ["k2", "k3", "k4"]


async def test_two_nodes_that_claim_at_the_same_moment_never_hold_the_same_message(world: World) -> None:
    for number in range(40):
        await world.outbox.send(message(f"k{number}"), now=T)
    claims = [node.claim(now=T, lease_s=30, most=5) for _ in range(5) for node in (world.outbox, world.other)]
    held = [one.id for taken in await asyncio.gather(*claims) for one in taken]
    rest = [one.id for one in await world.outbox.claim(now=T, lease_s=30, most=99)]
    assert sorted(held + rest) == sorted(set(held + rest))
    assert len(held + rest) == 40


async def test_a_message_that_was_not_taken_waits_twice_as_long_each_time_and_is_given_up(world: World) -> None:
    await world.outbox.send(message(), now=T)
    now = T
    for pause in (30.0, 60.0):
        (taken,) = await world.outbox.claim(now=now, lease_s=30, most=1)
        assert await world.outbox.not_sent(taken, "503", for_good=False, now=now) is NotSent.WAITS
        assert await world.outbox.claim(now=now + pause - 1, lease_s=30, most=1) == ()
        now += pause
    (taken,) = await world.other.claim(now=now, lease_s=30, most=1)
    assert taken.tries == 3
    assert await world.other.not_sent(taken, "503 still", for_good=False, now=now) is NotSent.GIVEN_UP
    assert await world.outbox.claim(now=now + 1e6, lease_s=30, most=1) == ()
    (told,) = await world.outbox.newest(5, state="failed")
    assert (told.to, told.template, told.tries, told.fault) == (LI, "code", 3, "503 still")


def test_pauses_double_to_an_hour_and_no_further() -> None:
    assert [pause_s(tries, 30) for tries in (1, 2, 3, 7, 8, 50)] == [30, 60, 120, 1920, 3600, 3600]


async def test_a_message_that_is_refused_is_not_tried_again(world: World) -> None:
    await world.outbox.send(message(), now=T)
    (taken,) = await world.outbox.claim(now=T, lease_s=30, most=1)
    assert await world.outbox.not_sent(taken, "400 no such number", for_good=True, now=T) is NotSent.GIVEN_UP
    assert await world.outbox.counts() == {"waiting": 0, "sent": 0, "failed": 1}


async def test_a_dead_nodes_message_is_sent_by_another_and_the_dead_node_has_no_say_any_more(world: World) -> None:
    await world.outbox.send(message(), now=T)
    (old,) = await world.outbox.claim(now=T, lease_s=30, most=1)
    assert await world.other.claim(now=T + 29, lease_s=30, most=1) == ()
    (new,) = await world.other.claim(now=T + 30, lease_s=30, most=1)
    assert new.tries == 2
    assert not await world.outbox.sent(old, now=T + 31)
    assert await world.outbox.not_sent(old, "late", for_good=True, now=T + 31) is None
    assert await world.other.sent(new, now=T + 32)


async def test_a_message_whose_last_try_lapsed_is_given_up(world: World) -> None:
    await world.outbox.send(message(), now=T)
    for turn in range(3):
        assert len(await world.outbox.claim(now=T + turn * 30, lease_s=30, most=1)) == 1
    assert await world.outbox.claim(now=T + 90, lease_s=30, most=1) == ()
    (told,) = await world.outbox.newest(1)
    assert (told.state, told.fault) == ("failed", LAPSED)


async def test_who_wants_no_messages_gets_none_until_they_want_them_again(world: World) -> None:
    await world.outbox.send(message("k1"), now=T)
    await world.outbox.send(message("k2", to=WANG), now=T)
    assert await world.outbox.opt_out(LI, now=T + 1) == 1
    assert await world.outbox.opt_out(LI, now=T + 2) == 0
    assert not await world.outbox.send(message("k3"), now=T + 3)
    assert [one.to for one in await world.outbox.claim(now=T + 3, lease_s=30, most=9)] == [WANG]
    (told,) = await world.outbox.newest(5, state="failed")
    assert (told.to, told.fault) == (LI, OPTED_OUT)
    assert await world.outbox.opted_out() == (LI,)
    assert await world.outbox.opt_in(LI)
    assert not await world.outbox.opt_in(LI)
    assert await world.outbox.send(message("k3"), now=T + 4)


async def test_two_nodes_that_take_the_same_message_at_the_same_moment_take_it_once(world: World) -> None:
    assert all(await asyncio.gather(*(node.send(message(), now=T) for node in (world.outbox, world.other) * 3)))
    assert (await world.outbox.counts())["waiting"] == 1


# --- cases ------------------------------------------------------------------------------------------------------------


async def test_a_case_has_a_number_of_digits_and_a_day(world: World) -> None:
    opened = await world.cases.open(COMPLAINT, now=T)
    assert opened.number == "100001"
    assert (opened.tier, opened.due_on) == (1, date(2026, 12, 6))


async def test_the_day_is_that_of_the_site(world: World) -> None:
    opened = await world.zone("Pacific/Kiritimati").open(COMPLAINT, now=T + 6 * 3600)
    assert opened.due_on == date(2026, 12, 7)


async def test_the_same_call_and_subject_open_one_case(world: World) -> None:
    first = await world.cases.open(COMPLAINT, now=T)
    assert await world.cases.open(COMPLAINT, now=T + 60) == first
    other = await world.cases.open(replace(COMPLAINT, subject="Fees"), now=T + 60)
    assert other.number != first.number


async def test_a_case_has_the_tier_that_the_rules_gave_it_also_beside_an_open_one(world: World) -> None:
    tiers = [(await world.cases.open(replace(COMPLAINT, call_id=f"c{n}", tier=n), now=T)).tier for n in (1, 2, 3)]
    assert tiers == [1, 2, 3]


async def test_callers_whom_nobody_knows_have_cases_too(world: World) -> None:
    unknown = replace(COMPLAINT, customer_id=None, ani=None, recording=None)
    first = await world.cases.open(unknown, now=T)
    second = await world.cases.open(replace(unknown, call_id="c2"), now=T)
    assert (first.tier, second.tier) == (1, 1)
    assert first.number != second.number


async def test_cases_opened_at_the_same_moment_have_different_numbers_and_one_tier_each(world: World) -> None:
    calls = [replace(COMPLAINT, call_id=f"c{n}", customer_id=None) for n in range(1, 9)]
    opened = await asyncio.gather(*(world.cases.open(one, now=T) for one in calls))
    assert len({one.number for one in opened}) == 8
    twice = await asyncio.gather(*(world.cases.open(replace(COMPLAINT, call_id="c9"), now=T) for _ in range(4)))
    assert len(set(twice)) == 1


async def test_what_is_stored_of_a_case_is_what_agents_need(database: Database) -> None:
    opened = await CaseBook(database, ZONE).open(COMPLAINT, now=T)
    async with database.read() as session:
        (row,) = await session.scalars(select(CaseRow))
    assert (row.number, row.customer_id, row.ani, row.call_id) == (opened.number, 7, LI, "c1")
    assert (row.recording, row.state, row.opened_at) == ("c1-tell-1", "open", T)
    assert row.due_at == T - 40 * 60 - 12 * 3600 + 6 * 86400 - 1  # the last second of the day in Shanghai


async def test_a_closed_case_raises_no_tier(database: Database) -> None:
    cases = CaseBook(database, ZONE)
    await cases.open(COMPLAINT, now=T)
    async with database.write() as session:
        await session.execute(update(CaseRow).values(state="closed", closed_at=T))
    assert (await cases.open(replace(COMPLAINT, call_id="c2"), now=T)).tier == 1


async def test_a_number_that_was_given_otherwise_is_passed_over(database: Database) -> None:
    values = {"subject": "x", "tier": 1, "state": "open", "opened_at": T}
    async with database.write() as session:
        await session.execute(insert(CaseRow).values(number="100002", **values))
    assert (await CaseBook(database, ZONE).open(COMPLAINT, now=T)).number == "100003"


# --- recordings and ratings ------------------------------------------------------------------------------------------


def arrival(call_id: str) -> Arrival:
    return Arrival(call_id, call_id, "PJSIP/x", LI, "", "95500")


async def test_recordings_are_listed_newest_first_and_forgotten_everywhere(database: Database) -> None:
    async with CallJournal(database, "node-a") as journal:
        for number, purpose in enumerate(("voicemail", "complaint"), start=1):
            journal.recorded(Recording(f"c{number}-tell-1", f"c{number}", purpose, 4.5, 7), T + number)
        journal.rated(Rating("c1", "after", "why", "comment", None, "c1-tell-1", "customer:7"), T)
        assert await journal.settle("c2", deadline_s=5)
        assert await journal.settle("c1", deadline_s=5)
    await CaseBook(database, ZONE).open(COMPLAINT, now=T)
    recordings = Recordings(database)
    assert [one.id for one in await recordings.newest(9)] == ["c2-tell-1", "c1-tell-1"]
    (one,) = await recordings.newest(9, purpose="voicemail")
    assert (one.call_id, one.customer_id, one.seconds, one.at) == ("c1", 7, 4.5, T + 1)
    assert await recordings.made_before(T + 2, most=9) == ("c1-tell-1",)
    await recordings.forget(["c1-tell-1"])
    async with database.read() as session:
        assert list(await session.scalars(select(RecordingRow.id))) == ["c2-tell-1"]
        assert list(await session.scalars(select(CaseRow.recording))) == [None]


async def test_ratings_are_added_up_by_question(database: Database) -> None:
    async with CallJournal(database, "node-a") as journal:
        for number, (nps, csat, yes) in enumerate([(10, 5, 1), (9, 4, 0), (3, 4, 1), (7, 1, 1)], start=1):
            for question, score in (("nps", nps), ("csat", csat), ("yes_no", yes), ("comment", None)):
                journal.rated(Rating(f"c{number}", "after", question, question, score), T)
            assert await journal.settle(f"c{number}", deadline_s=5)
    found = {one.question: one for one in await Ratings(database).summaries(since=T)}
    assert found["nps"] == Summary("after", "nps", "nps", 4, 7.25, 25.0)
    assert (found["csat"].mean, found["yes_no"].mean, found["comment"].mean) == (3.5, 0.75, None)
    assert found["comment"].answers == 4
    assert await Ratings(database).summaries(since=T + 1) == ()


async def test_the_outbox_keeps_who_a_message_is_about(database: Database) -> None:
    await Outbox(database, "node-a").send(message(), now=T)
    async with database.read() as session:
        (row,) = await session.scalars(select(OutboxRow))
    assert (row.call_id, row.customer_id, row.template, row.made_at) == ("c1", 7, "code", T)


async def test_who_answered_a_survey_lately_is_known(database: Database) -> None:
    async with CallJournal(database, "node-a") as journal:
        journal.opened(arrival("c1"), now=T, facts=CallerFacts(), language="en", book_version=1)
        journal.rated(Rating("c1", "after", "nps", "nps", 9, subject="customer:7"), T)
        assert await journal.settle("c1", deadline_s=5)
        assert await journal.rated_lately("customer:7", since=T)
        assert not await journal.rated_lately("customer:7", since=T + 1)
        assert not await journal.rated_lately("customer:8", since=T)
