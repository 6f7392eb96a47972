"""What earlier calls leave behind for the next one: the same tests on the directory in memory and on the databases."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from ivr.ports import Callbacks, CallLog, Directory
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from ivr.testing.records import MemoryCallLog, MemoryDirectory, MemoryStore
from ivr.testing.selfservice import MemoryCallbacks
from menus.facts import CallerFacts, CaseFact, MenuMemory, RecentCall
from models.callbacks import CallbackBook
from models.calls import CallJournal
from models.customers import Customers
from models.tables import AgentRow, CaseRow, CustomerRow, LifeEventRow, NumberRow, OptOutRow, ProductRow
from routing.call import Arrival, Ending, Reason, Result
from routing.callback import CallbackEvent, CallbackWish

T = 1_790_000_000.0
ZONE = ZoneInfo("Asia/Shanghai")
TODAY = datetime.fromtimestamp(T, ZONE).date()
ANI, SHARED, UNKNOWN = "+8613800000001", "+8613800000002", "+8613800000009"
LI = CallerFacts(ani=ANI, customer_id=1, matches=1, language="zh", segment="mass", since_on=date(2020, 1, 1))
WANG, ZHANG = replace(LI, ani=SHARED, customer_id=2), replace(LI, ani=SHARED, customer_id=3)
GOT_AGENT, HUNG_UP = Ending(Result.SERVED, Reason.AGENT), Ending(Result.LEFT, Reason.IN_MENU)


@dataclass
class World:
    """A directory with what writes into it."""

    directory: Directory
    log: CallLog
    callbacks: Callbacks
    opt_out: Any

    async def find(self, ani: str | None = ANI, now: float = T) -> CallerFacts:
        return await self.directory.find(ani, now=now, deadline_s=5)

    async def call(self, id_="c1", *events, ani=ANI, facts=LI, at=T - 3600, ending: Ending | None = HUNG_UP) -> None:
        """A call with these events (kind, data), over unless it has no ending."""
        self.log.opened(Arrival(id_, id_, "PJSIP/x", ani, "", ""), now=at, facts=facts, language="en", book_version=1)
        for kind, data in events:
            self.log.event(id_, kind, at + 1, **data)
        if ending is not None:
            self.log.ended(id_, ending, at + 60)
        assert await self.log.settle(id_, deadline_s=5)

    async def missed(self, ani=ANI, *, at=T - 3600, queue="general") -> None:
        """A callback that nobody answered."""
        wish = CallbackWish("c0", ani, None, queue, "Cards", "en", "now", at - 10, at - 10)
        id_ = await self.callbacks.request(wish, now=at - 10)
        assert await self.callbacks.move(id_, 0, CallbackEvent.MISS, now=at)


@pytest.fixture(params=["memory", SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def world(request, tmp_path) -> AsyncIterator[World]:
    if request.param == "memory":
        store = MemoryStore(facts={ANI: (LI,), SHARED: (WANG, ZHANG)})

        async def opt_out(number: str) -> None:
            store.opted_out.add(number)

        yield World(MemoryDirectory(store, ZONE), MemoryCallLog(store), MemoryCallbacks(store), opt_out)
        return
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(request.param, tmp_path))
        people = [(1, "Li", ANI), (2, "Wang", SHARED), (3, "Zhang", SHARED)]
        async with database.write() as session:
            await session.execute(
                insert(CustomerRow),
                [
                    {"id": id_, "name": name, "language": "zh", "segment": "mass", "since_on": date(2020, 1, 1)}
                    for id_, name, _ in people
                ],
            )
            await session.execute(insert(NumberRow), [{"e164": n, "customer_id": id_} for id_, _, n in people])

        async def opt_out(number: str) -> None:
            async with database.write() as session:
                session.add(OptOutRow(number=number, at=T))

        log = await stack.enter_async_context(CallJournal(database, "node-a"))
        yield World(Customers(database, ZONE), log, CallbackBook(database), opt_out)


def key(task: str | None) -> tuple[str, dict[str, Any]]:
    return "key", {"menu": "main", "key": "1", "option": "x", "task": task}


def step(name: str, does: str) -> tuple[str, dict[str, Any]]:
    return "step", {"step": name, "does": does}


# --- calls of late ------------------------------------------------------------------------------------------------


async def test_calls_of_a_week_are_known_newest_first_with_their_last_task_and_step(world):
    way = [step("main", "menu"), key("transfer"), step("check", "verify"), step("move", "transact")]
    await world.call("c1", *way, step("bye", "goodbye"), at=T - 7200, ending=GOT_AGENT)
    await world.call("c2", *way, step("main", "menu"), key("card"), step("cards", "menu"), at=T - 600)
    await world.call("old", key("card"), at=T - 8 * 86400)
    facts = await world.find()
    assert facts.recent == (
        RecentCall(datetime.fromtimestamp(T - 600, ZONE), "card", None, "left"),
        RecentCall(datetime.fromtimestamp(T - 7200, ZONE), "transfer", "move", "served"),
    )


async def test_a_call_that_goes_on_is_no_earlier_call(world):
    await world.call("now", key("card"), ending=None)
    assert (await world.find()).recent == ()


async def test_a_call_that_we_made_is_no_call_of_the_number(world):
    await world.call("callback-3-1", key("card"))
    assert (await world.find()).recent == ()


async def test_a_shared_number_tells_that_there_were_calls_and_of_nobody_what_about(world):
    await world.call("c1", key("card"), step("cards", "route"), ani=SHARED, facts=CallerFacts(SHARED, None, 2))
    await world.call("c2", key("card"), step("cards", "route"), ani=SHARED, facts=WANG, at=T - 60)
    facts = await world.find(SHARED)
    assert (facts.customer_id, facts.segment, facts.products, facts.open_cases) == (None, None, (), 0)
    assert [(call.task, call.step) for call in facts.recent] == [(None, None), (None, None)]


async def test_a_number_without_a_customer_tells_what_its_calls_were_about_unless_somebody_was_verified(world):
    await world.call("c1", key("card"), step("cards", "route"), ani=UNKNOWN, facts=CallerFacts(UNKNOWN))
    await world.call("c2", key("loan"), ani=UNKNOWN, facts=CallerFacts(UNKNOWN), at=T - 60, ending=None)
    world.log.verified("c2", 2, T)
    world.log.ended("c2", GOT_AGENT, T)
    await world.log.settle("c2", deadline_s=5)
    facts = await world.find(UNKNOWN)
    assert [(call.task, call.step) for call in facts.recent] == [(None, None), ("card", "cards")]


async def test_a_verified_customer_is_told_of_their_own_calls_from_this_number_only(world):
    await world.call("theirs", key("card"), ani=SHARED, facts=WANG)
    await world.call("others", key("loan"), ani=SHARED, facts=ZHANG, at=T - 60)
    await world.call("nobodys", key("fees"), ani=SHARED, facts=CallerFacts(SHARED, None, 2), at=T - 30)
    facts = await world.directory.customer(2, ani=SHARED, now=T, deadline_s=5)
    assert (facts.customer_id, facts.ani, facts.matches, facts.segment) == (2, SHARED, 2, "mass")
    assert [call.task for call in facts.recent] == [None, None, "card"]


async def test_a_verified_customer_without_a_number_is_known_and_has_no_calls_of_late(world):
    facts = await world.directory.customer(1, ani=None, now=T, deadline_s=5)
    assert (facts.customer_id, facts.ani, facts.matches, facts.recent) == (1, None, 0, ())


async def test_a_customer_who_does_not_exist_is_nobody(world):
    assert await world.directory.customer(99, ani=ANI, now=T, deadline_s=5) is None


# --- missed callbacks ---------------------------------------------------------------------------------------------


async def test_a_callback_that_nobody_answered_is_known_for_a_week(world):
    assert not (await world.find()).missed_callback
    await world.missed()
    assert (await world.find()).missed_callback
    assert not (await world.find(now=T + 8 * 86400)).missed_callback
    assert not (await world.find(SHARED)).missed_callback


async def test_a_conversation_since_settles_a_missed_callback(world):
    await world.missed()
    await world.call("menu", ending=HUNG_UP, at=T - 600)
    assert (await world.find()).missed_callback
    await world.call("agent", ending=GOT_AGENT, at=T - 300)
    assert not (await world.find()).missed_callback


async def test_a_callback_that_is_still_to_come_is_not_missed(world):
    await world.callbacks.request(CallbackWish("c0", ANI, 1, "general", "x", "en", "now", T, T), now=T - 60)
    assert not (await world.find()).missed_callback


# --- what is remembered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ani", "subject"), [(ANI, "customer:1"), (UNKNOWN, f"number:{UNKNOWN}")])
async def test_what_is_remembered_of_a_caller_is_found_by_customer_or_by_number(world, ani, subject):
    memory = MenuMemory(("card",), ("transfer", "card"), 2, True)
    world.log.menu_heard(subject, "main", memory, T)
    world.log.kept(subject, "language", "en", T)
    world.log.kept(subject, "vip_code", "7", T)
    world.log.kept("customer:2", "vip_code", "8", T)
    await world.log.settle("", deadline_s=5)
    facts = await world.find(ani)
    assert (facts.memory, facts.remembered, facts.language) == ({"main": memory}, {"vip_code": "7"}, "en")


async def test_nothing_is_remembered_of_a_shared_number(world):
    world.log.kept(f"number:{SHARED}", "vip_code", "7", T)
    await world.log.settle("", deadline_s=5)
    facts = await world.find(SHARED)
    assert (facts.remembered, facts.memory) == ({}, {})


@pytest.mark.parametrize("ani", [ANI, SHARED, UNKNOWN])
async def test_a_number_that_opted_out_wants_no_messages(world, ani):
    assert not (await world.find(ani)).opted_out
    await world.opt_out(ani)
    assert (await world.find(ani)).opted_out


# --- the bank's own knowledge, in the databases -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def test_products_dates_life_events_and_cases_are_those_of_the_customer(kind, tmp_path):
    async with fresh_database(kind, tmp_path) as database:
        async with database.write() as session:
            who = {"language": "en", "segment": "private", "since_on": date(2015, 5, 1), "churn_risk": 0.25}
            session.add(CustomerRow(id=1, name="Li", yearly_value_cents=120_000, **who))
            await session.flush()
            session.add(NumberRow(e164=ANI, customer_id=1))
            held = {"customer_id": 1, "name": "x", "opened_on": date(2020, 1, 1)}
            session.add(ProductRow(kind="savings", **held))
            for days, product, key_kind in ((40, "loan", "contract_end"), (3, "credit_card", "card_expiry")):
                session.add(ProductRow(kind=product, key_kind=key_kind, key_on=TODAY + timedelta(days=days), **held))
            session.add(ProductRow(kind="insurance", key_kind="premium_due", key_on=TODAY - timedelta(days=1), **held))
            for days, event in ((10, "new_car"), (400, "marriage"), (-5, "retirement")):
                session.add(LifeEventRow(customer_id=1, kind=event, happened_on=TODAY - timedelta(days=days)))
            cases = ((1, "open", T - 5), (3, "open", T + 99), (2, "open", None), (3, "closed", T - 5))
            for number, (tier, state, due_at) in enumerate(cases):
                session.add(
                    CaseRow(
                        number=str(number),
                        customer_id=1,
                        subject="x",
                        tier=tier,
                        state=state,
                        opened_at=1,
                        due_at=due_at,
                    )
                )
        facts = await Customers(database, ZONE).find(ANI, now=T, deadline_s=5)
    assert (facts.segment, facts.value_cents, facts.churn_risk) == ("private", 120_000, 0.25)
    assert facts.since_on == date(2015, 5, 1)
    assert sorted(facts.products) == ["credit_card", "insurance", "loan", "savings"]
    assert facts.key_dates == (
        ("card_expiry", TODAY + timedelta(days=3)),
        ("contract_end", TODAY + timedelta(days=40)),
    )
    assert facts.life_events == (("new_car", TODAY - timedelta(days=10)),)
    assert (facts.open_cases, facts.case_tier, facts.cases_overdue) == (3, 3, 1)


@pytest.mark.parametrize("kind", [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def test_a_case_opened_from_a_number_counts_in_its_next_call_and_is_told_only_where_the_number_is_nobodys(
    kind, tmp_path
):
    async with fresh_database(kind, tmp_path) as database:
        async with database.write() as session:
            who = {"language": "en", "segment": "mass", "since_on": date(2015, 5, 1)}
            session.add_all(CustomerRow(id=id_, name="x", **who) for id_ in (1, 2, 3))
            agent = {"password_hash": "", "auto_answer": False, "phone": "PJSIP/x"}
            session.add(AgentRow(id=5, name="rude", full_name="", state="ready", since=0.0, version=0, **agent))
            await session.flush()
            session.add_all(NumberRow(e164=n, customer_id=i) for i, n in ((1, ANI), (2, SHARED), (3, SHARED)))
            case = {"subject": "x", "tier": 2, "opened_at": T - 99, "due_at": T - 9, "severity": "high"}
            for index, (ani, customer_id, state) in enumerate([
                (UNKNOWN, None, "open"), (UNKNOWN, None, "closed"), (UNKNOWN, 1, "open"),
                (SHARED, None, "open"), (SHARED, 2, "open"), (ANI, None, "open"), (ANI, 3, "open"),
            ]):  # fmt: skip
                row = {"ani": ani, "customer_id": customer_id, "state": state, "against_id": 5}
                session.add(CaseRow(id=index + 1, number=str(index), **row, **case))
        people = Customers(database, ZONE)
        facts = {ani: await people.find(ani, now=T, deadline_s=5) for ani in (ANI, SHARED, UNKNOWN)}
        verified = await people.customer(2, ani=SHARED, now=T, deadline_s=5)
    late = CaseFact(T - 99, True, "high", None, 5, 2, True)
    known = {ani: (one.open_cases, one.case_tier, one.cases_overdue, one.number_cases) for ani, one in facts.items()}
    assert known[UNKNOWN] == (1, 2, 1, (late,))  # the one of a customer who was verified there is told to nobody
    assert facts[UNKNOWN].cases == (late, CaseFact(T - 99, False, "high", None, 5, 2, False))
    assert known[SHARED] == (0, 0, 0, (late, late))
    assert known[ANI] == (1, 2, 1, (late,))  # their own from elsewhere; not the one that somebody else opened here
    assert verified is not None
    assert (verified.open_cases, verified.number_cases) == (1, (late,))
