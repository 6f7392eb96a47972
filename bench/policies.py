"""The product's own decision in a simulated call centre, beside other ways to route, and against exact rows.

    .venv/bin/python bench/policies.py [--json] [--calls 30000] [--seeds 20] [--first-seed 0]

Six types of calls, 90 agents, mean service 10 minutes, mean patience 10 minutes or none. S1: all types alike. S2: the
first type twice as busy, the last two half. Every policy gets the same calls (common random numbers); figures are
means over seeds with half the width of their 95 % interval. `gap_closed` is (split - policy) / (split - pooled) in the
share of calls that hang up (in the mean wait where nobody does): 0 is no sharing at all, 1 is one pool for everything.
Short runs mislead by a point or two in it; `--calls 100000` takes some ten minutes. `overflow` is a queue of 5 agents
with overflow to one of 15 after 180 s, ours as shipped and by age, credit and goal alone.
"""

import argparse
import json
import sys
from collections.abc import Callable
from math import inf

from erlang import Steady, erlang_a
from parts.overflowing import Waits, day
from parts.rivals import FewestCalls, FixedPriorities, LeastRecent, LongestIdle, Ours, RoundRobin, Settings
from parts.simulation import Outcome, Policy, Scene, mean_and_half_width, run, standard_deviation, stream

TYPES, EACH = 6, 15
ALIKE, SKEWED = (1.4,) * TYPES, (2.8, 1.4, 1.4, 1.4, 0.7, 0.7)
#: Calls per run of the exact rows: a mean wait without abandonment needs long runs.
EXACT_CALLS = 60_000
POLICIES: dict[str, Callable[[Scene], Policy]] = {
    "ours": Ours,
    "fifo_longest_idle": LongestIdle,
    "fixed_priorities": FixedPriorities,
    "app_queue_rrmemory": RoundRobin,
    "app_queue_leastrecent": LeastRecent,
    "app_queue_fewestcalls": FewestCalls,
    "app_queue_rrmemory_longest_waiting": lambda scene: RoundRobin(scene, oldest_first=True),
}


def scene(skills: int, arrivals: tuple[float, ...] = ALIKE, patience_min: float = 10.0) -> Scene:
    """15 agents with each type as primary skill; their other skills spread over the other types in turn."""
    agents = tuple(
        (type_, *((type_ + 1 + (number + more) % (TYPES - 1)) % TYPES for more in range(skills - 1)))
        for type_ in range(TYPES)
        for number in range(EACH)
    )
    return Scene(arrivals, agents, patience_min=patience_min)


def bounds(arrivals: tuple[float, ...], patience_min: float) -> tuple[Steady, Steady]:
    """No sharing at all, weighted over the types, and one pool."""
    leaving, total = 1 / patience_min, sum(arrivals)
    rows = [erlang_a(rate, 0.1, leaving, EACH) for rate in arrivals]
    share = [rate / total for rate in arrivals]
    split = Steady(
        *(
            sum(weight * getattr(row, name) for weight, row in zip(share, rows, strict=True))
            for name in ("p_wait", "p_abandon", "wait", "occupancy")
        )
    )
    return split, erlang_a(total, 0.1, leaving, TYPES * EACH)


def played(where: Scene, make: Callable[[Scene], Policy], calls: int, seeds: range) -> list[Outcome]:
    """One policy on every stream."""
    return [run(where, stream(where, calls, seed), make(where)) for seed in seeds]


def figures(outcomes: list[Outcome], split: Steady, pooled: Steady) -> dict[str, object]:
    """Means with half the width of their intervals; times in seconds."""

    def told(measure: Callable[[Outcome], float], digits: int = 4) -> list[float]:
        return [round(one, digits) for one in mean_and_half_width([measure(each) for each in outcomes])]

    closes = pooled.p_abandon > 0
    gap = (
        (lambda o: (split.p_abandon - o.p_abandon) / (split.p_abandon - pooled.p_abandon))
        if closes
        else (lambda o: (split.wait - o.wait) / (split.wait - pooled.wait))
    )
    return {
        "asa_s": told(lambda o: o.asa * 60, 2),
        "p_abandon": told(lambda o: o.p_abandon, 5),
        "service_level": told(lambda o: o.service_level),
        "worst_class_wait_s": told(lambda o: o.worst_wait * 60, 2),
        "occupancy_spread": told(lambda o: standard_deviation(o.occupancy)),
        "gap_closed": told(gap),
    }


def against_ours(ours: list[Outcome], theirs: list[Outcome]) -> dict[str, list[float]]:
    """Ours minus theirs on the same streams."""
    pairs = list(zip(ours, theirs, strict=True))
    return {
        "service_level": [
            round(v, 4) for v in mean_and_half_width([a.service_level - b.service_level for a, b in pairs])
        ],
        "worst_class_wait_s": [
            round(v * 60, 2) for v in mean_and_half_width([a.worst_wait - b.worst_wait for a, b in pairs])
        ],
    }


def exact_rows(seeds: range) -> dict[str, object]:
    """One and all skills meet the exact rows."""
    found: dict[str, object] = {}
    for skills, agents, rate in ((1, EACH, 1.4), (TYPES, TYPES * EACH, 8.4)):
        exact = erlang_a(rate, 0.1, 0.1, agents)
        outcomes = played(scene(skills), Ours, EXACT_CALLS, seeds[: max(4, len(seeds) // 5)])
        rows = {
            "p_abandon": (exact.p_abandon, mean_and_half_width([o.p_abandon for o in outcomes])),
            "p_wait": (exact.p_wait, mean_and_half_width([o.p_wait for o in outcomes])),
            "wait_min": (exact.wait, mean_and_half_width([o.wait for o in outcomes])),
        }
        found[f"{skills}_skills"] = {
            name: {"exact": round(value, 5), "simulated": [round(v, 5) for v in pair]}
            for name, (value, pair) in rows.items()
        }
    return found


def overflowing(seeds: range) -> dict[str, object]:
    """As shipped and by age, credit and goal alone: a day for each of some seeds."""
    found: dict[str, object] = {}
    for name, policy in (("ours", Settings()), ("by_age_alone", Settings(in_time_s=0, crowded_s=0))):
        waits = Waits()
        for seed in seeds[: max(4, len(seeds) // 4)]:
            day(policy, seed, waits)
        found[name] = {queue: waits.figures(queue) for queue in waits.by_queue} | {"overtaken": waits.overtaken}
    return found


def measured(calls: int, seeds: range) -> dict[str, object]:
    """Every scene and policy."""
    found: dict[str, object] = {"calls": calls, "seeds": [seeds[0], seeds[-1]], "exact": exact_rows(seeds)}
    for name, arrivals in (("S1", ALIKE), ("S2", SKEWED)):
        where, (split, pooled) = scene(2, arrivals), bounds(arrivals, 10.0)
        outcomes = {policy: played(where, make, calls, seeds) for policy, make in POLICIES.items()}
        found[name] = {policy: figures(runs, split, pooled) for policy, runs in outcomes.items()}
        found[f"{name}_ours_minus"] = {
            policy: against_ours(outcomes["ours"], runs) for policy, runs in outcomes.items() if policy != "ours"
        }
    found["overflow"] = overflowing(seeds)
    patient, rows = scene(2, ALIKE, inf), bounds(ALIKE, inf)
    found["S1_nobody_hangs_up"] = {
        policy: figures(played(patient, POLICIES[policy], calls, seeds), *rows)
        for policy in ("ours", "fifo_longest_idle")
    }
    return found


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", type=int, default=30_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.seeds < 4:
        parser.error("--seeds: at least 4, or there is no interval to tell")
    found = measured(asked.calls, range(asked.first_seed, asked.first_seed + asked.seeds))
    if asked.json:
        print(json.dumps(found, indent=1))
        return 0
    print(json.dumps({"exact": found["exact"], "overflow": found["overflow"]}, indent=1))
    for name in ("S1", "S2", "S1_nobody_hangs_up"):
        print(f"\n{name:<36}{'ASA s':>8}{'P(ab)':>9}{'SL':>8}{'worst s':>9}{'occ. sd':>9}{'gap':>8}")
        for policy, row in found[name].items():  # type: ignore[attr-defined]
            values = [row[key][0] for key in row]
            print("{:<36}{:>8.2f}{:>9.4f}{:>8.4f}{:>9.2f}{:>9.4f}{:>8.3f}".format(policy, *values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
