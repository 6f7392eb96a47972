"""How soon a waiting caller reaches an agent who becomes free: Ringwise beside app_queue, on one Asterisk, in one run.

    .venv/bin/python bench/handover.py [--json] [--samples 60] [--database sqlite|postgresql] [--nodes 1|2]

Two cases: the agent says *ready* (app_queue: QueuePause of the manager interface), and the agent's call before ends
(the desktop saves the wrap-up at once; app_queue has no wrap-up). The time ends when the agent's phone, a SIP robot,
receives INVITE. The distributors take turns. The agent's desktop is a client of the desktop's protocol; it says that
the pop stands after two frames, as a page does. With two nodes (on PostgreSQL) it is linked to the one that does not
hold the calls.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from parts.handed import Bench

from ivr.testing.databases import POSTGRESQL, SQLITE

RESAMPLES, SEED = 4000, 20261126


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    return {f"p{q}": round(float(np.percentile(seconds, q)) * 1000, 1) for q in (50, 90, 99)}


def compared(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """Both, and the difference of the medians with a bootstrapped interval; milliseconds."""
    rng = np.random.default_rng(SEED)

    def medians(seconds: Sequence[float]) -> Any:
        return np.median(rng.choice(np.asarray(seconds), (RESAMPLES, len(seconds))), axis=1)

    low, high = np.percentile(medians(ours) - medians(theirs), (2.5, 97.5)) * 1000
    return {
        "ours_ms": spread(ours),
        "app_queue_ms": spread(theirs),
        "difference_ms": round(float(np.median(ours) - np.median(theirs)) * 1000, 1),
        "difference_95_ms": [round(float(low), 1), round(float(high), 1)],
    }


async def measured(samples: int, kind: str, nodes: int) -> dict[str, Any]:
    """The whole report."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rw-") as folder:
        async with Bench.begun(Path(folder), kind, nodes) as bench:
            await bench.rounds(samples)
    ready = compared(bench.ours.agent_ready, bench.app_queue.agent_ready)
    ends = compared(bench.ours.call_ends, bench.app_queue.call_ends)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "database": kind,
        "nodes": nodes,
        "samples": samples,
        "agent_ready": ready,
        "call_ends": ends,
        "pop_lead_ms": spread(bench.pops.lead),
        "pops_acknowledged_before_invite": bench.pops.acknowledged_first,
        "pops": 2 * samples,
        "stages_ms": {name: spread(seconds) for name, seconds in bench.pops.stages.items()},
        "no_slower_than_app_queue": ready["difference_ms"] <= 0 and ends["difference_ms"] <= 0,
    }


def tell(report: dict[str, Any]) -> None:
    """The report in words."""
    load = " to ".join(str(each) for each in report["load"])
    where = f"{report['machine']}, load {load}, {report['nodes']} node(s) on {report['database']}"
    print(f"{report['samples']} samples of each kind; {where}")
    for case, words in (("agent_ready", "agent says ready"), ("call_ends", "call before ends")):
        found = report[case]
        print(f"{words}: until the phone receives INVITE, ms (p50 / p90 / p99)")
        for who in ("ours", "app_queue"):
            print(f"  {who:<10}{' / '.join(str(found[f'{who}_ms'][q]) for q in ('p50', 'p90', 'p99'))}")
        low, high = found["difference_95_ms"]
        print(f"  difference of the medians {found['difference_ms']} ms (95 %: {low} to {high})")
    print(f"pop before INVITE, ms: {report['pop_lead_ms']}")
    print(f"pop acknowledged before INVITE: {report['pops_acknowledged_before_invite']} of {report['pops']}")
    for stage, times in report["stages_ms"].items():
        print(f"  {stage:<10}{times}")


def main() -> int:
    """Measure and tell; status 1 when app_queue is quicker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--samples", type=int, default=60, help="rounds; each gives one sample of each kind")
    parser.add_argument("--database", choices=(SQLITE, POSTGRESQL), default=SQLITE)
    parser.add_argument("--nodes", type=int, choices=(1, 2), default=1)
    asked = parser.parse_args()
    if asked.nodes > 1 and asked.database != POSTGRESQL:
        parser.error("two nodes need --database postgresql")
    report = asyncio.run(measured(asked.samples, asked.database, asked.nodes))
    if asked.json:
        print(json.dumps(report, indent=1))
    else:
        tell(report)
    return 0 if report["no_slower_than_app_queue"] else 1


if __name__ == "__main__":
    sys.exit(main())
