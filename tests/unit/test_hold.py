"""Callers on hold, agents who consult somebody, and all of them together: what the caller's coroutine makes of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from ivr.errors import HungUp, SwitchAway
from ivr.ports import ChannelGone, ChannelSeen, Dialled, DialStatus, PhoneAnswered
from ivr.queues import Queue
from ivr.testing.books import book_that_records
from ivr.testing.calling_back import wish
from ivr.testing.clock import eventually
from ivr.testing.line import HangUp, ScriptedLeg
from ivr.testing.stage import SKILLS, TO_AGENT, Stage
from menus.schema import MenuBook
from models import handing
from models.tables import AgentRow, NeedRow, OfferRow
from routing.talk import Ask, TalkEvent, TalkState, Target, TargetKind, talk_of

QUEUES = {"general": Queue(skills={"general": 1}), "cards": Queue(skills={"cards": 3})}
RUTH, NUMBER = Target(TargetKind.AGENT, "ruth"), Target(TargetKind.NUMBER, "+8613900000009")


class Scene:
    """A caller, grace who has answered and put them on hold, and what happens at stated moments after that."""

    def __init__(
        self, *, hang_up_after_s: float = 500.0, queues: Mapping[str, Queue] = QUEUES, book: MenuBook | None = None
    ) -> None:
        self.stage = Stage(book, queues=queues, settings={"outbound": {"allow": ["+86"]}})
        self.grace = self.stage.agent("grace")
        self.leg: ScriptedLeg = self.stage.leg(TO_AGENT, HangUp(after_s=hang_up_after_s))
        self.leg.on_dial, self.leg.on_join = self._answer, self._join
        self.leg.dials = [Dialled(DialStatus.ANSWERED, 1.0)] * 9
        self.first: OfferRow | None = None
        self.states: list[str] = []
        self.in_room: list[Callable[[], object]] = []  #: what ends each stay in the room; none left = grace hangs up
        self.picks_up = True
        self.stage.switchboard.on_do = self._switch
        self.there("PJSIP/trunk-call-1", "call-1", "call-1")

    def there(self, channel: str, call_id: str, uniqueid: str, *, bridged: bool = True) -> None:
        self.stage.switchboard.seen[channel] = ChannelSeen(call_id, channel, bridged, uniqueid)

    def gone(self, phone: str) -> None:
        for channel in [one for one in self.stage.switchboard.seen if one.startswith(phone)]:
            del self.stage.switchboard.seen[channel]

    def ready(self, name: str, **skills: int) -> AgentRow:
        return self.stage.agent(name, skills={**SKILLS, **skills})

    def ask(self, do: TalkEvent, target: Target | None = None) -> None:
        """Grace asks for something; the caller is woken as the desktop does it."""
        assert self.first is not None
        handing.ask(self.first, Ask(do, self.stage.clock.now(), target, "note"))
        self.leg.wake()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self.stage.clock.later(seconds, act)

    async def _answer(self, phone: str) -> None:
        if not phone.startswith("PJSIP/"):
            return
        await self.stage.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-1"))
        if self.first is None:
            self.first = self.stage.offer
            self.there(f"{phone}-1", "call-1", "call-1.2")
            self.ask(TalkEvent.HOLD)

    async def _join(self, room: int) -> None:
        self.states.append(self.talk_state)
        if any(queue.talk_limit for queue in self.stage.parts.queues.values()):
            await eventually(lambda: "call_back_from" in self.done())
        else:
            self.stage.clock.advance(5)
        (self.in_room.pop(0) if self.in_room else lambda: self.gone("PJSIP/grace"))()

    async def _switch(self, what: tuple[object, ...]) -> None:
        if what[0] == "ring_in" and self.picks_up:
            self.there(f"{what[1]}-9", str(what[3]), str(what[3]))
            self.leg.wake()

    @property
    def talk_state(self) -> str:
        """Of the call's own conversation."""
        offers = [one for one in self.stage.store.open_offers() if self.need_of(one).kind == "call"]
        return talk_of(offers[0].talk).state if offers else ""

    def need_of(self, offer: OfferRow) -> NeedRow:
        return self.stage.store.needs[offer.need_id]

    def done(self) -> list[object]:
        return [what[0] for what in self.stage.switchboard.done]


async def test_a_caller_on_hold_hears_music_and_then_their_agent_again() -> None:
    scene = Scene()
    music: list[bool] = []
    scene.later(20, lambda: music.append(scene.leg.on_hold))
    scene.later(30, lambda: scene.ask(TalkEvent.RETRIEVE))
    row = await scene.stage.take(scene.leg)
    assert music == [True]
    assert (scene.leg.joined, scene.states) == ([scene.first.id], ["room"])  # type: ignore[union-attr]
    assert (scene.grace.state, row.reason, scene.leg.heard[-1]) == ("wrap_up", "agent", "bye")
    assert not scene.leg.on_hold
    assert [told["does"] for told in scene.stage.told("talk")] == ["hold", "retrieve"]


async def test_a_caller_whose_agent_hangs_up_while_they_are_on_hold_is_the_next_one_of_the_queue() -> None:
    scene = Scene()
    scene.later(20, lambda: scene.gone("PJSIP/grace"))
    scene.later(40, lambda: (scene.ready("anna"), scene.stage.hints.nudge("routing")))
    await scene.stage.take(scene.leg)
    assert scene.leg.rung == ["PJSIP/grace", "PJSIP/anna"]
    assert scene.grace.state == "wrap_up"
    assert scene.stage.need.credit_s > 14_000


async def test_who_is_consulted_is_shown_the_caller_before_the_ring_and_takes_them_over() -> None:
    scene = Scene()
    ruth = scene.ready("ruth")
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, RUTH))
    scene.later(60, lambda: scene.ask(TalkEvent.COMPLETE))
    scene.in_room = [lambda: scene.gone("PJSIP/ruth")]
    row = await scene.stage.take(scene.leg)
    assert [one.offer.kind for _, one in scene.stage.desk.pops][-1] == "second"
    assert (scene.grace.state, ruth.state, row.reason) == ("wrap_up", "wrap_up", "agent")
    assert scene.done() == ["ring_in", "hang_up"]
    assert scene.states == ["room"]
    assert [told["how"] for told in scene.stage.told("offer_closed")] == ["handed_over", "talked"]


async def test_who_takes_a_caller_over_records_unless_their_queue_never_does_and_nobody_calls_them_back_besides() -> (
    None
):
    for recording, goes_on in (("announced", True), ("never", False)):
        queues = {
            "general": Queue(skills={"general": 1}, recording="announced"),
            "cards": Queue(skills={"cards": 3}, recording=recording),  # type: ignore[arg-type]
        }
        scene = Scene(queues=queues, book=book_that_records())
        carol, files = scene.stage.agent("carol", skills={"cards": 5, "lang:en": 5}), list[str | None]()
        scene.later(10, lambda scene=scene: scene.ask(TalkEvent.CONSULT, Target(TargetKind.QUEUE, "cards")))  # type: ignore[misc]
        scene.later(60, lambda scene=scene: scene.ask(TalkEvent.COMPLETE))  # type: ignore[misc]
        scene.in_room = [
            lambda scene=scene, files=files: (files.append(scene.leg.monitored), scene.gone("PJSIP/carol"))  # type: ignore[misc]
        ]
        wished = await wish(scene.stage)
        await scene.stage.take(scene.leg)
        assert (carol.state, wished.outcome) == ("wrap_up", "came_back")
        assert [file is not None for file in files] == [goes_on]
        assert [row.ended_at is not None for row in scene.stage.store.talk_recordings.values()] == [True]


async def test_a_conference_of_three_goes_on_with_two_when_one_leaves() -> None:
    scene = Scene()
    ruth = scene.ready("ruth")
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, RUTH))
    scene.later(60, lambda: scene.ask(TalkEvent.CONFERENCE))
    scene.in_room = [lambda: scene.gone("PJSIP/ruth")]
    await scene.stage.take(scene.leg)
    assert scene.states == ["conference", "room"]
    assert (scene.grace.state, ruth.state) == ("wrap_up", "wrap_up")


async def test_a_conference_whose_first_agent_hangs_up_is_the_seconds_call() -> None:
    scene = Scene()
    scene.ready("ruth")
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, RUTH))
    scene.later(60, lambda: scene.ask(TalkEvent.CONFERENCE))
    scene.in_room = [lambda: scene.gone("PJSIP/grace"), lambda: scene.gone("PJSIP/ruth")]
    await scene.stage.take(scene.leg)
    assert scene.states == ["conference", "room"]
    assert [need.outcome for need in scene.stage.store.needs.values()] == ["served", "served"]


async def test_somebody_of_a_group_is_consulted_by_their_skill() -> None:
    scene = Scene()
    scene.ready("anna")
    mover = scene.stage.agent("mover", skills={"moving_house": 1, "lang:en": 5})
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, Target(TargetKind.SKILL, "moving_house")))
    scene.later(60, lambda: scene.ask(TalkEvent.COMPLETE))
    scene.in_room = [lambda: scene.gone("PJSIP/mover")]
    await scene.stage.take(scene.leg)
    assert (mover.state, scene.done()) == ("wrap_up", ["ring_in", "hang_up"])
    sent = scene.stage.desk.pops[-1][1].offer.sent
    assert sent is not None
    assert (sent.how, sent.skill) == (TalkEvent.CONSULT, "moving_house")


async def test_who_has_taken_a_caller_over_wraps_up_as_their_own_queue_says() -> None:
    queues = QUEUES | {"cards": Queue(skills={"cards": 3}, wrap_up_s=77)}
    scene = Scene(queues=queues)
    carol = scene.stage.agent("carol", skills={"cards": 5, "lang:en": 5})
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, Target(TargetKind.QUEUE, "cards")))
    scene.later(60, lambda: scene.ask(TalkEvent.COMPLETE))
    ended_at: list[float] = []

    def sends_them_outside() -> None:
        ask = Ask(TalkEvent.TRANSFER, scene.stage.clock.now(), NUMBER)
        handing.ask(next(one for one in scene.stage.store.open_offers() if one.agent_id == carol.id), ask)
        ended_at.append(scene.stage.clock.now())

    scene.in_room = [sends_them_outside]
    await scene.stage.take(scene.leg)
    assert scene.leg.rung[-1] == NUMBER.name
    assert (carol.state, carol.wrap_up_until) == ("wrap_up", ended_at[0] + 77)


async def test_an_agent_who_does_not_pick_up_is_told_and_the_first_still_has_the_caller() -> None:
    scene = Scene()
    ruth = scene.ready("ruth")
    scene.picks_up = False
    seen: list[tuple[str, str]] = []
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, RUTH))
    scene.later(40, lambda: seen.append((talk_of(scene.first.talk).state, talk_of(scene.first.talk).failed)))  # type: ignore[union-attr]
    scene.later(41, lambda: scene.ask(TalkEvent.RETRIEVE))
    await scene.stage.take(scene.leg)
    assert seen == [("held", "no_answer")]
    assert (ruth.state, scene.states) == ("missed", ["room"])


async def test_an_agent_whose_phone_refuses_a_consultation_has_declined_it() -> None:
    scene = Scene()
    ruth = scene.ready("ruth")
    ruth.auto_answer = True
    scene.picks_up = False
    refused = ChannelGone("second-2", "second-2", declined=True)
    tasks: list[asyncio.Task[None]] = []
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, RUTH))
    scene.later(11, lambda: tasks.append(asyncio.create_task(scene.stage.watcher.take(refused))))
    scene.later(41, lambda: scene.ask(TalkEvent.RETRIEVE))
    await scene.stage.take(scene.leg)
    assert scene.stage.switchboard.auto_answers == [True]
    assert next(told["how"] for told in scene.stage.told("offer_closed")) == "declined"
    assert (scene.stage.store.offers[2].state, ruth.state) == ("declined", "missed")


async def test_a_queue_where_nobody_is_free_is_given_up_after_a_minute() -> None:
    scene = Scene()
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, Target(TargetKind.QUEUE, "cards")))
    seen: list[str] = []
    scene.later(50, lambda: seen.append(talk_of(scene.first.talk).state))  # type: ignore[union-attr]
    scene.later(90, lambda: seen.append(talk_of(scene.first.talk).failed))  # type: ignore[union-attr]
    scene.later(91, lambda: scene.ask(TalkEvent.RETRIEVE))
    await scene.stage.take(scene.leg)
    assert seen == ["ringing", "nobody"]
    assert [need.outcome for need in scene.stage.store.needs.values()] == ["served", "called_off"]


async def test_a_consultation_that_is_cancelled_frees_the_phone_and_leads_back_to_the_caller() -> None:
    scene = Scene()
    ruth = scene.ready("ruth")
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, RUTH))
    scene.later(60, lambda: scene.ask(TalkEvent.CANCEL))
    await scene.stage.take(scene.leg)
    assert (ruth.state, scene.states) == ("wrap_up", ["room"])
    assert scene.done() == ["ring_in", "hang_up"]


async def test_the_longest_conversation_ends_in_the_room_and_on_hold_for_all_agents_in_it() -> None:
    for does in (TalkEvent.CONFERENCE, None):
        scene = Scene(queues={"general": Queue(skills={"general": 1}, max_talk_s=100, talk_warning_s=10)})
        ruth = scene.ready("ruth")
        scene.later(10, lambda scene=scene: scene.ask(TalkEvent.CONSULT, RUTH))
        if does is not None:
            scene.later(60, lambda scene=scene, does=does: scene.ask(does))
        scene.in_room = [lambda: None]  # nobody leaves: the caller is called back from the room
        row = await scene.stage.take(scene.leg)
        (told,) = scene.stage.told("talk_limit")
        assert (told["agent"], told["max_talk_s"]) == ("grace", 100)
        assert sorted(scene.stage.switchboard.seen) == ["PJSIP/trunk-call-1"]
        assert (scene.grace.state, ruth.state) == ("wrap_up", "wrap_up")
        assert (row.result, row.reason, scene.leg.heard[-1]) == ("served", "agent", "bye")
        assert ("call_back_from" in scene.done()) is (does is not None)


async def test_an_outside_number_is_consulted_and_takes_the_caller_over() -> None:
    scene = Scene()
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, NUMBER))
    scene.later(60, lambda: scene.ask(TalkEvent.COMPLETE))
    scene.in_room = [lambda: scene.gone("+86")]
    row = await scene.stage.take(scene.leg)
    assert scene.grace.state == "wrap_up"
    assert (len(scene.leg.joined), row.result, scene.leg.heard[-1]) == (1, "served", "bye")


async def test_a_caller_who_hangs_up_on_hold_leaves_nobody_in_the_room() -> None:
    scene = Scene(hang_up_after_s=90)
    ruth = scene.ready("ruth")
    scene.later(10, lambda: scene.ask(TalkEvent.CONSULT, RUTH))
    row = await scene.stage.take(scene.leg)
    assert (row.result, row.reason) == ("served", "agent")
    assert (scene.grace.state, ruth.state) == ("wrap_up", "wrap_up")
    assert sorted(scene.stage.switchboard.seen) == ["PJSIP/trunk-call-1"]
    assert all(need.closed_at is not None for need in scene.stage.store.needs.values())


async def test_another_engine_goes_on_with_music_and_with_what_the_agent_asks_for() -> None:
    scene = Scene()

    def die() -> None:
        raise ConnectionError

    scene.later(20, die)
    await scene.stage.take(scene.leg)
    assert scene.talk_state == TalkState.HELD
    other = Stage(node="node-b", beside=scene.stage, queues=QUEUES)
    other.switchboard.seen = scene.stage.switchboard.seen
    again = other.leg(HangUp(after_s=300), rung=2)

    async def join(room: int) -> None:
        scene.gone("PJSIP/grace")

    again.on_join, scene.leg = join, again
    scene.later(15, lambda: scene.ask(TalkEvent.RETRIEVE))
    row = await other.take(again)
    assert (again.joined, scene.grace.state, row.result) == ([scene.first.id], "wrap_up", "served")  # type: ignore[union-attr]


async def test_a_caller_who_hangs_up_in_the_room_is_noticed() -> None:
    scene = Scene()

    def leave() -> None:
        raise HungUp

    scene.in_room = [leave]
    scene.later(20, lambda: scene.ask(TalkEvent.RETRIEVE))
    row = await scene.stage.take(scene.leg)
    assert (row.result, scene.grace.state) == ("served", "wrap_up")
    assert replace(talk_of(scene.first.talk), since=None).state is TalkState.ROOM  # type: ignore[union-attr]


async def test_what_the_agent_asked_for_is_found_although_the_store_was_away_for_a_moment() -> None:
    scene = Scene()
    dial = scene.leg.on_dial
    assert dial is not None

    async def answer(phone: str) -> None:
        await dial(phone)
        scene.stage.store.away = True
        scene.later(3, lambda: setattr(scene.stage.store, "away", False))

    scene.leg.on_dial = answer
    scene.later(20, lambda: scene.ask(TalkEvent.RETRIEVE))
    await scene.stage.take(scene.leg)
    assert (scene.states, scene.grace.state) == (["room"], "wrap_up")


async def test_what_was_taken_back_is_not_carried_out() -> None:
    scene = Scene()
    scene.ready("ruth")

    async def taken_back(offer_id: int, fence: int, at: float) -> bool:
        assert scene.first is not None
        return not handing.unask(scene.first, at)

    scene.stage.talks.take_up = taken_back  # type: ignore[method-assign]
    await scene.stage.take(scene.leg)
    assert (scene.leg.on_hold, scene.leg.joined, scene.leg.heard[-1]) == (False, [], "bye")
    assert scene.grace.state == "wrap_up"


async def test_a_caller_comes_back_from_the_room_although_the_switch_told_too_early_that_the_agent_has_gone() -> None:
    for told in (True, False):
        scene = Scene()

        async def join(room: int, scene: Scene = scene, told: bool = told) -> None:
            scene.gone("PJSIP/grace")
            if told:
                await scene.stage.watcher.take(ChannelGone("call-1", "call-1.2"))
            await eventually(lambda: "call_back_from" in scene.done())

        scene.leg.on_join = join
        scene.later(10, lambda scene=scene: scene.ask(TalkEvent.RETRIEVE))
        row = await scene.stage.take(scene.leg)
        assert (row.reason, scene.grace.state, scene.leg.heard[-1]) == ("agent", "wrap_up", "bye")


async def test_a_caller_does_not_come_to_a_room_while_nobody_knows_who_is_there() -> None:
    scene = Scene()
    channels = scene.stage.switchboard.channels
    music: list[tuple[bool, list[int]]] = []

    async def unknown() -> tuple[ChannelSeen, ...]:
        raise SwitchAway

    def away() -> None:
        scene.stage.switchboard.channels = unknown  # type: ignore[method-assign]
        scene.ask(TalkEvent.RETRIEVE)

    scene.later(10, away)
    scene.later(100, lambda: music.append((scene.leg.on_hold, list(scene.leg.joined))))
    scene.later(110, lambda: setattr(scene.stage.switchboard, "channels", channels))
    await scene.stage.take(scene.leg)
    assert music == [(True, [])]
    assert scene.states == ["room"]
