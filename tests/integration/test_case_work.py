"""What is done about a case: notes, tiers, deadlines, handlers and alarms, on SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event, func, select

from ivr.case_alarms import CaseAlarms
from ivr.complaints import Alarms, Complaints
from ivr.testing.clock import FakeClock
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.facts import CallerFacts
from menus.hours import Hours
from menus.schema import Calendar
from models.agents import Agents
from models.calls import CallJournal
from models.case_work import By, CaseWork
from models.cases import CaseBook
from models.database import Database
from models.errors import AtTheTop, CaseClosed, NotNeutral, UnknownAgent, UnknownCase
from models.forgetting import Forgetting
from models.tables import CaseAlarmRow, CaseEventRow, CustomerRow, NumberRow, OutboxRow
from routing.call import Arrival, Ending, Reason, Result
from routing.errands import NewCase
from routing.errors import StoreAway

ZONE = ZoneInfo("Asia/Shanghai")
T = 1_796_100_000.0  # Tuesday 2026-12-01 12:40 in Shanghai
LI = "+8613800000001"
GRACE = By(1, "grace")
HOUR = 3600.0


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, tmp_path) as made:
        for name in ("grace", "rude"):
            await Agents(made).add(name, name.title(), "a password", f"PJSIP/{name}", {"complaints": 2})
        async with made.write() as session:
            about = {"language": "en", "segment": "mass", "since_on": date(2020, 1, 1)}
            session.add_all([CustomerRow(id=7, name="Li Na", **about), CustomerRow(id=8, name="Wang", **about)])
            await session.flush()
            session.add(NumberRow(customer_id=7, e164=LI, kind="mobile"))
        async with CallJournal(made, "node-a") as journal:
            for call, ani in (("c1", LI), ("c2", LI), ("c3", "+8613800000099")):
                arrival = Arrival(call, call, "PJSIP/x", ani, "", "95500")
                customer = 7 if ani == LI else 8
                journal.opened(arrival, now=T, facts=CallerFacts(ani, customer, 1), language="en", book_version=1)
                await journal.settle(call, deadline_s=5)
        yield made


async def opened(database: Database, call_id: str = "c1", **more) -> str:
    case = NewCase("Charged twice", 1, 5, call_id, 7, LI, None, **more)
    return (await CaseBook(database, ZONE).open(case, now=T)).number


async def test_what_is_done_about_a_case_is_kept_with_who_did_it(database: Database) -> None:
    work, number = CaseWork(database), await opened(database, due_at={1: T + 10 * HOUR}, severity="high")
    await work.note(number, "asked for the slip", by=GRACE, now=T + 1)
    await work.assign(number, "grace", by=By(), now=T + 2)
    assert [one.number for one in await work.of_handler(1)] == [number]
    assert await work.raise_tier(number, "beyond me", highest=3, by=GRACE, now=T + 3) == 2
    await work.extend(number, T + 20 * HOUR, "the branch is closed", by=GRACE, now=T + 4)
    one = await work.file(number)
    assert (one.tier, one.handler, one.due_at, one.severity) == (2, None, T + 20 * HOUR, "high")
    assert [(event.kind, event.by) for event in one.events] == [
        ("opened", ""), ("noted", "grace"), ("assigned", ""), ("raised", "grace"), ("extended", "grace"),
    ]  # fmt: skip
    assert one.events[3].data == {"from": 1, "to": 2, "text": "beyond me"}
    assert await work.close(number, "refunded", by=GRACE, now=T + 5) is True
    assert await work.close(number, by=GRACE, now=T + 6) is False
    with pytest.raises(CaseClosed):
        await work.note(number, "too late", by=GRACE, now=T + 7)
    with pytest.raises(UnknownCase):
        await work.note("7", "whose?", by=GRACE, now=T + 7)


async def test_a_case_is_never_given_to_the_agent_whom_it_is_about(database: Database) -> None:
    work, number = CaseWork(database), await opened(database, against_id=2)
    with pytest.raises(NotNeutral, match="about rude"):
        await work.assign(number, "rude", by=By(), now=T)
    with pytest.raises(UnknownAgent):
        await work.assign(number, "nobody", by=By(), now=T)
    assert (await work.file(number)).against == "rude"


async def test_a_case_of_the_highest_tier_goes_no_further_and_keeps_its_handler(database: Database) -> None:
    work, number = CaseWork(database), await opened(database)
    await work.assign(number, "grace", by=By(), now=T)
    with pytest.raises(AtTheTop, match="tier 1 already"):
        await work.raise_tier(number, "beyond me", highest=1, by=GRACE, now=T + 1)
    one = await work.file(number)
    assert (one.handler, [event.kind for event in one.events]) == ("grace", ["opened", "assigned"])


async def test_a_case_is_not_given_to_an_agent_who_was_removed(database: Database) -> None:
    work, number = CaseWork(database), await opened(database)
    await Agents(database).remove("grace", now=T)
    with pytest.raises(UnknownAgent, match="any more"):
        await work.assign(number, "grace", by=By(), now=T + 1)
    assert (await work.file(number)).handler is None


async def test_a_call_finds_the_open_cases_of_its_customer_and_of_no_other(database: Database) -> None:
    work, mine = CaseWork(database), await opened(database)
    assert [one.number for one in await work.of_call("c2")] == [mine]
    assert await work.of_call("c3") == ()
    await work.close(mine, by=By(), now=T)
    assert await work.of_call("c2") == ()


def alarms_of(database: Database, clock: FakeClock, registry=None) -> CaseAlarms:
    hours = Hours(Calendar(hours={"office": "Mo-Fr 09:00-18:00"}), ZONE)
    rules = Complaints(hours="office", alarms=Alarms(shares=(0.5,), hours_before=(9, 0), send_to=("+8613700000001",)))
    return CaseAlarms(CaseWork(database), rules, hours, clock, registry)


async def test_of_two_nodes_exactly_one_tells_each_alarm_and_each_once(database: Database) -> None:
    clock, registry = FakeClock(T), CollectorRegistry()
    due_at = T + 48 * HOUR  # Thursday 12:40: 18 working hours
    number = await opened(database, due_at={1: due_at})
    nodes = [alarms_of(database, clock, registry), alarms_of(database, clock)]

    async def look() -> int:
        return sum(await asyncio.gather(*(node.look() for node in nodes * 2)))

    assert await look() == 0
    clock.advance(24 * HOUR + 1)  # half the working time has passed, and its last working day begins
    assert await look() == 1
    assert await look() == 0
    clock.advance(24 * HOUR)
    assert await look() == 1
    async with database.read() as session:
        texts = list(await session.scalars(select(OutboxRow.text).order_by(OutboxRow.id)))
    assert texts == [
        f"Case {number} (tier 1, nobody) is due 2026-12-03 12:40.",
        f"Case {number} (tier 1, nobody) is overdue since 2026-12-03 12:40.",
    ]
    assert sum((node.told for node in nodes), start=nodes[0].told.__class__()) == {"before": 1, "passed": 1}
    assert registry.get_sample_value("ringwise_cases_overdue") == 1
    told = [event.data["alarms"] for event in (await CaseWork(database).file(number)).events if event.kind == "alarmed"]
    assert told == [["share:0.5", "before:32400"], ["passed"]]
    assert [one.number for one in await CaseWork(database).due_soon(now=clock.now(), within_s=0)] == [number]


async def test_an_alarm_whose_text_cannot_be_kept_is_not_told_and_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(database, due_at={1: T - HOUR})
    node = alarms_of(database, FakeClock(T))

    async def full(*_: object) -> bool:
        raise StoreAway

    with monkeypatch.context() as broken:
        broken.setattr("models.case_work.put_out", full)
        with pytest.raises(StoreAway):
            await node.look()
    assert await node.look() == 1


async def test_an_overdue_case_of_which_nothing_is_new_costs_no_write(database: Database) -> None:
    await opened(database, due_at={1: T - HOUR})
    await alarms_of(database, FakeClock(T)).look()
    statements: list[str] = []
    note = lambda connection, cursor, statement, *_: statements.append(statement)  # noqa: E731
    event.listen(database._engine.sync_engine, "before_cursor_execute", note)
    assert await alarms_of(database, FakeClock(T)).look() == 0
    asked = [statement for statement in statements if statement != "BEGIN"]  # a write begins otherwise
    assert [statement.split()[0] for statement in asked] == ["SELECT", "SELECT"]


async def test_a_later_deadline_alarms_anew_and_a_closed_case_not_at_all(database: Database) -> None:
    clock, work = FakeClock(T), CaseWork(database)
    number = await opened(database, due_at={1: T + HOUR})
    node = alarms_of(database, clock)
    clock.advance(2 * HOUR)
    assert await node.look() == 1
    await work.extend(number, T + 3 * HOUR, "more time", by=GRACE, now=clock.now())
    assert await node.look() == 1  # its last hours have begun
    await work.close(number, by=GRACE, now=clock.now())
    clock.advance(2 * HOUR)
    assert await node.look() == 0


async def test_what_was_done_about_the_cases_of_a_customer_is_forgotten_with_them(database: Database) -> None:
    work, number = CaseWork(database), await opened(database, due_at={1: T - HOUR})
    await work.note(number, "Li Na says…", by=GRACE, now=T)
    await alarms_of(database, FakeClock(T)).look()
    async with CallJournal(database, "node-a") as journal:
        for call in ("c1", "c2", "c3"):
            journal.ended(call, Ending(Result.SERVED, Reason.AGENT), T)
            await journal.settle(call, deadline_s=5)

    async def no_files(ids: Sequence[str]) -> int:
        return 0

    forgetting = Forgetting(database)
    await forgetting.forget(await forgetting.find(customer_id=7), files=no_files)
    async with database.read() as session:
        for table in (CaseEventRow, CaseAlarmRow):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
