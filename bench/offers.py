"""Very many offers with injected faults, in virtual time: none made twice, no need lost, no agent stuck.

    .venv/bin/python bench/offers.py [--json] [--offers 1000000] [--seed 1] [--nodes 2] [--processes 2]
        [--store memory|sqlite|postgresql]

Engine nodes of the product (conversations, dispatcher, watcher, dialler of callbacks) work on one store: its twin in
memory, which shares the rules of moves and sweeps with the database, or a database. Lost hints, claims, writes and
events, stale pictures, dead nodes, clocks that are wrong, broken lines, vanished calls, missed phones, lost browsers,
lost orders to call a customer back are drawn from the seed. The run fails when one of the three is not zero, or a
callback is lost or dialled twice.
"""

import argparse
import json
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from parts.rates import Found
from parts.turmoil import MEMORY, played

from ivr.testing.databases import POSTGRESQL, SQLITE

#: Offers of one run; more are several runs, each with a seed and a store of its own.
RUN = 2_500


def measured(kind: str, offers: int, seed: int, nodes: int, processes: int) -> dict[str, object]:
    """Play them, and what they came to."""
    began, found = time.perf_counter(), Found()
    runs = [min(RUN, offers - first) for first in range(0, offers, RUN)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for one in pool.map(played, *zip(*((kind, run, seed + n, nodes) for n, run in enumerate(runs)), strict=True)):
            found.add(one)
    wall_s = time.perf_counter() - began
    told = dict(vars(found))
    for name in ("callers", "tally", "faults"):
        told[name] = dict(sorted(told[name].items()))
    tally = found.tally
    return {
        "store": kind,
        "nodes": nodes,
        "seed": seed,
        "runs": len(runs),
        "offers": told.pop("offers"),
        "answered": tally["offers_completed"] + tally["offers_answered"],
        "missed": tally["offers_missed"] + tally["offers_declined"] + tally["offers_unreachable"],
        "expired": tally["offers_expired"],
        "withdrawn": tally["offers_withdrawn"],
        "faults_injected": sum(found.faults.values()),
        **told,
        "wall_s": wall_s,
        "offers_per_s": found.offers / wall_s,
        "python": platform.python_version(),
    }


def main() -> int:
    """Print what was found; status 1 when something was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--offers", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--store", choices=(MEMORY, SQLITE, POSTGRESQL), default=MEMORY)
    asked = parser.parse_args()
    told = measured(asked.store, asked.offers, asked.seed, asked.nodes, asked.processes)
    if asked.json:
        print(json.dumps(told, indent=1))
    else:
        for name, value in told.items():
            print(f"{name:<18}{value:.1f}" if isinstance(value, float) else f"{name:<18}{value}")
    return 1 if told["double_offers"] or told["lost_needs"] or told["stuck_agents"] or told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
