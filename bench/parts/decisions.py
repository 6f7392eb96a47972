"""How fast one event and a batch are decided, and how many claims a second two and four nodes carry out.

    .venv/bin/python bench/routing.py [--json] [--contested 100000] [--no-rounds]

Decisions: 10,000 agents, 5,000 needs, 200 skills; after each event the dispatcher's own function is given the whole
picture and the floor that is kept from round to round, and decides with reasons. Claims: all nodes decide on the same
picture and claim the same needs and agents at once; `claims_per_s` counts those that came true, `contested_claims` all
that were tried. `rounds`: whole rounds of the dispatcher with 2,000 agents and 1,000 needs (`parts/rounds.py`). Ends
with status 1 after a double offer.
"""

import argparse
import asyncio
import json
import logging
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import structlog

from ivr.app import collect_seldom
from ivr.testing.contest import Contest, again, prepare
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_url
from models.database import Database
from parts.rounds import rounds
from routing.agent import Agent, AgentState
from routing.assignment import assign
from routing.callback import share_out
from routing.decision import Decision, decide_on
from routing.floor import Floor
from routing.kept import KeptFloor
from routing.need import Need
from routing.snapshot import Snapshot

AGENTS, NEEDS, SKILLS, EVENTS, BATCH = 10_000, 5_000, 200, 1_000, 1_000
NOW = 1_000.0
PAIRS, AT_ONCE = 1_000, 20


def an_agent(rng: Random, number: int, state: AgentState) -> Agent:
    """3 to 10 skills, one or two languages."""
    skills = {f"skill-{rng.randrange(SKILLS)}": rng.randint(1, 10) for _ in range(rng.randint(3, 10))}
    skills["lang:en"] = 5
    if rng.random() < 0.3:
        skills["lang:zh"] = 5
    return Agent(number, f"agent-{number}", state, 0, "", skills, rng.random() * NOW)


def a_need(rng: Random, number: int) -> Need:
    """One skill or two, one of four priorities."""
    required = {f"skill-{rng.randrange(SKILLS)}": rng.randint(1, 6) for _ in range(rng.choice((1, 1, 1, 2)))}
    language, credit_s = rng.choice(("en", "en", "zh")), rng.choice((0.0, 0.0, 60.0, 120.0))
    return Need(number, "", "", rng.random() * NOW, 0, required=required, language=language, credit_s=credit_s)


def clocks() -> tuple[float, float]:
    """By the wall, and of this process: what others on the machine take is in the first alone."""
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> tuple[float, float]:
    """What has passed on both clocks."""
    wall, own = clocks()
    return wall - began[0], own - began[1]


def events() -> list[tuple[float, float]]:
    """Seconds for each event, as the dispatcher decides it: in a full house an agent becomes free; in an idle one a
    caller comes. Each time the whole picture is shown to the kept floor, which finds what has changed; those of whom
    nothing has, the agents or the needs, are the tuple of the picture before, as the reader gives it."""
    rng, took = Random(1), list[tuple[float, float]]()
    busy = [an_agent(rng, number, AgentState.BUSY) for number in range(AGENTS)]
    idle = [replace(agent, state=AgentState.READY) for agent in busy]
    waiting = {number: a_need(rng, number) for number in range(NEEDS)}
    needs, talking, free = tuple(waiting.values()), tuple(busy), tuple(idle)
    full, quiet = KeptFloor(), KeptFloor()
    full.show(Snapshot(needs, talking), (), NOW)
    quiet.show(Snapshot((), free), (), NOW)
    for number in range(NEEDS, NEEDS + EVENTS):
        agents, agent = list(busy), rng.choice(busy)
        agents[agent.id] = replace(agent, state=AgentState.READY, since=NOW)
        made, seconds = decided(full, Snapshot(needs, tuple(agents)))
        took.append(seconds)
        for one in made:
            del waiting[one.need_id]
            need = a_need(rng, number)
            waiting[need.id] = need
        needs = tuple(waiting.values())
        full.show(Snapshot(needs, talking), (), NOW)  # the agent talks, another caller came
        made, seconds = decided(quiet, Snapshot((a_need(rng, number),), free))
        took.append(seconds)
        quiet.show(Snapshot((), free), (), NOW)
    return took


def decided(floor: KeptFloor, picture: Snapshot) -> tuple[Sequence[Decision], tuple[float, float]]:
    """What the dispatcher decides on a picture, and the seconds that it takes."""
    began = clocks()
    shares = share_out(picture, (), NOW, 0, floor)
    return shares.decisions, since(began)


def batches() -> list[tuple[float, float]]:
    """Seconds to match 1,000 needs and 1,000 agents, and to say why as well; the middle of five."""
    rng = Random(2)
    agents = tuple(an_agent(rng, number, AgentState.READY) for number in range(BATCH))
    floor = Floor.of(Snapshot(tuple(a_need(rng, number) for number in range(BATCH)), agents), NOW)
    took = []
    for decide in (assign, decide_on):
        times = []
        for _ in range(5):
            began = clocks()
            decide(floor, NOW)
            times.append(since(began))
        took.append(sorted(times)[2])
    return took


async def contest(kind: str, nodes: int, batch: int, contested: int) -> tuple[float, int, int]:
    """Claims a second that came true, claims tried, and double offers."""
    tried = doubles = won = 0
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        async with fresh_url(kind, Path(folder)) as url, Database.opened(url) as database:
            await prepare(database, pairs=PAIRS)
            rivals = await Contest.begin(url, nodes, batch)
            while tried < contested:
                tallies = await rivals.round()
                needs = Counter(need for tally in tallies for need, _ in tally.won)
                agents = Counter(agent for tally in tallies for _, agent in tally.won)
                doubles += sum(n - 1 for n in needs.values()) + sum(n - 1 for n in agents.values())
                won += len(needs)
                tried += sum(tally.tried for tally in tallies)
                seconds += max(tally.ended for tally in tallies) - min(tally.began for tally in tallies)
                await again(database)
            await rivals.end()
    return won / seconds, tried, doubles


async def claims(contested: int) -> dict[str, object]:
    """Both databases, two and four nodes, one by one and in rounds of 20; most of the contest on PostgreSQL."""
    rates: dict[str, dict[str, int]] = {SQLITE: {}, POSTGRESQL: {}}
    tried = doubles = 0
    shares = {(POSTGRESQL, AT_ONCE): 0.3, (POSTGRESQL, 1): 0.1, (SQLITE, AT_ONCE): 0.08, (SQLITE, 1): 0.02}
    for (kind, batch), share in shares.items():
        for nodes in (2, 4):
            rate, more, twice = await contest(kind, nodes, batch, int(contested * share))
            rates[kind][f"{nodes}_nodes_{batch}_at_once"] = round(rate)
            tried, doubles = tried + more, doubles + twice
    return {
        "claims_per_s": {kind: each[f"2_nodes_{AT_ONCE}_at_once"] for kind, each in rates.items()},
        "claims_per_s_by": rates,
        "contested_claims": tried,
        "double_offers": doubles,
    }


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--contested", type=int, default=100_000, help="claims that several nodes try at once")
    parser.add_argument("--rounds", action=argparse.BooleanOptionalAction, default=True, help="whole rounds, too")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    collect_seldom()
    took, (batch, with_reasons) = events(), batches()
    wall, own = (sorted(each) for each in zip(*took, strict=True))
    found: dict[str, object] = {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "decision_p50_ms": round(wall[len(wall) // 2] * 1000, 4),
        "decision_p99_ms": round(wall[int(len(wall) * 0.99)] * 1000, 4),
        "decision_p99_cpu_ms": round(own[int(len(own) * 0.99)] * 1000, 4),
        "decisions_per_s": round(len(wall) / sum(wall)),
        "batch_ms": round(batch[0] * 1000, 1),
        "batch_cpu_ms": round(batch[1] * 1000, 1),
        "batch_with_reasons_ms": round(with_reasons[0] * 1000, 1),
        **(rounds() if asked.rounds else {}),
        **(asyncio.run(claims(asked.contested)) if asked.contested else {}),
    }
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:<24}{value}")
    return 1 if found.get("double_offers") else 0
