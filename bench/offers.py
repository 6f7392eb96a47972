"""Very many offers with injected faults, in virtual time: none made twice, no need lost, no agent stuck.

    .venv/bin/python bench/offers.py [--json] [--offers 1000000] [--seed 1] [--nodes 2] [--processes 2]
        [--store memory|sqlite|postgresql] [--record FILE]

Engine nodes of the product (conversations, dispatcher, watcher, dialler of callbacks) work on one store: its twin in
memory, which shares the rules of moves and sweeps with the database, or a database. Lost hints, claims, writes and
events, stale pictures, dead nodes, clocks that are wrong, broken lines, vanished calls, missed phones, lost browsers,
lost orders to call a customer back are drawn from the seed. The run fails when one of the three is not zero, or a
callback is lost or dialled twice.

With `--record` every run is written to the file as it ends, a line of JSON each, and one that stands there already is
not played again: what was broken off goes on where it was. Runs of other code belong in another file.
"""

import argparse
import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from parts.rates import Found
from parts.turmoil import MEMORY, played

from ivr.testing.databases import POSTGRESQL, SQLITE

#: Offers of one run; more are several runs, each with a seed and a store of its own.
RUN = 2_500
#: A run: store, offers, seed, nodes; what `played` is called with.
Run = tuple[str, int, int, int]


class Record:
    """Runs that are over, in a file of lines of JSON; one that was cut off while it was written is dropped.

    Raises ValueError, with file and line, for what is no run of this bench; OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.over: dict[Run, Found] = {}
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        for number, line in enumerate(lines, start=1):
            if not line.endswith("\n"):
                continue
            try:
                told = json.loads(line)
                found = Found(**told["found"])
                found.callers, found.tally, found.faults = map(Counter, (found.callers, found.tally, found.faults))
                self.over[tuple(told["run"])] = found
            except (ValueError, KeyError, TypeError, AttributeError) as fault:
                raise ValueError(f"{path}:{number}: no run of this bench ({fault}); give another file") from None
        if lines and not lines[-1].endswith("\n"):
            path.write_text("".join(lines[:-1]))

    def add(self, run: Run, found: Found) -> None:
        """Write one down."""
        with self._path.open("a") as file:
            file.write(json.dumps({"run": run, "found": vars(found)}) + "\n")


def results(runs: list[Run], processes: int, record: Record | None) -> Iterator[Found]:
    """What each came to, as they end."""
    over = record.over if record else {}
    yield from (over[run] for run in runs if run in over)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        playing = {pool.submit(played, *run): run for run in runs if run not in over}
        for done in as_completed(playing):
            if record:
                record.add(playing[done], done.result())
            yield done.result()


def measured(
    kind: str, offers: int, seed: int, nodes: int, processes: int, record: Record | None = None
) -> dict[str, object]:
    """Play them, and what they came to; how far it is goes to standard error."""
    began, found = time.perf_counter(), Found()
    runs = [(kind, min(RUN, offers - first), seed + n, nodes) for n, first in enumerate(range(0, offers, RUN))]
    for number, one in enumerate(results(runs, processes, record), start=1):
        found.add(one)
        wrong = f"{len(found.wrong)} or more wrong" if found.wrong else "nothing wrong"
        print(f"{number} of {len(runs)} runs, {found.offers:,} offers, {wrong}", file=sys.stderr, flush=True)
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
        "wall_s": time.perf_counter() - began,
        "offers_per_cpu_s": found.offers / found.cpu_s,
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
    parser.add_argument("--record", type=Path, help="where runs that are over are written down, and read")
    asked = parser.parse_args()
    try:
        record = Record(asked.record) if asked.record else None
    except (ValueError, OSError) as fault:
        parser.error(str(fault))
    told = measured(asked.store, asked.offers, asked.seed, asked.nodes, asked.processes, record)
    if asked.json:
        print(json.dumps(told, indent=1))
    else:
        for name, value in told.items():
            print(f"{name:<18}{value:.1f}" if isinstance(value, float) else f"{name:<18}{value}")
    return 1 if told["double_offers"] or told["lost_needs"] or told["stuck_agents"] or told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
