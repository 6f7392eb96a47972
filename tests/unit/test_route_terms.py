"""Softening, overflow, the last agent, life events, credit and opening hours in whole calls."""

import asyncio
import json
from dataclasses import replace
from datetime import date

from ivr.conversation import converse
from ivr.ports import ROUTING
from ivr.queues import CallerRules, Credits, LastAgent, OwnAgent, Queue, Queues, QueueTable, Step, Way
from ivr.steps.wishes import QUEUED
from ivr.testing.books import book_with
from ivr.testing.line import Break, HangUp, Press, ScriptedLeg
from ivr.testing.stage import ANI, TO_AGENT, Stage
from menus.facts import CallerFacts, CaseFact
from menus.schema import Calendar, Entry, ServiceLevel
from menus.walk import Position

EN = {"lang:en": 5}


def stage(queue: Queue, *more: tuple[str, Queue], callers: CallerRules | None = None, **hours: str) -> Stage:
    site = Queues(
        version=1,
        calendar=Calendar(hours=hours),
        callers=callers or CallerRules(),
        queues={"general": queue, **dict(more)},
    )
    return Stage(queues=site.table("UTC"))


def sweeps(node: Stage, *at_s: float) -> None:
    """The dispatcher looks again at these moments, as it does each second."""
    for seconds in at_s:
        node.clock.later(seconds, lambda: node.hints.nudge(ROUTING))


async def test_a_caller_gets_an_agent_of_a_lower_level_once_the_queue_asks_for_less() -> None:
    node = stage(Queue(skills={"general": 7}, softening=(Step(after_s=40, skills={"general": 2}),)))
    node.agent("junior", skills={**EN, "general": 2})
    sweeps(node, *range(60))
    await node.take(leg := node.leg(TO_AGENT))
    assert leg.rung == ["PJSIP/junior"]
    waited = node.offer.made_at - node.need.since
    assert 40 <= waited <= 45
    (told,) = node.told("offer")
    assert told["why"]["softened"] == 1


async def test_a_group_that_only_the_menu_asks_for_is_dropped_once_the_queue_says_so() -> None:
    softening = (Step(after_s=40, skills={"house": 0}),)
    steps = "  first: {kind: route, queue: general, reason: House, needs: {house: 1}, then: main, otherwise: main}\n"
    site = Queues(version=1, queues={"general": Queue(skills={"general": 1}, softening=softening)})
    node = Stage(book_with(steps), queues=site.table("UTC"))
    node.agent("anybody", skills={**EN, "general": 5})
    sweeps(node, *range(60))
    await node.take(leg := node.leg(Press("3", hearing="main"), HangUp(hearing="again")))
    assert leg.rung == ["PJSIP/anybody"]
    assert 40 <= node.offer.made_at - node.need.since <= 45


async def test_agents_of_another_queue_help_out_after_a_while() -> None:
    general = Queue(skills={"general": 1}, overflow=(Way(to="cards", after_s=30),))
    node = stage(general, ("cards", Queue(skills={"cards": 1})))
    node.agent("carol", skills={**EN, "cards": 5})
    sweeps(node, *range(60))
    await node.take(leg := node.leg(TO_AGENT))
    assert leg.rung == ["PJSIP/carol"]
    assert 30 <= node.offer.made_at - node.need.since <= 35
    assert node.need.queue == "general"


async def test_a_caller_gets_the_agent_whom_they_talked_to_last() -> None:
    node = stage(Queue(skills={"general": 1}, wrap_up_s=0, last_agent=LastAgent(wait_s=60)))
    grace = node.agent("grace", skills={**EN, "general": 5})
    await node.take(node.leg(TO_AGENT, call_id="first"))
    node.agent("idle", skills={**EN, "general": 1}).since = 0.0
    grace.state = "ready"
    grace.since = node.clock.now()
    await node.take(leg := node.leg(TO_AGENT, call_id="second"))
    assert leg.rung == ["PJSIP/grace"]


async def test_a_caller_waits_for_their_last_agent_only_so_long() -> None:
    node = stage(Queue(skills={"general": 1}, last_agent=LastAgent(wait_s=60)))
    grace = node.agent("grace", skills={**EN, "general": 5})
    await node.take(node.leg(TO_AGENT, call_id="first"))
    node.agent("idle", skills={**EN, "general": 5})
    grace.state, grace.wrap_up_until = "busy", None
    sweeps(node, *range(100))
    await node.take(leg := node.leg(TO_AGENT, call_id="second"))
    assert leg.rung == ["PJSIP/idle"]
    assert 60 <= node.offer.made_at - node.need.since <= 65


def of_grace(node: Stage) -> None:
    """Grace looks after the customer who calls."""
    node.store.facts[ANI] = (CallerFacts(ANI, 1, 1, "en", "private", agent="grace"),)


async def test_a_customer_gets_the_agent_who_looks_after_them_before_the_one_they_talked_to_last() -> None:
    node = stage(Queue(skills={"general": 1}, own_agent=OwnAgent(wait_s=60), last_agent=LastAgent(wait_s=60)))
    of_grace(node)
    last = node.agent("last", skills={**EN, "general": 1})
    grace = node.agent("grace", skills={**EN, "general": 5}, ready=False)
    await node.take(leg := node.leg(TO_AGENT, call_id="first"))
    assert leg.rung == ["PJSIP/last"]  # their own is not at work
    last.state, last.since, grace.state = "ready", 0.0, "ready"
    await node.take(leg := node.leg(TO_AGENT, call_id="second"))
    assert leg.rung == ["PJSIP/grace"]
    (told,) = node.told("offer", "second")
    assert (told["why"]["wanted_agent"], told["why"]["wanted_is"]) == (True, "own")


async def test_a_customer_waits_for_their_own_agent_only_so_long() -> None:
    node = stage(Queue(skills={"general": 1}, own_agent=OwnAgent(wait_s=60)))
    of_grace(node)
    node.agent("grace", skills={**EN, "general": 5}).state = "busy"
    node.agent("idle", skills={**EN, "general": 5})
    sweeps(node, *range(100))
    await node.take(leg := node.leg(TO_AGENT))
    assert leg.rung == ["PJSIP/idle"]
    assert 60 <= node.offer.made_at - node.need.since <= 65
    (told,) = node.told("offer")
    assert (told["why"]["wanted_agent"], told["why"]["wanted_is"]) == (False, "own")


async def test_an_agent_whom_the_complaint_of_their_customer_is_about_is_not_wanted() -> None:
    node = stage(Queue(skills={"general": 1}, own_agent=OwnAgent(wait_s=60)))
    grace = node.agent("grace", skills={**EN, "general": 1})
    case = CaseFact(node.clock.now(), True, against=grace.id)
    node.store.facts[ANI] = (CallerFacts(ANI, 1, 1, "en", "private", agent="grace", open_cases=1, cases=(case,)),)
    grace.since = node.clock.now()
    node.agent("idle", skills={**EN, "general": 1}).since = 0.0
    await node.take(leg := node.leg(TO_AGENT))
    assert leg.rung == ["PJSIP/idle"]


async def test_a_stranger_does_not_get_the_last_agent_of_somebody_else() -> None:
    node = stage(Queue(skills={"general": 1}, wrap_up_s=0, last_agent=LastAgent(wait_s=60)))
    node.agent("grace", skills={**EN, "general": 5})
    await node.take(node.leg(TO_AGENT, call_id="first"))
    node.agent("idle", skills={**EN, "general": 1})
    await node.take(leg := node.leg(TO_AGENT, call_id="second", ani="+8613900000009"))
    assert leg.rung == ["PJSIP/idle"]


async def test_a_customer_who_moves_house_gets_an_agent_of_that_group() -> None:
    rules = CallerRules(life_events={"moving_house": {"moving": 2}})
    node = stage(Queue(skills={"general": 1}), callers=rules)
    node.store.facts[ANI] = (CallerFacts(ANI, 1, 1, "en", "mass", life_events=(("moving_house", date(2026, 11, 1)),)),)
    node.agent("first", skills={**EN, "general": 1})
    node.agent("mover", skills={**EN, "general": 5, "moving": 1})
    await node.take(leg := node.leg(TO_AGENT))
    assert leg.rung == ["PJSIP/mover"]


async def test_a_customer_of_high_value_is_granted_credit() -> None:
    node = stage(Queue(skills={"general": 1}), callers=CallerRules(credits=Credits(segments={"private": 3})))
    node.store.facts[ANI] = (CallerFacts(ANI, 1, 1, "en", "private"),)
    await node.take(node.leg(TO_AGENT, HangUp()))
    assert node.need.credit_s == 180


async def test_after_hours_the_book_goes_on_at_once_and_nobody_waits() -> None:
    node = stage(Queue(skills={"general": 1}, hours="never"), never="Mo-Su off")
    node.agent(skills={**EN, "general": 5})
    row = await node.take(leg := node.leg(TO_AGENT))
    assert (leg.rung, leg.heard[-1], node.store.needs) == ([], "bye", {})
    assert row.reason == "no_agents"
    left = json.loads(Position.from_json(row.position or {}).values[QUEUED])  # for a callback
    assert (left["queue"], left["required"], left["since"]) == ("general", {"general": 1}, None)


async def test_after_hours_callers_come_to_the_queue_that_is_open() -> None:
    general = Queue(skills={"general": 7}, hours="never", after_hours="night")
    node = stage(general, ("night", Queue(skills={"night": 1})), never="Mo-Su off")
    node.agent("owl", skills={**EN, "night": 1})
    await node.take(leg := node.leg(TO_AGENT))
    assert (leg.rung, node.need.queue, node.need.required) == (["PJSIP/owl"], "night", {"night": 1})


async def test_a_queue_may_keep_the_position_to_itself() -> None:
    node = stage(Queue(skills={"general": 1}, announce_position=False))
    await node.take(leg := node.leg(TO_AGENT, HangUp(after_s=100)))
    assert "place" not in leg.heard
    assert "still" in leg.heard


def test_a_table_without_a_file_has_no_hours_and_grants_nothing() -> None:
    table = QueueTable({"general": Queue(skills={"general": 1})})
    assert table.open_one("general", 0.0) == "general"
    assert table.callers.credits.minutes(CallerFacts(segment="private"), 0.0) == 0


async def test_who_waited_before_the_queue_closed_waits_on_with_another_engine() -> None:
    first = stage(Queue(skills={"general": 1}))
    await first.take(first.leg(TO_AGENT, Break(hearing="hold")))
    closed = Queues(
        version=1,
        calendar=Calendar(hours={"never": "Mo-Su off"}),
        queues={"general": Queue(skills={"general": 1}, hours="never")},
    )
    second = Stage(beside=first, node="node-b", queues=closed.table("UTC"))
    second.agent(skills={**EN, "general": 5})
    await second.take(leg := second.leg(rung=2))
    assert leg.rung == ["PJSIP/grace"]


PRIVATE, MASS = "+8613800000061", "+8613800000062"


async def two_wait(node: Stage, first: ScriptedLeg, second: ScriptedLeg) -> None:
    """Two callers wait, the first a little longer, until the only agent becomes ready."""
    agent = node.agent("grace", skills={**EN, "general": 5}, ready=False)

    def free() -> None:
        agent.state, agent.since = "ready", node.clock.now()
        node.hints.nudge(ROUTING)

    async with node.dispatching(), asyncio.TaskGroup() as calls:
        calls.create_task(converse(first, node.parts))
        for _ in range(200):
            await asyncio.sleep(0)
        calls.create_task(converse(second, node.parts))
        node.clock.later(30, free)


def segment(number: str, customer: int, name: str) -> tuple[CallerFacts, ...]:
    return (CallerFacts(number, customer, 1, "en", name),)


async def test_customers_of_the_green_channel_are_served_before_those_who_came_somewhat_earlier() -> None:
    for minutes, expected in ((2, "second"), (0, "first")):
        rules = CallerRules(credits=Credits(segments={"private": minutes}))
        node = stage(Queue(skills={"general": 1}, wrap_up_s=600), callers=rules)
        node.store.facts |= {MASS: segment(MASS, 1, "mass"), PRIVATE: segment(PRIVATE, 2, "private")}
        legs = [
            node.leg(TO_AGENT, HangUp(after_s=60), call_id="first", ani=MASS),
            node.leg(TO_AGENT, HangUp(after_s=60), call_id="second", ani=PRIVATE),
        ]
        await two_wait(node, *legs)
        assert node.store.offers[1].call_id == expected


async def test_a_line_with_a_service_level_of_its_own_has_that_goal_where_it_is_the_shorter_one() -> None:
    for within_s, expected in ((10, 10.0), (600, 20.0)):
        node = stage(Queue(skills={"general": 1}))
        edition = node.editions[1]
        line = Entry(numbers=("95588",), then="hello", service_level=ServiceLevel(share=0.9, within_s=within_s))
        book = edition.book.model_copy(update={"entries": {"brokers": line}})
        node.editions[1] = replace(edition, book=book)
        node.agent("grace", skills={**EN, "general": 5})
        await node.take(node.leg(TO_AGENT))
        assert node.need.terms["goal_s"] == expected
