"""Pictures that are read one after the other show what a picture read afresh shows, whatever has changed between."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from argon2 import PasswordHasher

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from ivr.testing.world import WISH, T, arrival
from menus.facts import CallerFacts
from models import snapshots
from models.agents import Agents
from models.calls import CallJournal
from models.claims import Claims
from routing.agent import AgentEvent
from routing.decision import decide
from routing.errors import IllegalMove
from routing.offer import Claimed, OfferEvent
from routing.terms import Terms

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize("kind", [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def test_a_picture_that_knows_the_one_before_is_as_one_read_afresh(kind: str, tmp_path: Path) -> None:
    rng = Random(4)
    async with fresh_database(kind, tmp_path) as database, CallJournal(database, "node-a") as log:
        roster, kept = Agents(database, CHEAP), Claims(database, "node-a")
        names = [f"agent{number}" for number in range(5)]
        ids = [
            (await roster.add(name, name, "secret", f"PJSIP/{name}", {"general": 3, "lang:en": 3})).id for name in names
        ]
        claimed: list[Claimed] = []
        for step in range(70):
            now, what = T + step, rng.randrange(8)
            if what == 0:
                log.opened(arrival(f"c{step}"), now=now, facts=CallerFacts(), language="en", book_version=1)
                assert await log.settle(f"c{step}", deadline_s=5)
                await kept.open_need(f"c{step}", WISH, now=now)
            elif what == 1:
                for decision in decide(await kept.snapshot(now=now), now):
                    claim = await kept.claim(decision, node="node-a", now=now, lease_s=15)
                    claimed += [claim] if isinstance(claim, Claimed) else []
            elif what == 2 and claimed:
                one = claimed[-1]
                await kept.answered(one.offer_id, one.fence, now=now)
            elif what == 3 and claimed:
                one, event = claimed.pop(), rng.choice([OfferEvent.MISS, OfferEvent.WITHDRAW, OfferEvent.COMPLETE])
                await kept.close_offer(one.offer_id, one.fence, event, now=now, wrap_up_s=5)
            elif what == 4:
                level = rng.randint(1, 9)
                await roster.set_skills(rng.choice(names), {"general": level}, without=[])
            elif what == 5:
                for need in (await kept.snapshot(now=now)).needs[:1]:
                    await kept.open_need(need.call_id, replace(WISH, terms=Terms(goal_s=step)), now=now)
            else:
                try:
                    said = rng.choice([AgentEvent.SIGN_IN, AgentEvent.READY, AgentEvent.READY, AgentEvent.PAUSE])
                    await roster.say(rng.choice(ids), said, now=now)
                except IllegalMove:
                    continue
            await kept.sweep(now=now, desk_lost_s=1e9, alive=None, wrap_up_s=5)
            picture, afresh = await kept.snapshot(now=now), await Claims(database, "node-b").snapshot(now=now)
            assert (picture.needs, picture.agents) == (afresh.needs, afresh.agents), step
        assert (await kept.snapshot(now=T)).needs


async def test_of_whom_nothing_has_changed_a_picture_has_the_very_tuple_of_the_one_before(tmp_path: Path) -> None:
    async with fresh_database(SQLITE, tmp_path) as database, CallJournal(database, "node-a") as log:
        roster, kept = Agents(database, CHEAP), Claims(database, "node-a")
        grace = await roster.add("grace", "Grace", "secret", "PJSIP/grace", {"general": 3})
        await roster.say(grace.id, AgentEvent.SIGN_IN, now=T)
        log.opened(arrival("c1"), now=T, facts=CallerFacts(), language="en", book_version=1)
        assert await log.settle("c1", deadline_s=5)
        await kept.open_need("c1", WISH, now=T)
        first = await kept.snapshot(now=T)
        await roster.say(grace.id, AgentEvent.READY, now=T)
        ready = await kept.snapshot(now=T)
        assert (ready.needs is first.needs, ready.agents is first.agents) == (True, False)
        await kept.close_need("c1", "gave_up", now=T)
        gone = await kept.snapshot(now=T)
        assert (gone.needs, gone.agents is ready.agents) == ((), True)


async def test_more_that_is_new_than_is_asked_for_by_number_is_read_at_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_BY_NUMBER", 3)
    async with fresh_database(SQLITE, tmp_path) as database, CallJournal(database, "node-a") as log:
        kept = Claims(database, "node-a")
        for number in range(5):
            log.opened(arrival(f"c{number}"), now=T, facts=CallerFacts(), language="en", book_version=1)
            assert await log.settle(f"c{number}", deadline_s=5)
            await kept.open_need(f"c{number}", WISH, now=T)
        picture = await kept.snapshot(now=T)
        assert [need.call_id for need in picture.needs] == [f"c{number}" for number in range(5)]
        assert await kept.snapshot(now=T) == picture
