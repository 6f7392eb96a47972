"""Listen, whisper, barge: who may, on which conversation, and that it ends in the database as it does on the switch."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ivr.errors import ActionUnknown, SwitchAway
from ivr.listening import Listeners, NotListening
from ivr.parts import Parts
from ivr.ports import AgentCard
from ivr.testing.databases import fresh_database
from ivr.testing.stage import Stage
from ivr.testing.world import CHEAP, WISH, arrival
from menus.facts import CallerFacts
from models.agents import Agents
from models.calls import CallJournal
from models.claims import Claims
from models.listenings import Listenings
from models.supervision import SupervisorActs
from models.talks import Talks
from models.wall import WallFigures
from routing.agent import AgentEvent
from routing.decision import decide
from routing.listening import ListeningMode
from routing.offer import Claimed
from routing.talk import Talk, TalkState

LISTEN, WHISPER, BARGE = ListeningMode


@dataclass
class Floor:
    """A supervisor, and an agent who talks."""

    stage: Stage
    parts: Parts
    listeners: Listeners
    listenings: Listenings
    acts: SupervisorActs
    roster: Agents
    agent_id: int
    claim: Claimed
    talks: Talks

    async def ada(self) -> AgentCard:
        card = await self.roster.by_name("ada")
        assert card is not None
        return card

    async def set_mode(self, mode: ListeningMode = LISTEN, agent_id: int | None = None) -> None:
        await self.listeners.set_mode(await self.ada(), agent_id or self.agent_id, mode)

    async def refused(self, mode: ListeningMode = LISTEN, agent_id: int | None = None) -> str:
        with pytest.raises(NotListening) as raised:
            await self.set_mode(mode, agent_id)
        return raised.value.why

    async def modes(self) -> list[ListeningMode]:
        return [one.mode for one in await self.listenings.open()]


@pytest.fixture(params=["sqlite", "postgresql"])
async def floor(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Floor]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(request.param, tmp_path))
        log = await stack.enter_async_context(CallJournal(database, "node-a"))
        talks = Talks(database)
        roster, exchange, stage = Agents(database, CHEAP), Claims(database, "node-a"), Stage()
        parts = replace(stage.parts, roster=roster, exchange=exchange, log=log, talks=talks)
        now = stage.clock.now()
        for name in ("ada", "grace", "tom"):
            skills = {"general": 5, "lang:en": 5}
            card = await roster.add(
                name, name.title(), "secret", f"PJSIP/{name}", skills, supervisor=name in ("ada", "tom")
            )
            await roster.say(card.id, AgentEvent.SIGN_IN, now=now)
        claim = await talk(parts, "grace", "c1")
        listenings, acts = Listenings(database), SupervisorActs(database)
        listeners = Listeners(parts, listenings, acts)
        yield Floor(stage, parts, listeners, listenings, acts, roster, claim.agent_id, claim, talks)


async def talk(parts: Parts, name: str, call_id: str) -> Claimed:
    """Let this agent, and nobody else, be ready, and talk to a caller."""
    now, exchange = parts.clock.now(), parts.exchange
    agent = await parts.roster.by_name(name)
    assert agent is not None
    await parts.roster.say(agent.id, AgentEvent.READY, now=now)
    parts.log.opened(arrival(call_id), now=now, facts=CallerFacts(), language="en", book_version=1)
    assert await parts.log.settle(call_id, deadline_s=5)
    await exchange.open_need(call_id, WISH, now=now)
    (decision,) = decide(await exchange.snapshot(now=now), now)
    (claim,) = await exchange.claim_all([decision], node="node-a", now=now, lease_s=15)
    assert isinstance(claim, Claimed)
    await exchange.answered(claim.offer_id, claim.fence, now=now)
    return claim


async def test_a_supervisor_comes_in_is_heard_by_more_and_leaves_and_all_of_it_is_written_down(floor: Floor) -> None:
    await floor.set_mode(LISTEN)
    (one,) = await floor.listenings.open()
    assert (one.call_id, one.supervisor, one.began_at) == ("c1", "Ada", None)
    assert floor.stage.switchboard.spied_on == [("PJSIP/grace", "")]
    floor.stage.switchboard.seen[one.id] = replace(floor.stage.switchboard.seen[one.id], up=True)
    await floor.listeners.look()
    (one,) = await floor.listenings.open()
    assert one.began_at is not None
    offer = await floor.roster.offer_of(floor.agent_id)
    assert offer is not None
    assert [heard.supervisor for heard in offer.listening] == ["Ada"]
    for mode in (WHISPER, BARGE):
        await floor.set_mode(mode)
        assert floor.stage.switchboard.spies == {one.id: mode}
        assert await floor.modes() == [mode]
    await floor.listeners.stop(await floor.ada(), floor.agent_id)
    assert await floor.modes() == []
    told = [(act.supervisor, act.act, act.agent, act.call_id, act.done) for act in reversed(await floor.acts.newest(9))]
    assert told == [("ada", act, "grace", "c1", True) for act in ("listen", "whisper", "barge", "stop")]


async def test_who_was_consulted_and_has_taken_over_is_heard_by_the_id_of_their_channel(floor: Floor) -> None:
    taken_over = Talk(TalkState.ROOM, since=floor.stage.clock.now(), room=1, own="ring-9")
    assert await floor.talks.put(floor.claim.offer_id, floor.claim.fence, taken_over)
    await floor.set_mode(LISTEN)
    assert floor.stage.switchboard.spied_on == [("PJSIP/grace", "ring-9")]


async def test_who_may_be_given_a_call_or_hears_another_conversation_is_refused(floor: Floor) -> None:
    tom = await floor.roster.by_name("tom")
    assert tom is not None
    assert await floor.refused(agent_id=tom.id) == "not_talking"
    ada = await floor.ada()
    assert await floor.refused(agent_id=ada.id) == "not_talking"
    await floor.roster.say(ada.id, AgentEvent.READY, now=floor.stage.clock.now())
    assert await floor.refused() == "takes_calls"
    assert floor.stage.switchboard.spies == {}
    with pytest.raises(NotListening):
        await floor.listeners.stop(ada, floor.agent_id)
    assert await floor.refused(agent_id=999) == "not_talking"
    told = [(act.act, act.agent, act.call_id, act.done) for act in reversed(await floor.acts.newest(9))]
    assert told == [
        ("listen", "tom", None, False),
        ("listen", "ada", None, False),
        ("listen", "grace", "c1", False),
        ("stop", "grace", None, False),
    ]


async def test_an_agent_is_never_shown_less_of_a_supervisor_than_others_may_hear(floor: Floor) -> None:
    switchboard = floor.stage.switchboard
    await floor.set_mode(LISTEN)
    switchboard.spy_fault = ActionUnknown("late")
    assert await floor.refused(BARGE) == "switch_away"
    assert await floor.modes() == [BARGE], "the supervisor may be heard"
    assert await floor.refused(LISTEN) == "switch_away"
    assert await floor.modes() == [BARGE], "and may be still"
    switchboard.spy_fault = None
    await floor.set_mode(LISTEN)
    assert await floor.modes() == [LISTEN]
    switchboard.spy_fault = SwitchAway("the phone is gone")
    assert await floor.refused(WHISPER) == "switch_away"
    assert (await floor.modes(), list(switchboard.spies.values())) == ([LISTEN], [LISTEN])


@pytest.mark.parametrize("how", ["demoted", "removed"])
async def test_who_is_no_supervisor_any_more_hears_nothing_any_more(floor: Floor, how: str) -> None:
    await floor.set_mode(LISTEN)
    await floor.listeners.look()
    (one,) = await floor.listenings.open()
    assert list(floor.stage.switchboard.seen) == [one.id]
    if how == "demoted":
        await floor.roster.set_supervisor("ada", supervisor=False)
    else:
        await floor.roster.remove("ada", now=floor.stage.clock.now())
    await floor.listeners.look()
    assert (floor.stage.switchboard.seen, await floor.modes()) == ({}, [])


async def test_what_the_switch_refuses_leaves_nothing_behind_and_what_it_left_open_is_found_out(floor: Floor) -> None:
    floor.stage.switchboard.spy_fault = SwitchAway("no such phone")
    assert await floor.refused() == "switch_away"
    assert await floor.modes() == []
    floor.stage.switchboard.spy_fault = ActionUnknown("late")
    assert await floor.refused() == "switch_away"
    assert await floor.modes() == [LISTEN], "the phone may ring"
    await floor.listeners.look()
    assert await floor.modes() == [LISTEN], "the channel may still be made"
    floor.stage.clock.advance(5)
    await floor.listeners.look()
    assert await floor.modes() == []
    assert [act.done for act in await floor.acts.newest(9)] == [False, False]


async def test_it_ends_when_the_phone_or_the_conversation_has_ended_whoever_rang_it(floor: Floor) -> None:
    await floor.set_mode(BARGE)
    floor.stage.switchboard.seen.clear()
    floor.stage.clock.advance(5)
    floor.stage.switchboard.up = False
    await floor.listeners.look()
    assert await floor.modes() == [BARGE], "a switch that cannot be asked proves nothing"
    floor.stage.switchboard.up = True
    await floor.listeners.look()
    assert await floor.modes() == []


async def test_every_node_shows_who_is_on_a_conversation(floor: Floor) -> None:
    await floor.set_mode(WHISPER)
    _, agents = await WallFigures(floor.roster._database).now({})
    assert [(agent.name, [one.mode for one in agent.listening]) for agent in agents] == [
        ("ada", []),
        ("grace", [WHISPER]),
        ("tom", []),
    ]


async def test_a_supervisor_whose_conversation_has_just_ended_is_put_on_the_next_one_at_once(floor: Floor) -> None:
    await floor.set_mode(LISTEN)
    (first,) = await floor.listenings.open()
    floor.stage.switchboard.seen[first.id] = replace(floor.stage.switchboard.seen[first.id], up=True)
    await floor.listeners.look()
    tom = (await talk(floor.parts, "tom", "c2")).agent_id
    assert await floor.refused(agent_id=tom) == "elsewhere"
    del floor.stage.switchboard.seen[first.id]
    await floor.set_mode(LISTEN, tom)
    (second,) = await floor.listenings.open()
    assert (second.agent_id, second.call_id) == (tom, "c2")
