"""A node that claims whatever it can, for races: `python -m ivr.testing.rival URL NODE` prints what it won and lost."""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from ivr.ports import Arrival, NeedWish
from menus.facts import CallerFacts
from models.agents import Agents
from models.calls import CallJournal
from models.claims import Claims
from models.database import Database
from models.errors import StoreBusy
from routing.agent import AgentEvent
from routing.decision import decide
from routing.offer import Claimed, OfferEvent

SKILLS = {"general": 5, "lang:en": 5}


@dataclass
class Score:
    """What one node did."""

    won: list[tuple[int, int]] = field(default_factory=list)  #: need and agent
    lost: Counter[str] = field(default_factory=Counter)  #: by reason
    busy: int = 0  #: times the database was too busy to carry an offer out at once
    seconds: float = 0.0


async def prepare(database: Database, *, agents: int, calls: int, roster: Agents) -> None:
    """Agents who are ready and calls that wait, for rivals to meet over."""
    exchange = Claims(database)
    for number in range(agents):
        card = await roster.add(f"agent-{number}", "", "", f"PJSIP/{number}", SKILLS)
        await roster.say(card.id, AgentEvent.SIGN_IN, now=0.0)
        await roster.say(card.id, AgentEvent.READY, now=0.0)
    async with CallJournal(database, "setup") as journal:
        for number in range(calls):
            arrival = Arrival(f"call-{number}", f"call-{number}", f"PJSIP/{number}", None, "", "")
            journal.opened(arrival, now=0.0, facts=CallerFacts(), language="en", book_version=1)
    for number in range(calls):
        await exchange.open_need(f"call-{number}", NeedWish("general", {"general": 1}, "en", ""), now=float(number))


async def serve_all(database: Database, node: str) -> Score:
    """Offer, answer and complete until nobody waits. Each agent is ready again at once."""
    exchange, roster, score = Claims(database), Agents(database), Score()
    began = time.perf_counter()
    while True:
        snapshot = await exchange.snapshot(now=time.time())
        if not snapshot.needs:
            score.seconds = time.perf_counter() - began
            return score
        for decision in decide(snapshot, time.time()):
            claim = await exchange.claim(decision, node=node, now=time.time(), lease_s=60)
            if not isinstance(claim, Claimed):
                score.lost[claim.why] += 1
                continue
            score.won.append((claim.need_id, claim.agent_id))
            while not await _carried_out(exchange, roster, claim):
                score.busy += 1


async def _carried_out(exchange: Claims, roster: Agents, claim: Claimed) -> bool:
    """Answer, complete, ready again; False when the database was too busy: each act may be done again."""
    key, now = (claim.offer_id, claim.fence), time.time()
    try:
        await exchange.answered(*key, now=now)
        await exchange.close_offer(*key, OfferEvent.COMPLETE, now=now, wrap_up_s=0)
        await roster.say(claim.agent_id, AgentEvent.READY, now=now)
    except StoreBusy:
        return False
    return True


async def race(url: str, nodes: int) -> list[Score]:
    """Run that many nodes as processes against one database, started together; answers with their scores."""
    rivals = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ivr.testing.rival", url, f"node-{number}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for number in range(nodes)
    ]
    for rival in rivals:
        assert rival.stdout is not None, "it was asked for"
        await rival.stdout.readline()
    told = await asyncio.gather(*(rival.communicate(b"go\n") for rival in rivals))
    scores = []
    for out, _ in told:
        read = json.loads(out)
        won = [(need, agent) for need, agent in read["won"]]
        scores.append(Score(won, Counter(read["lost"]), read["busy"], read["seconds"]))
    return scores


async def _main(url: str, node: str) -> None:
    async with Database.opened(url) as database:
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(vars(await serve_all(database, node))))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:3]))
