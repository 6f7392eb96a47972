"""What an agent asks for from the desktop: checked, stored, and taken back when nobody carries it out."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from ivr.errors import ActionUnknown, SwitchAway
from ivr.handling import LAST_TRY_S, PARTED_S, TRIES, Handler
from ivr.ports import ChannelSeen, NeedWish
from ivr.ports.handling import AgentChoice, QueueChoice, Refusal, SkillChoice
from ivr.queues import CallerRules, Queue, Queues
from ivr.rooms import Rooms
from ivr.staff import Staff
from ivr.testing.clock import eventually
from ivr.testing.stage import SKILLS, Stage
from menus.facts import CallerFacts
from models import handing
from models.tables import AgentRow, OfferRow
from routing.agent import AgentState
from routing.decision import decide
from routing.offer import Claimed
from routing.talk import Talk, TalkEvent, TalkState, Target, TargetKind, talk_of
from routing.terms import Authority, Terms

QUEUES = {
    "general": Queue(skills={"general": 1}),
    "cards": Queue(skills={"cards": 3}),
    "complaints": Queue(skills={"complaints": 1}),
}
CALLER = ChannelSeen("call-1", "PJSIP/trunk-1", True, "call-1")
PHONE = ChannelSeen("call-1", "PJSIP/grace-2", True, "call-1.2")


class Desk:
    """Grace, who talks to a caller, and what she may do from her desktop."""

    def __init__(self, stage: Stage, grace: AgentRow, offer: OfferRow) -> None:
        self.stage, self.grace, self.offer = stage, grace, offer
        self.handler = Handler(stage.parts)

    async def does(self, event: TalkEvent, target: Target | None = None, *, agent: AgentRow | None = None) -> object:
        return await self.handler.do((agent or self.grace).id, self.offer.id, event, target, "note")

    @property
    def talk(self) -> Talk:
        return talk_of(self.offer.talk)

    def carry_out(self, talk: Talk) -> None:
        """Let a caller's coroutine do what is asked for as soon as the switch is told."""

        async def obey(what: tuple[object, ...]) -> None:
            self.offer.talk = talk.as_json()

        self.stage.switchboard.on_do = obey


async def at_desk(queue: str = "general", queues: Mapping[str, Queue] = QUEUES) -> Desk:
    stage = Stage(queues=queues, settings={"outbound": {"allow": ["+86"]}})
    grace = stage.agent("grace", skills={**SKILLS, "complaints": 1})
    leg = stage.leg()
    stage.log.opened(leg.arrival, now=stage.clock.now(), facts=CallerFacts(), language="en", book_version=1)
    now = stage.clock.now()
    await stage.exchange.open_need("call-1", NeedWish(queue, QUEUES[queue].required({}), "en", "why"), now=now)
    (decision,) = decide(await stage.exchange.snapshot(now=now), now)
    claimed = await stage.exchange.claim(decision, node="node-a", now=now, lease_s=20)
    assert isinstance(claimed, Claimed)
    await stage.exchange.answered(claimed.offer_id, claimed.fence, now=now)
    stage.switchboard.seen = {seen.channel: seen for seen in (CALLER, PHONE)}
    return Desk(stage, grace, stage.offer)


async def test_hold_moves_the_agents_own_phone_into_the_room_of_their_offer() -> None:
    desk = await at_desk()
    desk.carry_out(Talk(TalkState.HELD, room=1))
    assert await desk.does(TalkEvent.HOLD) is None
    assert desk.stage.switchboard.done == [("move", PHONE.channel, desk.offer.id)]


async def test_a_blind_transfer_hangs_the_agents_phone_up() -> None:
    desk = await at_desk()
    desk.carry_out(Talk(TalkState.OVER))
    assert await desk.does(TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "cards")) is None
    assert desk.stage.switchboard.done == [("hang_up", PHONE.channel)]


async def test_what_nobody_carries_out_is_tried_a_few_times_and_taken_back() -> None:
    desk = await at_desk()
    desk.offer.talk = Talk(TalkState.HELD, 1.0, room=7).as_json()
    assert await desk.does(TalkEvent.RETRIEVE) is Refusal.NOT_NOW
    assert desk.stage.switchboard.woken == [CALLER.channel] * TRIES
    assert desk.talk.ask is None


@pytest.mark.parametrize("event", [TalkEvent.HOLD, TalkEvent.TRANSFER])
async def test_whose_phone_has_left_the_caller_waits_until_another_engine_has_taken_the_call_over(
    event: TalkEvent,
) -> None:
    desk = await at_desk()
    following = Talk(TalkState.HELD, room=1) if event is TalkEvent.HOLD else Talk(TalkState.OVER)
    desk.stage.clock.later(2, lambda: setattr(desk.stage.store, "away", True))
    desk.stage.clock.later(4, lambda: setattr(desk.stage.store, "away", False))
    desk.stage.clock.later(PARTED_S - 1, lambda: setattr(desk.offer, "talk", following.as_json()))
    target = Target(TargetKind.QUEUE, "cards") if event is TalkEvent.TRANSFER else None
    assert await desk.does(event, target) is None
    assert len(desk.stage.switchboard.done) == 1


async def test_a_phone_that_was_moved_for_nothing_does_not_stay_alone_in_the_room() -> None:
    desk = await at_desk()
    assert await desk.does(TalkEvent.HOLD) is Refusal.NOT_NOW
    assert [what[0] for what in desk.stage.switchboard.done] == ["move", "hang_up"]
    assert (desk.talk.ask, PHONE.channel in desk.stage.switchboard.seen) == (None, False)


async def test_a_phone_is_not_hung_up_when_no_time_is_left_to_carry_the_transfer_out() -> None:
    desk = await at_desk()

    async def slow(what: tuple[object, ...]) -> None:
        desk.stage.clock.advance(LAST_TRY_S + 1)
        raise ActionUnknown("hung up or not")

    desk.stage.switchboard.on_do = slow
    assert await desk.does(TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "cards")) is Refusal.SWITCH_AWAY
    assert ([what[0] for what in desk.stage.switchboard.done], desk.talk.ask) == (["hang_up"], None)


async def test_what_is_being_carried_out_is_not_taken_back() -> None:
    desk = await at_desk()
    desk.stage.clock.later(PARTED_S / 2, lambda: handing.take_up(desk.offer, desk.talk.ask.at))  # type: ignore[union-attr]
    assert await desk.does(TalkEvent.TRANSFER, Target(TargetKind.QUEUE, "cards")) is None
    assert (desk.talk.taken, desk.talk.ask is not None) == (True, True)


async def test_who_asked_and_has_closed_the_page_leaves_nothing_asked_for() -> None:
    desk = await at_desk()
    begun = asyncio.Event()

    async def look() -> tuple[ChannelSeen, ...]:
        begun.set()
        await asyncio.sleep(0)
        return ()

    desk.stage.switchboard.channels = look  # type: ignore[method-assign]
    asking = asyncio.create_task(desk.does(TalkEvent.HOLD))
    await begun.wait()
    assert desk.talk.ask is not None
    asking.cancel()
    await eventually(lambda: desk.talk.ask is None)


async def test_a_switch_that_does_not_answer_is_said_to_the_agent_and_nothing_stays_asked() -> None:
    desk = await at_desk()

    async def refuse(what: tuple[object, ...]) -> None:
        raise SwitchAway

    desk.stage.switchboard.on_do = refuse
    assert await desk.does(TalkEvent.HOLD) is Refusal.SWITCH_AWAY
    assert desk.talk.ask is None


async def test_nothing_is_asked_for_when_the_phone_is_gone_already() -> None:
    desk = await at_desk()
    del desk.stage.switchboard.seen[PHONE.channel]
    assert await desk.does(TalkEvent.HOLD) is Refusal.NOT_NOW
    assert (desk.stage.switchboard.done, desk.talk.ask) == ([], None)


async def test_only_the_agent_whose_conversation_it_is_may_do_anything() -> None:
    desk = await at_desk()
    assert await desk.does(TalkEvent.HOLD, agent=desk.stage.agent("anna")) is Refusal.NOT_YOURS
    assert await desk.handler.do(desk.grace.id, desk.offer.id + 1, TalkEvent.HOLD) is Refusal.NOT_YOURS
    assert desk.stage.switchboard.done == []


@pytest.mark.parametrize("event", [TalkEvent.RETRIEVE, TalkEvent.COMPLETE, TalkEvent.CONFERENCE, TalkEvent.CANCEL])
async def test_what_the_state_does_not_allow_is_refused(event: TalkEvent) -> None:
    desk = await at_desk()
    assert await desk.does(event) is Refusal.NOT_NOW


async def test_a_caller_on_hold_is_woken_and_one_in_the_room_is_called_back() -> None:
    desk = await at_desk()
    held = Talk(TalkState.HELD, 1.0, room=7)
    desk.offer.talk = held.as_json()
    desk.stage.switchboard.on_wake = lambda channel: setattr(
        desk.offer, "talk", replace(held, state=TalkState.ROOM).as_json()
    )
    assert await desk.does(TalkEvent.RETRIEVE) is None
    assert desk.stage.switchboard.woken == [CALLER.channel]
    desk.carry_out(held)
    assert await desk.does(TalkEvent.HOLD) is None
    assert desk.stage.switchboard.done == [("call_back_from", CALLER.channel, 7)]


async def test_an_end_hangs_up_and_asks_for_nothing() -> None:
    desk = await at_desk()
    assert await desk.does(TalkEvent.END) is None
    assert desk.stage.switchboard.done == [("hang_up", PHONE.channel)]
    assert desk.offer.talk is None


@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        (None, Refusal.NOT_NOW),
        (Target(TargetKind.QUEUE, "nowhere"), Refusal.NOBODY_THERE),
        (Target(TargetKind.AGENT, "grace"), Refusal.NOBODY_THERE),
        (Target(TargetKind.AGENT, "nobody"), Refusal.NOBODY_THERE),
        (Target(TargetKind.AGENT, "paused"), Refusal.NOBODY_THERE),
        (Target(TargetKind.AGENT, "foreign"), Refusal.NOBODY_THERE),
        (Target(TargetKind.TIER), Refusal.NOBODY_THERE),
        (Target(TargetKind.NUMBER, "+4930123456"), Refusal.NOT_ALLOWED),
        (Target(TargetKind.NUMBER, "hello"), Refusal.NOT_ALLOWED),
    ],
    ids=lambda value: f"{value.kind} {value.name}" if isinstance(value, Target) else "",
)
async def test_a_target_that_cannot_take_the_caller_is_refused(target: Target | None, refusal: Refusal) -> None:
    desk = await at_desk()
    desk.stage.agent("paused", ready=False)
    desk.stage.agent("foreign", skills={"general": 5, "lang:zh": 5})
    assert await desk.does(TalkEvent.TRANSFER, target) is refusal
    assert (desk.stage.switchboard.done, desk.talk.ask) == ([], None)


async def test_the_choice_shows_queues_agents_and_the_next_tier_of_complaints() -> None:
    desk = await at_desk("complaints")
    desk.stage.agent("zoe")
    desk.stage.agent("carol", skills={"cards": 5, "lang:en": 5}).state = AgentState.BUSY.value
    choices = await desk.handler.choices(desk.grace.id)
    assert choices.queues == (QueueChoice("general", 0, 1), QueueChoice("cards", 0, 0), QueueChoice("complaints", 0, 0))
    assert choices.agents == (
        AgentChoice("zoe", "zoe", AgentState.READY),
        AgentChoice("carol", "carol", AgentState.BUSY),
    )
    assert (choices.numbers, choices.tier) == (True, 2)


WORDS = {name: {"en": name} for name in ("general", "moving_house", "retirement", "complaints", "lang:fr", "cards")}
GROUPS = Queues(version=1, queues=QUEUES, staff=Staff(skills=WORDS)).table("UTC")
MOVING = Target(TargetKind.SKILL, "moving_house")


async def test_groups_are_shown_while_somebody_else_of_them_is_at_work_who_may_serve_the_caller() -> None:
    desk = await at_desk(queues=GROUPS)
    desk.stage.store.skills[desk.grace.id]["retirement"] = 5
    for name, language, state in (("ann", "en", "ready"), ("ben", "en", "busy"), ("chen", "zh", "ready")):
        desk.stage.agent(name, skills={"moving_house": 2, f"lang:{language}": 5}).state = state
    desk.stage.agent("away", skills={"moving_house": 2, "lang:en": 5}, ready=False)
    assert GROUPS.groups == ("moving_house", "retirement")
    choices = await desk.handler.choices(desk.grace.id)
    assert choices.skills == (SkillChoice("moving_house", 2, 1),)
    for refused in ("retirement", "general", "lang:en", "nothing"):
        target = Target(TargetKind.SKILL, refused)
        assert await desk.does(TalkEvent.TRANSFER, target) is Refusal.NOBODY_THERE
    desk.carry_out(Talk(TalkState.OVER))
    assert await desk.does(TalkEvent.TRANSFER, MOVING) is None


async def test_a_complaint_goes_to_those_of_a_group_who_may_decide_it() -> None:
    desk = await at_desk("complaints", GROUPS)
    desk.stage.agent("ann", skills={"moving_house": 2, "lang:en": 5})
    need = desk.stage.store.needs[desk.offer.need_id]
    need.terms = Terms(authority=Authority("complaints", 4)).as_json()
    assert (await desk.handler.choices(desk.grace.id)).skills == ()
    desk.stage.agent("ben", skills={"moving_house": 2, "complaints": 4, "lang:en": 5})
    assert (await desk.handler.choices(desk.grace.id)).skills == (SkillChoice("moving_house", 1, 1),)


def test_where_no_skills_are_declared_the_groups_are_those_of_life_events_and_preferences() -> None:
    queues = {"general": Queue(skills={"general": 1}, preferred={"new_car": 1.0, "general": 1.0})}
    callers = CallerRules(life_events={"child": {"family": 2.0}})
    assert Queues(version=1, queues=queues, callers=callers).table("UTC").groups == ("family", "new_car")


async def test_an_agent_alone_in_their_room_is_left_there_until_the_conversation_is_over() -> None:
    desk = await at_desk()
    stage = desk.stage
    alone = replace(PHONE, room=desk.offer.id)
    rooms = Rooms(stage.parts)
    assert [await rooms.clear([alone]) for _ in range(3)] == [0, 0, 0]
    desk.offer.closed_at = stage.clock.now()
    assert [await rooms.clear([alone]) for _ in range(2)] == [0, 1]
    assert stage.switchboard.done == [("hang_up", PHONE.channel)]
