"""Waiting for an agent and talking to one: what the caller hears, and what becomes of need, offer and agent."""

import pytest

from ivr.errors import HungUp
from ivr.ports import Dialled, DialStatus, PhoneAnswered, Pop, TalkLimit
from ivr.steps.route import LOOK_AGAIN_S
from ivr.testing.books import book_with_a_menu_after_talks
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import TO_AGENT, Stage

IN_QUEUE = ["welcome", "main", "main.balance"]  #: heard on the way


def _after_menu(heard: list[str]) -> list[str]:
    """What was heard once the menu was left, each prompt once in a row however many pieces it has."""
    assert heard[:3] == IN_QUEUE
    names = heard[3:]
    return [name for index, name in enumerate(names) if index == 0 or names[index - 1] != name]


async def test_an_agent_who_is_free_is_found_at_once_and_nobody_says_hold() -> None:
    stage = Stage()
    agent = stage.agent()
    row = await stage.take(leg := stage.leg(TO_AGENT))
    assert _after_menu(leg.heard) == ["bye"]
    assert leg.rung == ["PJSIP/grace"]
    assert (row.result, row.reason, leg.is_done) == ("served", "agent", True)
    assert (agent.state, stage.need.outcome, stage.offer.state) == ("wrap_up", "served", "completed")


async def test_the_need_says_what_the_caller_requires_and_where_from() -> None:
    stage = Stage(queue={"credit_minutes": 2})
    await stage.take(stage.leg(TO_AGENT, HangUp()))
    need = stage.need
    assert (need.queue, need.required, need.language, need.reason) == ("general", {"general": 1}, "en", "General")
    assert (need.tier, need.credit_s) == (1, 120)


async def test_an_agent_who_lacks_the_language_is_not_asked() -> None:
    stage = Stage()
    stage.agent(skills={"general": 5, "lang:zh": 5})
    row = await stage.take(leg := stage.leg(TO_AGENT, HangUp(after_s=60)))
    assert (leg.rung, row.reason) == ([], "in_queue")


async def test_without_an_agent_the_caller_hears_hold_then_the_position_then_comfort_then_the_book_goes_on() -> None:
    stage = Stage(queue={"max_wait_s": 100, "announce_every_s": 30})
    row = await stage.take(leg := stage.leg(TO_AGENT))
    assert _after_menu(leg.heard) == ["hold", "place", "still", "bye"]
    assert leg.heard.count("still") == 2
    assert (row.result, row.reason, stage.need.outcome) == ("diverted", "no_agents", "gave_up")
    waited_s = stage.need.closed_at - stage.need.since if stage.need.closed_at else 0
    assert 100 <= waited_s < 105


async def test_a_position_that_got_better_is_said_anew() -> None:
    stage = Stage(queue={"announce_every_s": 10})
    await stage.take(stage.leg(TO_AGENT, HangUp(), call_id="earlier"))
    stage.need.closed_at, stage.need.state = None, "waiting"

    def earlier_leaves() -> None:
        earlier = stage.store.needs[1]
        earlier.state, earlier.closed_at = "closed", stage.clock.now()

    stage.clock.later(25, earlier_leaves)
    await stage.take(leg := stage.leg(TO_AGENT, HangUp(after_s=60)))
    told = [
        "".join(clip["text"] for clip in prompts["clips"])
        for prompts in stage.told("prompts")
        if prompts["clips"][0]["prompt"] == "place"
    ]
    assert told == ["You are numbertwo", "You are numberone"]
    assert "still" in leg.heard


async def test_music_plays_while_the_caller_waits_and_not_while_they_are_spoken_to() -> None:
    stage = Stage(queue={"max_wait_s": 40})
    leg = stage.leg(TO_AGENT)
    while_waiting: set[bool] = set()
    while_speaking: set[tuple[str, bool]] = set()
    wait, say = leg.wait, leg.say

    async def watch_wait(seconds: float) -> object:
        if "hold" in leg.heard:
            while_waiting.add(leg.on_hold)
        return await wait(seconds)

    async def watch_say(clips, **options):  # type: ignore[no-untyped-def]
        while_speaking.add((clips[0].prompt, leg.on_hold))
        return await say(clips, **options)

    leg.wait, leg.say = watch_wait, watch_say  # type: ignore[method-assign,assignment]
    await stage.take(leg)
    assert while_waiting == {True}
    assert {speaking for _, speaking in while_speaking} == {False}
    assert ("place", False) in while_speaking


async def test_an_agent_who_gets_ready_is_connected_as_soon_as_the_wake_comes() -> None:
    stage = Stage()
    leg = stage.leg(TO_AGENT)
    rang_at: list[float] = []

    def become_ready() -> None:
        rang_at.append(stage.clock.monotonic())
        stage.agent()
        stage.hints.nudge("routing")

    async def ring(phone: str) -> None:
        rang_at.append(stage.clock.monotonic())

    leg.on_dial = ring
    stage.clock.later(21.3, become_ready)
    row = await stage.take(leg)
    assert (row.result, row.reason) == ("served", "agent")
    assert rang_at == [21.3, 21.3]
    assert stage.switchboard.woken == ["PJSIP/trunk-call-1"]


@pytest.mark.fault("C11", "the wake of a waiting caller is lost")
async def test_a_lost_wake_costs_at_most_the_time_to_the_next_look() -> None:
    stage = Stage()
    stage.switchboard.on_wake = None
    leg = stage.leg(TO_AGENT)
    times: list[float] = []

    def become_ready() -> None:
        times.append(stage.clock.monotonic())
        stage.agent()
        stage.hints.nudge("routing")

    async def ring(phone: str) -> None:
        times.append(stage.clock.monotonic())

    leg.on_dial = ring
    stage.clock.later(21.3, become_ready)
    await stage.take(leg)
    ready_at, rang_at = times
    assert 0 < rang_at - ready_at <= LOOK_AGAIN_S


async def test_an_agent_who_cannot_be_rung_while_the_switch_takes_no_orders_is_not_set_aside() -> None:
    stage = Stage()
    stage.agent()
    leg = stage.leg(TO_AGENT)
    leg.dials = [Dialled(DialStatus.UNREACHABLE), Dialled(DialStatus.ANSWERED, 30)]

    def back() -> None:
        stage.switchboard.up = True
        stage.hints.nudge("routing")

    async def ring(phone: str) -> None:
        stage.switchboard.up = len(leg.rung) > 1
        stage.clock.later(9, back)

    leg.on_dial = ring
    await stage.take(leg)
    assert leg.rung == ["PJSIP/grace"] * 2
    assert [offer.state for offer in stage.store.offers.values()] == ["withdrawn", "completed"]


async def test_an_announcement_is_cut_short_for_an_agent() -> None:
    stage = Stage()
    leg = stage.leg(TO_AGENT)
    say = leg.say

    async def ready_within_the_announcement(clips, **options):  # type: ignore[no-untyped-def]
        if clips[0].prompt == "place":
            assert options["wakeable"] is True
            assert stage.parts.live["call-1"].waiting
            stage.agent()
            await stage.dispatcher.round()
        return await say(clips, **options)

    leg.say = ready_within_the_announcement  # type: ignore[method-assign]
    await stage.take(leg)
    assert "place" not in leg.heard
    assert leg.rung == ["PJSIP/grace"]


async def test_the_back_key_leaves_the_queue_for_the_menu_before() -> None:
    stage = Stage()
    row = await stage.take(leg := stage.leg(TO_AGENT, Press("*", after_s=5), HangUp(hearing="again")))
    assert leg.heard[3:] == ["hold", "again"]
    assert stage.need.outcome == "gave_up"
    assert not leg.on_hold
    assert stage.told("back") == [{"menu": "general", "key": "*"}]
    assert (row.result, row.reason) == ("left", "in_menu")


async def test_another_key_does_not_leave_the_queue() -> None:
    stage = Stage()
    row = await stage.take(stage.leg(TO_AGENT, *[Press(key, after_s=3) for key in "1230#"], HangUp(after_s=3)))
    assert row.reason == "in_queue"
    assert [need.outcome for need in stage.store.needs.values()] == ["abandoned"]
    assert not stage.told("repeated")


async def test_a_caller_who_asks_again_waits_with_a_new_need() -> None:
    stage = Stage()
    leg = stage.leg(TO_AGENT, Press("*", after_s=5), Press("0", hearing="again"), HangUp(after_s=5))
    await stage.take(leg)
    assert [need.outcome for need in stage.store.needs.values()] == ["gave_up", "abandoned"]
    assert len(stage.told("need")) == 2


@pytest.mark.parametrize(
    ("status", "offer_state"),
    [
        (DialStatus.NO_ANSWER, "missed"),
        (DialStatus.BUSY, "declined"),
        (DialStatus.DECLINED, "declined"),
        (DialStatus.UNREACHABLE, "unreachable"),
    ],
)
async def test_a_phone_that_is_not_answered_puts_the_need_back_with_its_age_and_the_agent_aside(
    status: DialStatus, offer_state: str
) -> None:
    stage = Stage()
    grace, tom = stage.agent("grace"), stage.agent("tom")
    leg = stage.leg(TO_AGENT)
    leg.dials = [Dialled(status), Dialled(DialStatus.ANSWERED, 30)]
    row = await stage.take(leg)
    assert leg.rung == ["PJSIP/grace", "PJSIP/tom"]
    assert [offer.state for offer in stage.store.offers.values()] == [offer_state, "completed"]
    assert (grace.state, tom.state) == ("missed", "wrap_up")
    assert len(stage.store.needs) == 1
    assert stage.need.since <= stage.store.offers[1].made_at
    assert (row.result, row.reason) == ("served", "agent")
    assert [closed["how"] for closed in stage.told("offer_closed")] == [str(status), "talked"]


async def test_after_a_missed_ring_the_caller_has_music_again_and_the_line_is_armed_again() -> None:
    stage = Stage()
    stage.agent()
    leg = stage.leg(TO_AGENT, HangUp(after_s=10))
    leg.dials = [Dialled(DialStatus.NO_ANSWER)]
    await stage.take(leg)
    assert leg.on_hold
    assert leg.armed[leg.armed.index(0) + 1] > 10


async def test_an_agent_who_was_missed_is_not_asked_again_until_they_say_so() -> None:
    stage = Stage()
    stage.agent()
    leg = stage.leg(TO_AGENT, HangUp(after_s=120))
    leg.dials = [Dialled(DialStatus.NO_ANSWER)]
    row = await stage.take(leg)
    assert leg.rung == ["PJSIP/grace"]
    assert (row.result, row.reason) == ("left", "in_queue")


async def test_the_pop_is_shown_before_the_phone_rings() -> None:
    stage = Stage()
    agent = stage.agent()
    leg = stage.leg(TO_AGENT)
    shown: list[tuple[int, Pop]] = []

    async def ring(phone: str) -> None:
        shown.extend(stage.desk.pops)

    leg.on_dial = ring
    await stage.take(leg)
    ((agent_id, pop),) = shown
    assert (agent_id, pop.offer.call_id, pop.ani) == (agent.id, "call-1", "+8613800000001")
    assert [step.key for step in pop.path if step.key] == ["0"]
    assert stage.told("popped")[0] | {"ms": 0} == {"agent": "grace", "shown": True, "ms": 0}


@pytest.mark.parametrize("fault", [RuntimeError("a planted fault"), TimeoutError()])
async def test_a_pop_that_fails_never_holds_the_call(fault: Exception) -> None:
    stage = Stage()
    stage.agent()

    async def fail(*_: object, **__: object) -> tuple[object, ...]:
        raise fault

    stage.bank.customers_by_number = fail  # type: ignore[method-assign,assignment]
    row = await stage.take(leg := stage.leg(TO_AGENT))
    assert (row.result, row.reason, leg.rung) == ("served", "agent", ["PJSIP/grace"])
    assert stage.told("popped")[0]["shown"] is False


async def test_while_a_phone_may_ring_the_offer_is_held_whatever_the_switch_tells() -> None:
    stage = Stage()
    stage.agent("grace")
    leg = stage.leg(TO_AGENT, HangUp(hearing="bye"))

    async def ring(phone: str) -> None:
        queue, lease_s = stage.parts.queues["general"], stage.parts.settings.routing.offer_lease_s
        assert stage.offer.expires_at == stage.clock.now() + queue.ring_s + lease_s

    leg.on_dial = ring
    assert (await stage.take(leg)).reason == "agent"


async def test_hanging_up_in_a_second_queue_abandons_the_second_need() -> None:
    stage = Stage(book_with_a_menu_after_talks())
    stage.agent()
    leg = stage.leg(Press("2", hearing="main"), Press("0", hearing="after.done"), HangUp(after_s=9))
    row = await stage.take(leg)
    assert (row.result, row.reason) == ("served", "agent")
    assert [need.outcome for need in stage.store.needs.values()] == ["served", "abandoned"]


async def test_hanging_up_while_a_second_phone_rings_does_not_complete_that_offer() -> None:
    stage = Stage(book_with_a_menu_after_talks())
    stage.agent("grace")
    stage.agent("tom")
    leg = stage.leg(Press("2", hearing="main"), Press("0", hearing="after.done"))

    async def ring(phone: str) -> None:
        if phone == "PJSIP/tom":
            raise HungUp

    leg.on_dial = ring
    await stage.take(leg)
    assert [offer.state for offer in stage.store.offers.values()] == ["completed", "withdrawn"]
    assert [need.outcome for need in stage.store.needs.values()] == ["served", "abandoned"]
    assert stage.store.agents[2].state == "ready"


async def test_the_state_of_a_call_follows_menu_queue_talk_and_menu() -> None:
    stage = Stage(book_with_a_menu_after_talks())
    stage.agent()
    leg = stage.leg(Press("2", hearing="main"), HangUp())
    states: list[str] = []

    async def ring(phone: str) -> None:
        states.append(stage.store.calls["call-1"].state)
        await stage.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-00000001"))
        states.append(stage.store.calls["call-1"].state)

    leg.on_dial = ring
    say = leg.say

    async def look(clips, **options):  # type: ignore[no-untyped-def]
        if clips[0].prompt == "after.done":
            states.append(stage.store.calls["call-1"].state)
        return await say(clips, **options)

    leg.say = look  # type: ignore[method-assign]
    await stage.take(leg)
    assert states == ["waiting", "talking", "menu"]


async def test_a_conversation_ends_at_the_limit_of_its_queue_and_the_caller_goes_on_in_the_book() -> None:
    stage = Stage(queue={"max_talk_s": 600, "talk_warning_s": 30})
    stage.agent()
    leg = stage.leg(TO_AGENT)
    leg.dials = [Dialled(DialStatus.ANSWERED, 3000)]
    row = await stage.take(leg)
    assert leg.limits == [TalkLimit(600, 30)]
    assert leg.heard[-1] == "bye"
    assert (row.result, row.reason) == ("served", "agent")
    assert stage.told("talk_limit") == [{"agent": "grace", "max_talk_s": 600.0}]


async def test_a_conversation_without_a_limit_or_below_it_is_not_told_as_cut() -> None:
    for queue in ({}, {"max_talk_s": 600}):
        stage = Stage(queue=queue)
        stage.agent()
        leg = stage.leg(TO_AGENT)
        leg.dials = [Dialled(DialStatus.ANSWERED, 590)]
        await stage.take(leg)
        assert stage.told("talk_limit") == []
