"""Callers who are handed on: what their next need is like, and what becomes of the one before."""

from ivr.ports import Dialled, DialStatus
from ivr.queues import Queue
from ivr.testing.handing import QUEUES, TALKED, asks
from ivr.testing.line import HangUp
from ivr.testing.stage import SKILLS, TO_AGENT, Stage
from routing.talk import Ask, Talk, TalkEvent, TalkState, Target, TargetKind, sent_of, talk_of
from routing.terms import terms_of


async def test_a_blind_transfer_wraps_the_first_agent_up_and_rings_the_second_with_what_was_said() -> None:
    stage = Stage(queues=QUEUES)
    grace = stage.agent("grace")
    carol = stage.agent("carol", skills={"cards": 5, "lang:en": 5})
    leg = stage.leg(TO_AGENT)
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "cards"), "Card is lost.")
    row = await stage.take(leg)
    assert leg.rung == ["PJSIP/grace", "PJSIP/carol"]
    assert (grace.state, carol.state, row.result, row.reason) == ("wrap_up", "wrap_up", "served", "agent")
    first, second = stage.store.needs.values()
    assert (first.outcome, second.queue, second.required, second.outcome) == ("served", "cards", {"cards": 3}, "served")
    sent = sent_of(second.sent)
    assert sent is not None
    assert (sent.by, sent.queue, sent.note, sent.how) == ("grace", "general", "Card is lost.", TalkEvent.TRANSFER)
    assert [told["how"] for told in stage.told("offer_closed")] == ["transferred", "talked"]


async def test_what_was_waited_before_counts_and_the_queue_gives_its_own_credit_at_least() -> None:
    stage = Stage(queues=QUEUES)
    grace = stage.agent("grace", ready=False)
    leg = stage.leg(TO_AGENT, HangUp(after_s=700))
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "cards"))
    stage.clock.later(300, lambda: (setattr(grace, "state", "ready"), stage.hints.nudge("routing")))
    await stage.take(leg)
    first, second = stage.store.needs.values()
    answered_at = stage.store.offers[1].answered_at
    assert answered_at is not None
    assert second.credit_s == answered_at - first.since > 290, "what they talked is no waiting"


async def test_the_caller_never_comes_back_to_the_agent_who_sent_them() -> None:
    stage = Stage(queues=QUEUES)
    grace = stage.agent("grace")
    leg = stage.leg(TO_AGENT, HangUp(after_s=400))
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "general"))

    def ready_again() -> None:
        grace.state, grace.version = "ready", grace.version + 1
        stage.hints.nudge("routing")

    stage.clock.later(200, ready_again)
    await stage.take(leg)
    assert leg.rung == ["PJSIP/grace"]
    assert (grace.state, stage.need.outcome) == ("ready", "abandoned")


async def test_an_escalation_asks_for_the_next_tier_in_the_same_queue() -> None:
    stage = Stage(queues={"general": Queue(skills={"complaints": 1})})
    grace = stage.agent("grace", skills={**SKILLS, "complaints": 1})
    ruth = stage.agent("ruth", skills={**SKILLS, "complaints": 8}, ready=False)
    leg = stage.leg(TO_AGENT, HangUp(after_s=30))
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.TIER))
    await stage.take(leg)
    asked = terms_of(stage.need.terms)
    assert (stage.need.queue, stage.need.tier, ruth.state) == ("general", 2, "paused")
    assert asked.authority is not None
    assert (asked.authority.level, asked.barred) == (4, {grace.id})


async def test_a_caller_sent_to_one_agent_waits_for_them_although_another_is_free() -> None:
    stage = Stage(queues=QUEUES)
    grace = stage.agent("grace")
    stage.agent("anna")
    carol = stage.agent("carol", skills={"cards": 5, "lang:en": 5})
    leg = stage.leg(TO_AGENT)
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.AGENT, "carol"))
    await stage.take(leg)
    assert leg.rung[-1] == carol.phone


async def test_a_caller_is_sent_to_an_outside_number_and_the_agent_wraps_up_meanwhile() -> None:
    stage = Stage(queues=QUEUES, settings={"outbound": {"allow": ["+86"]}})
    grace = stage.agent("grace")
    leg = stage.leg(TO_AGENT)
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.NUMBER, "+8613900000009"))
    row = await stage.take(leg)
    assert leg.rung == ["PJSIP/grace", "+8613900000009"]
    assert (grace.state, row.reason, leg.heard[-1]) == ("wrap_up", "agent", "bye")


async def test_an_outside_number_that_does_not_answer_sends_the_caller_to_the_front_of_the_queue() -> None:
    stage = Stage(queues=QUEUES, settings={"outbound": {"allow": ["+86"]}})
    grace = stage.agent("grace")
    leg = stage.leg(TO_AGENT, HangUp(after_s=20))
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.NUMBER, "+8613900000009"))
    leg.dials = [TALKED, Dialled(DialStatus.NO_ANSWER)]
    await stage.take(leg)
    assert (stage.need.queue, stage.need.outcome) == ("general", "abandoned")
    assert stage.need.credit_s > 14_000


async def test_what_was_asked_for_long_ago_is_forgotten() -> None:
    stage = Stage(queues=QUEUES)
    grace = stage.agent("grace")
    stage.agent("carol", skills={"cards": 5, "lang:en": 5})
    leg = stage.leg(TO_AGENT)
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "cards"))
    answered = leg.on_dial

    async def later(phone: str) -> None:
        assert answered is not None
        await answered(phone)
        stage.clock.advance(30)

    leg.on_dial = later
    await stage.take(leg)
    assert leg.rung == ["PJSIP/grace"]


async def test_another_engine_hands_on_what_the_dead_one_was_asked_for() -> None:
    stage = Stage(queues=QUEUES)
    grace = stage.agent("grace")
    leg = stage.leg(TO_AGENT)
    asks(stage, leg, grace, TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "cards"))
    answered = leg.on_dial

    async def die(phone: str) -> None:
        assert answered is not None
        await answered(phone)
        raise ConnectionError

    leg.on_dial = die
    await stage.take(leg)
    other = Stage(node="node-b", beside=stage, queues=QUEUES)
    other.agent("carol", skills={"cards": 5, "lang:en": 5})
    again = other.leg(rung=2)
    row = await other.take(again)
    assert again.rung == ["PJSIP/carol"]
    assert (grace.state, row.result) == ("wrap_up", "served")


def test_a_conversation_is_stored_and_read_back_whole() -> None:
    ask = Ask(TalkEvent.CONSULT, 7.0, Target(TargetKind.AGENT, "ruth"), "Please look.")
    talk = Talk(
        TalkState.CONSULT, 5.0, 12, ask, Target(TargetKind.NUMBER, "+8613900000009"), "second-3", "own-1", True, "left"
    )
    assert talk_of(talk.as_json()) == talk
    assert talk_of(None) == Talk()
