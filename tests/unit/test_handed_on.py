"""Callers whom an agent has handed on wait as any others do: told how long, placed by their complaint, with a goal."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.complaints import Complaints
from ivr.ports import Dialled, DialStatus
from ivr.queues import LastAgent, Queue, Queues, Way
from ivr.testing.books import book_with_callbacks, book_with_wait_words
from ivr.testing.calling_back import SETTINGS as CALLING_BACK
from ivr.testing.calling_back import wish
from ivr.testing.handing import QUEUES, TALKED, asks
from ivr.testing.line import HangUp, Press, ScriptedLeg
from ivr.testing.stage import ANI, SKILLS, TO_AGENT, Stage
from menus.facts import CallerFacts, CaseFact
from menus.schema import Entry, ServiceLevel
from models.moves import stated
from models.tables import AgentRow
from routing.agent import AgentState
from routing.outlook import Lately
from routing.talk import TalkEvent, Target, TargetKind, sent_of
from routing.terms import terms_of
from routing.views import NeedWish

EN = {"lang:en": 5}
OUTSIDE = Target(TargetKind.NUMBER, "+8613900000009")
TO_CARDS, TO_COMPLAINTS = Target(TargetKind.QUEUE, "cards"), Target(TargetKind.QUEUE, "complaints")


def ready_again(stage: Stage, agent: AgentRow) -> Callable[[], None]:
    def act() -> None:
        agent.state, agent.since, agent.version = "ready", stage.clock.now(), agent.version + 1
        stage.hints.nudge("routing")

    return act


async def handed_on(stage: Stage, target: Target, after_s: float = 60) -> ScriptedLeg:
    """A caller whom grace hands on."""
    grace = stage.agent("grace")
    leg = stage.leg(TO_AGENT, HangUp(after_s=after_s))
    asks(stage, leg, grace, TalkEvent.TRANSFER, target)
    await stage.take(leg)
    return leg


def a_case(stage: Stage, *, tier: int, against: int | None = None) -> None:
    """The caller has a case that is open."""
    case = CaseFact(stage.clock.now() - 86_400, True, "high", "card_fraud", against)
    stage.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en", open_cases=1, case_tier=tier, cases=(case,)),)


async def test_who_is_handed_on_hears_the_expected_wait_and_it_is_kept_with_their_new_need() -> None:
    cards = Queue(skills={"cards": 1}, announce_wait={"service_s": 240})
    stage = Stage(book_with_wait_words(), queues={"general": Queue(skills={"general": 1}), "cards": cards})
    stage.waits.seen["cards"] = Lately(100, 240)
    for number in range(4):
        stage.agent(f"busy{number}", skills={**EN, "cards": 5}).state = AgentState.BUSY.value
    for number in range(8):
        need = stated(f"other{number}", NeedWish("cards", {"cards": 1}, "en", ""), stage.clock.now() - 4000)
        stage.store.needs[number + 1] = need
        need.id = number + 1
    leg = await handed_on(stage, TO_CARDS)
    assert "between" in leg.heard
    assert [row.need_id for row in stage.store.told_waits] == [stage.need.id]
    assert (stage.need.call_id, stage.need.queue) == ("call-1", "cards")


async def test_a_complaint_keeps_tier_authority_and_neutrality_when_an_agent_hands_it_to_its_queue() -> None:
    stage = Stage(queues=QUEUES)
    carol = stage.agent("carol", skills={**EN, "complaints": 9})
    ruth = stage.agent("ruth", skills={**EN, "complaints": 8})
    a_case(stage, tier=3, against=carol.id)
    leg = await handed_on(stage, TO_COMPLAINTS)
    terms = terms_of(stage.need.terms)
    assert leg.rung == ["PJSIP/grace", ruth.phone], "never whom the case is about"
    assert stage.need.tier == 3
    assert terms.authority is not None
    assert (terms.authority.level, terms.barred) == (7, {carol.id, stage.store.offers[1].agent_id})
    (told,) = stage.told("tier")
    assert (told["tier"], told["why"][0]["because"]) == (3, [{"what": "case"}])


async def test_a_complaint_that_goes_to_another_queue_of_complaints_does_not_fall_below_its_tier() -> None:
    queues = {"general": Queue(skills={"complaints": 1}), "complaints": Queue(skills={"complaints": 1, "cards": 1})}
    stage = Stage(queues=queues)
    grace = stage.agent("grace", skills={**EN, "complaints": 1})
    ruth = stage.agent("ruth", skills={**EN, "complaints": 4})
    leg = stage.leg(TO_AGENT, HangUp(after_s=10))
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.TIER))
    asks(stage, leg, ruth, TalkEvent.TRANSFER, TO_COMPLAINTS)
    await stage.take(leg)
    assert leg.rung == [grace.phone, ruth.phone]
    assert (stage.need.queue, stage.need.tier) == ("complaints", 2)


async def test_an_escalation_that_nobody_at_work_may_decide_alarms_and_does_not_wait_for_ever() -> None:
    site = Queues(
        version=1,
        complaints=Complaints(neutral_wait_s=52.9),
        queues={"general": Queue(skills={"complaints": 1})},
    )
    stage = Stage(queues=site.table("UTC"))
    grace = stage.agent("grace", skills={**SKILLS, "complaints": 1})
    leg = stage.leg(TO_AGENT, HangUp(after_s=1200))
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.TIER))
    await stage.take(leg)
    assert stage.parts.out_of_reach == {"2": 1}
    assert [told["level"] for told in stage.told("out_of_reach")] == [4]
    assert stage.need.closed_at is not None
    assert (stage.need.outcome, round(stage.need.closed_at - stage.need.since)) == ("gave_up", 53)


async def test_the_goal_that_a_line_promises_holds_after_a_transfer() -> None:
    stage = Stage(queues=QUEUES)
    edition = stage.editions[1]
    line = Entry(numbers=("95588",), then="hello", service_level=ServiceLevel(share=0.9, within_s=7))
    stage.editions[1] = replace(edition, book=edition.book.model_copy(update={"entries": {"brokers": line}}))
    await handed_on(stage, TO_CARDS, after_s=20)
    assert (stage.need.queue, terms_of(stage.need.terms).goal_s) == ("cards", 7)


async def test_who_comes_back_to_the_front_is_served_by_whoever_is_free_and_keeps_their_age() -> None:
    general = Queue(skills={"general": 1}, wrap_up_s=600, last_agent=LastAgent(wait_s=300))
    stage = Stage(queues={"general": general}, settings={"outbound": {"allow": ["+86"]}})
    grace = stage.agent("grace", ready=False)
    leg = stage.leg(TO_AGENT, HangUp(after_s=200))
    asks(stage, leg, grace, TalkEvent.TRANSFER, OUTSIDE)
    leg.dials = [TALKED, Dialled(DialStatus.NO_ANSWER), TALKED]

    async def last_agent(*_: object, **__: object) -> int:
        return grace.id

    stage.exchange.last_agent = last_agent  # type: ignore[method-assign]
    stage.clock.later(50, ready_again(stage, grace))
    stage.clock.later(52, lambda: stage.agent("anna", ready=False))
    stage.clock.later(70, lambda: ready_again(stage, stage.store.agents[2])())
    await stage.take(leg)
    assert leg.rung == [grace.phone, "+8613900000009", "PJSIP/anna"]
    first, second = stage.store.needs.values()
    waited_s = (stage.store.offers[1].answered_at or 0.0) - first.since
    assert waited_s > 40
    assert stage.store.offers[2].made_at - second.since >= waited_s, "as old as when they were answered"
    wanted = [(terms_of(need.terms).agent_id, terms_of(need.terms).agent_is) for need in (first, second)]
    assert wanted == [(grace.id, "last"), (None, "")], "what is told of the second need names nobody"


@pytest.mark.parametrize("target", [TO_CARDS, OUTSIDE])
async def test_who_has_talked_is_not_called_back_for_the_queue_that_they_were_handed_on_from(target: Target) -> None:
    settings = CALLING_BACK | {"outbound": {"allow": ["+86"]}}
    stage = Stage(book_with_callbacks(), queues=QUEUES, settings=settings)
    wished = await wish(stage)
    leg = stage.leg(Press("0", hearing="main"), HangUp(after_s=300))
    asks(stage, leg, stage.agent("grace"), TalkEvent.TRANSFER, target)
    await stage.take(leg)
    assert (stage.store.needs[1].outcome, wished.state, wished.outcome) == ("served", "closed", "came_back")
    assert {"outcome": "came_back", "queue": "general"} in stage.told("callback")


async def test_a_group_gets_the_caller_by_its_skill_alone_and_first_of_them_who_fits_the_queue_as_well() -> None:
    moving, queue = (
        Target(TargetKind.SKILL, "moving_house"),
        Queue(skills={"general": 1}, most_level=5, overflow=(Way(to="cards"),)),
    )
    stage = Stage(queues=QUEUES | {"general": queue})
    grace = stage.agent("grace")

    def come() -> None:  # while grace talks
        stage.agent("free", skills=SKILLS).since = 0.0
        stage.agent("expert", skills={**EN, "moving_house": 9}).since = 0.0
        stage.agent("both", skills={**EN, "moving_house": 2, "general": 2})

    stage.clock.later(10, come)
    leg = stage.leg(TO_AGENT, HangUp(after_s=5))
    asks(stage, leg, grace, TalkEvent.TRANSFER, moving, "They move in May.")
    await stage.take(leg)
    assert leg.rung == [grace.phone, "PJSIP/both"]
    assert (stage.need.queue, stage.need.required) == ("general", {"moving_house": 1})
    assert (terms_of(stage.need.terms).overflow, terms_of(stage.need.terms).most_level) == ((), None)
    sent = sent_of(stage.need.sent)
    assert sent is not None
    assert (sent.by, sent.queue, sent.skill, sent.note) == ("grace", "general", "moving_house", "They move in May.")
    ((_, first), (_, second)) = stage.desk.pops
    assert (first.offer.sent, second.offer.sent) == (None, sent), "before the ring, as with any other target"
