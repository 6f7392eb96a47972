"""`ivr explain` on how a call was routed: who was offered it and why, who not, and what keeps agents from who waits."""

import asyncio
import json

import pytest

from ivr.testing.books import SMALL
from ivr.testing.command import ivr
from ivr.testing.waits import SIGHT
from ivr.testing.world import CHEAP, T, arrival
from menus.facts import CallerFacts
from models.agents import Agents
from models.books import Books
from models.calls import CallJournal
from models.claims import Claims
from models.database import Database
from models.waits import WaitBook
from routing.agent import AgentEvent
from routing.decision import decide
from routing.offer import Claimed, OfferEvent
from routing.terms import Softening, Terms
from routing.views import NeedWish
from routing.wait_ranges import WaitRange

TERMS = Terms(20.0, softening=(Softening(30.0, {"cards": 2}),))
WISH = NeedWish("cards", {"cards": 4}, "en", "lost card", tier=1, credit_s=10.0, terms=TERMS)


@pytest.fixture(autouse=True)
def url(cli_url: str) -> str:
    asyncio.run(_two_calls(cli_url))
    return cli_url


async def _two_calls(url: str) -> None:
    """anna misses c1, then bob, who knows less of cards, answers it; c2 waits, and nobody may have it."""
    async with Database.opened(url) as database, CallJournal(database, "node-a") as log:
        await Books(database).publish({"small.yaml": SMALL}, message="", now=1.0)
        roster, claims = Agents(database, CHEAP), Claims(database)
        for name, cards in (("anna", 5), ("bob", 2), ("carol", 1)):
            skills = {"cards": cards, "lang:en": 1}
            card = await roster.add(name, name.title(), "secret", f"PJSIP/{name}", skills)
            await roster.say(card.id, AgentEvent.SIGN_IN, now=T - 60)
            if name != "carol":
                await roster.say(card.id, AgentEvent.READY, now=T - 60)
        for call_id in ("c1", "c2"):
            log.opened(arrival(call_id), now=T, facts=CallerFacts(), language="en", book_version=1)
            assert await log.settle(call_id, deadline_s=5)
        need = await claims.open_need("c1", WISH, now=T)
        await WaitBook(database).tell(need.id, WaitRange(0, 2), SIGHT, mean_s=60.0, basis="0123456789ab", now=T + 1)
        missed = await _claimed(claims, T + 2)
        await claims.close_offer(missed.offer_id, missed.fence, OfferEvent.MISS, now=T + 12, wrap_up_s=0.0)
        answered = await _claimed(claims, T + 40)
        await claims.answered(answered.offer_id, answered.fence, now=T + 44)
        await claims.close_offer(answered.offer_id, answered.fence, OfferEvent.COMPLETE, now=T + 90, wrap_up_s=30.0)
        await roster.say(card.id, AgentEvent.READY, now=T + 90)  # carol
        waits = await claims.open_need("c2", WISH, now=T + 91)
        await WaitBook(database).tell(waits.id, None, SIGHT, mean_s=950.0, basis=None, now=T + 92)


async def _claimed(claims: Claims, now: float) -> Claimed:
    (decision,) = decide(await claims.snapshot(now=now), now)
    claim = await claims.claim(decision, node="a", now=now, lease_s=15)
    assert isinstance(claim, Claimed)
    return claim


def test_each_offer_of_a_call_is_told_with_the_reasons_for_this_agent_and_against_the_others() -> None:
    ran = ivr("explain", "c1")
    assert (ran.status, ran.err) == (0, "")
    told = [line.strip() for line in ran.out.splitlines()]
    assert told[2].startswith("queue cards from ")
    assert told[2].endswith("asks for cards 4, en, credit 10.0 s")
    estimate = "1 min 0 s by the fitted model 0123456789ab, 2 ahead, 4 agents"
    assert told[3].endswith(f"told to wait less than 2 minutes: {estimate}")
    assert told[4].endswith("offered to anna: not answered (RONA)")
    assert "number 1 in line after 2.0 s, not overdue for 8.0 s" in told[5]
    assert "has cards 5 (asked 4), lang:en 1 (asked 1)" in told[5]
    assert told[6] == "not: bob cards 2, asked 4; carol paused"
    assert told[7].endswith("offered to bob: answered, 4.0 s later")
    assert "overdue by 30.0 s" in told[8]
    assert "has cards 2 (asked 2)" in told[8]
    assert "softened by 1 step" in told[8]
    assert told[9] == "not: carol paused; anna missed"
    assert told[10].endswith("served, 1 min 30 s after it came")


def test_of_a_caller_who_waits_it_is_told_what_keeps_each_agent_from_them() -> None:
    told = [line.strip() for line in ivr("explain", "c2").out.splitlines()]
    assert told[-5].endswith(
        "told nothing, the estimate was too uncertain: 15 min 50 s by the formula, 2 ahead, 4 agents"
    )
    assert told[-4].startswith("waits for ")
    assert told[-3:] == ["1 agent: cards 1, asked 2", "1 agent: missed", "1 agent: wrap_up"]


def test_the_reasons_are_there_for_programs_too() -> None:
    (need,) = json.loads(ivr("explain", "c1", "--json").out)["routing"]
    assert [(offer["agent"], offer["state"]) for offer in need["offers"]] == [("anna", "missed"), ("bob", "completed")]
    assert need["offers"][1]["why"]["softened"] == 1
    (told,) = need["told"]
    assert (told["at"], told["range"], told["basis"]) == (T + 1, {"least_min": 0, "most_min": 2}, "0123456789ab")


def test_who_asks_for_one_menu_is_told_of_no_routing_and_a_call_that_is_unknown_is_said() -> None:
    assert "did not hear the menu 'main'" in ivr("explain", "c1", "--menu", "main").err
    assert "there is no call 'c9'" in ivr("explain", "c9").err
