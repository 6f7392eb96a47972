"""The pop is composed of offer, call, bank and habit, and never of another caller's."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import httpx

from ivr.bank.webhook import WebhookBank
from ivr.pop import pop_for_agent, pop_for_call
from ivr.ports import Arrival, NeedWish
from ivr.testing.line import HangUp, Press
from ivr.testing.pops import a_customer
from ivr.testing.stage import ANI, Stage
from menus.arrangement import Why
from menus.facts import CallerFacts, HistoryEvent, MenuMemory
from menus.heard_first import HeardFirst, heard_first
from routing.agent import AgentEvent
from routing.offer import Claimed, OfferEvent


async def _offered(stage: Stage, call_id: str = "call-1", ani: str | None = ANI) -> Claimed:
    """A call that is offered to the only agent."""
    arrival = Arrival(call_id, call_id, f"PJSIP/{call_id}", ani, "LI NA", "95588")
    stage.log.opened(arrival, now=stage.clock.now(), facts=CallerFacts(), language="zh", book_version=1)
    stage.log.event(call_id, "key", stage.clock.now(), menu="main", key="0", label="an agent")
    await stage.exchange.open_need(call_id, NeedWish("general", {"general": 1}, "zh", "General"), now=stage.clock.now())
    await stage.dispatcher.round()
    standing = await stage.exchange.standing(call_id, now=stage.clock.now())
    assert standing is not None
    assert standing.offer is not None
    return standing.offer


async def test_a_pop_tells_who_calls_what_they_did_and_what_they_usually_do() -> None:
    stage = Stage()
    stage.agent()
    customer = a_customer(stage.clock.now(), numbers=(ANI,))
    stage.bank.customers.append(customer)
    history = tuple(HistoryEvent(datetime(2026, month, 21, 9, tzinfo=UTC), "transfer") for month in range(1, 9))
    stage.store.facts[ANI] = (CallerFacts(ANI, customer.id, 1, "zh", None, history),)
    offer = await _offered(stage, ani="13800000001")
    pop = await pop_for_call(stage.parts, offer)
    assert pop is not None
    assert (pop.offer.offer_id, pop.ani, pop.caller_name, pop.language) == (offer.offer_id, ANI, "LI NA", "zh")
    assert pop.customer is not None
    assert (pop.customer.name, pop.candidates) == ("Li Na", ())
    assert [(step.text, step.key) for step in pop.path] == [("an agent", "0")]
    assert pop.habit == "usually transfers money on the 21st"


async def test_a_pop_tells_what_was_heard_first_and_why_in_every_language_of_the_book() -> None:
    stage = Stage()
    stage.agent()
    history = tuple(HistoryEvent(datetime(2026, month, 21, 9, tzinfo=UTC), "transfer") for month in range(1, 9))
    stage.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en", None, history),)
    row = await stage.take(stage.leg(Press("2", hearing="main.transfer"), HangUp("hold")))
    assert row.id == "call-1"
    (record,) = await stage.log.decisions("call-1")
    heard = heard_first(
        stage.parts.edition(None).book,
        [record],
        stage.store.facts[ANI][0],
        datetime.fromtimestamp(stage.clock.now(), UTC),
    )
    assert heard == HeardFirst(
        "main",
        Why.HABIT,
        {"en": "transfers", "zh": "转账"},
        {"en": "usually transfers money on the 21st", "zh": "通常在每月21日转账"},
    )


async def test_the_pop_of_a_call_has_what_was_heard_first_and_the_menus_that_are_frozen() -> None:
    stage = Stage()
    stage.agent()
    memory = {"main": MenuMemory(("cards",), frozen=True), "cards": MenuMemory()}
    stage.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en", memory=memory),)
    stage.log.event("call-1", "menu", 1.0, menu="main", record={"menu": "gone", "promoted": ["x"]})
    record = {"menu": "main", "promoted": ["cards"], "why": {"cards": "frozen"}}
    stage.log.event("call-1", "menu", 2.0, menu="main", record=record)
    stage.log.event("call-1", "menu", 3.0, menu="cards", record={"menu": "cards", "promoted": []})
    pop = await pop_for_call(stage.parts, await _offered(stage))
    assert pop is not None
    assert pop.heard_first == HeardFirst("main", Why.FROZEN, {"en": "cards", "zh": "银行卡"})
    assert pop.frozen == ("main",)


async def test_a_caller_on_a_shared_phone_is_shown_no_habit_of_another() -> None:
    stage = Stage()
    record = {"menu": "main", "promoted": ["transfer"], "why": {"transfer": "habit"}}
    heard = heard_first(stage.parts.edition(None).book, [record], CallerFacts(ANI, matches=2), datetime.now(UTC))
    assert heard is not None
    assert (heard.why, heard.because) == (Why.HABIT, {})


async def test_several_customers_with_one_number_are_candidates_and_none_is_the_customer() -> None:
    stage = Stage()
    stage.agent()
    now = stage.clock.now()
    stage.bank.customers += [a_customer(now, id=2, numbers=(ANI,)), a_customer(now, id=1, numbers=(ANI,))]
    pop = await pop_for_call(stage.parts, await _offered(stage))
    assert pop is not None
    assert pop.customer is None
    assert [customer.id for customer in pop.candidates] == [1, 2]
    assert pop.habit == ""


async def test_a_caller_without_a_number_is_shown_as_nobody() -> None:
    stage = Stage()
    stage.agent()
    stage.bank.customers.append(a_customer(stage.clock.now()))
    pop = await pop_for_call(stage.parts, await _offered(stage, ani=None))
    assert pop is not None
    assert (pop.ani, pop.customer, pop.candidates) == (None, None, ())


async def test_an_offer_that_is_gone_has_no_pop_not_even_that_of_the_agents_next_caller() -> None:
    stage = Stage()
    stage.agent()
    old = await _offered(stage)
    await stage.exchange.close_need("call-1", "abandoned", now=stage.clock.now())
    assert await pop_for_call(stage.parts, old) is None
    new = await _offered(stage, call_id="call-2")
    assert await pop_for_call(stage.parts, old) is None
    shown = await pop_for_call(stage.parts, new)
    assert shown is not None
    assert shown.offer.call_id == "call-2"


async def test_a_bank_that_is_late_costs_the_pop_its_customer_and_not_the_pop() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    stage = Stage(settings={"calls": {"lookup_s": 0.05}})
    stage.agent()
    lookup_s = stage.parts.settings.calls.lookup_s
    late = WebhookBank("http://bank", "s3cret", lookup_s=lookup_s, transport=httpx.MockTransport(never))
    stage.bank.customers_by_number = late.customers_by_number  # type: ignore[method-assign]
    await stage.take(stage.leg(Press("0", hearing="main")))
    ((_, pop),) = stage.desk.pops
    assert (pop.ani, pop.customer) == (ANI, None)
    assert stage.told("popped")[0]["shown"] is True


async def test_an_agent_in_wrap_up_still_sees_the_last_pop_and_a_ready_one_none() -> None:
    stage = Stage()
    agent = stage.agent()
    offer = await _offered(stage)
    now = stage.clock.now()
    await stage.exchange.close_offer(offer.offer_id, offer.fence, OfferEvent.COMPLETE, now=now, wrap_up_s=30)
    pop = await pop_for_agent(stage.parts, agent.id)
    assert pop is not None
    assert pop.offer.state == "completed"
    await stage.roster.say(agent.id, AgentEvent.READY, now=now)
    assert await pop_for_agent(stage.parts, agent.id) is None


async def test_a_call_without_a_record_has_no_pop() -> None:
    stage = Stage()
    agent = stage.agent()
    offer = await _offered(stage)
    del stage.store.calls["call-1"]
    assert await pop_for_call(stage.parts, offer) is None
    assert await pop_for_agent(stage.parts, agent.id) is None


async def test_cases_and_contacts_of_later_than_now_are_not_shown() -> None:
    stage = Stage()
    stage.agent()
    now = stage.clock.now()
    customer = a_customer(now, numbers=(ANI,))
    later = replace(customer.contacts[0], at=now + 60)
    stage.bank.customers.append(replace(customer, contacts=(later, *customer.contacts)))
    pop = await pop_for_call(stage.parts, await _offered(stage))
    assert pop is not None
    assert pop.customer is not None
    assert later not in pop.customer.contacts
