"""Expected waits held against what callers of a bank really waited: ours beside the formula, LES, HOL, QL and a
linear fit.

    .venv/bin/python bench/waits.py --data FOLDER [--json]

FOLDER holds the Anonymous Bank files, january.txt.gz and february.txt.gz: fitted on the first, tested on the second.
Call-centre data courtesy of the Technion, Faculty of Industrial Engineering and Management, Haifa (A. Mandelbaum,
I. Guedj). Needs scikit-learn. Ends with status 1 when ours is not the best.
"""

import argparse
import csv
import gzip
import json
import sys
from dataclasses import replace
from datetime import date
from heapq import heappop, heappush
from pathlib import Path

import numpy as np

from ivr.wait_models.fitting import Row, fit
from ivr.wait_models.judging import estimates, lead, scores
from routing.waits import Expected, Ranges, Sight, WaitModel, by_length_and_patience_s, by_length_s

TYPES = {"PS", "NE", "NW", "PE", "TT"}
LEAST_QUEUED, MOST_WAIT_S, LOOK_BACK_S = 150, 3600, 1800
CREDIT_S = 90.0  #: of priority 2, the bank's own rule
COVERAGES = (0.5, 0.8, 0.9)
ESTIMATORS = ("ours", "LES", "HOL", "QL", "linear", "formula")
#: A mean service of fewer than so many counts as the usual one; its limits, in seconds.
LEAST_SERVICES, USUAL_SERVICE_S, LEAST_SERVICE_S, MOST_SERVICE_S = 6, 180.0, 60.0, 600.0


def seconds(clock: str) -> int:
    """Of the day."""
    hours, minutes, secs = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(secs)


def read(path: Path) -> tuple[list[Row], float]:
    """The rows of a month, and the mean patience: time in queue per hang-up."""
    days: dict[str, list[dict[str, str]]] = {}
    with gzip.open(path, "rt", encoding="ascii") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            day = date(1900 + int(row["date"][:2]), int(row["date"][2:4]), int(row["date"][4:]))
            if row["outcome"] != "PHANTOM" and row["type"] in TYPES and day.weekday() in (6, 0, 1, 2, 3):
                days.setdefault(row["date"], []).append(row)
    rows: list[Row] = []
    queued_s = hung_up = 0
    for day, calls in days.items():
        waited = [call for call in calls if int(call["q_time"]) > 0]
        if len(waited) < LEAST_QUEUED:
            continue
        queued_s += sum(int(call["q_time"]) for call in waited)
        hung_up += sum(call["outcome"] == "HANG" for call in waited)
        rows += list(sights(day, calls))
    return rows, queued_s / hung_up


def believed(rows: list[Row], patience_s: float) -> list[Row]:
    """The rows with a mean patience, and with what the formula makes of them."""
    seen = [replace(row.sight, patience_s=patience_s) for row in rows]
    told = [replace(sight, formula_s=by_length_and_patience_s(sight, sight.ahead)) for sight in seen]
    return [replace(row, sight=sight) for row, sight in zip(rows, told, strict=True)]


def service_s(ended: np.ndarray) -> float:
    """The mean service as far as it can be trusted."""
    if len(ended) < LEAST_SERVICES:
        return USUAL_SERVICE_S
    return min(max(float(ended.mean()), LEAST_SERVICE_S), MOST_SERVICE_S)


def sights(day: str, calls: list[dict[str, str]]):  # type: ignore[no-untyped-def]
    """Each caller of a day who queued and was served, with what was to be seen when they came."""
    waited = [call for call in calls if int(call["q_time"]) > 0]
    served = sorted((call for call in calls if call["outcome"] == "AGENT"), key=lambda call: seconds(call["ser_start"]))
    q_from = np.array([seconds(call["q_start"]) for call in waited])
    q_for = np.array([int(call["q_time"]) for call in waited])
    q_credit = np.array([CREDIT_S if call["priority"] == "2" else 0.0 for call in waited])
    s_from = np.array([seconds(call["ser_start"]) for call in served])
    s_for = np.array([int(call["ser_time"]) for call in served])
    s_wait = np.array([int(call["q_time"]) for call in served])
    s_who = np.array([call["server"] for call in served])
    for number, call in enumerate(waited):
        if call["outcome"] != "AGENT" or q_for[number] >= MOST_WAIT_S:
            continue
        now = q_from[number]
        begun = s_from < now
        lately = begun & (s_from >= now - LOOK_BACK_S)
        if not lately.any():
            continue
        here = (q_from < now) & (q_from + q_for > now)
        serving = begun & (s_from + s_for > now)
        ended = (s_from + s_for <= now) & (s_from + s_for > now - LOOK_BACK_S)
        so_far = now - q_from[here]
        queued = np.flatnonzero(begun & (s_wait > 0))
        first = queued[-1] if len(queued) else np.flatnonzero(begun)[-1]
        recent = begun & (s_from >= now - 300)
        before = here & (q_from - q_credit <= now - q_credit[number])
        yield Row(
            day,
            "bank",
            Sight(
                waiting=int(here.sum()),
                ahead=int(before.sum()),
                agents=max(1, len(set(s_who[serving]) - {"NO_SERVER"})),
                service_s=service_s(s_for[ended]),
                services=int(ended.sum()),
                patience_s=0.0,  # that of the month fitted on, see `believed`
                formula_s=0.0,
                last_wait_s=float(s_wait[first]),
                head_wait_s=float(so_far.max()) if len(so_far) else 0.0,
                mean_wait_s=float(so_far.mean()) if len(so_far) else 0.0,
                recent_wait_s=float(s_wait[recent].mean()) if recent.any() else float(s_wait[first]),
                starts_5=int(recent.sum()),
                starts_15=int((begun & (s_from >= now - 900)).sum()),
                credit_s=float(q_credit[number]),
                hour=now / 3600,
            ),
            float(q_for[number]),
        )


def covered(model: WaitModel, coverage: float, rows: list[Row], means: np.ndarray) -> float:
    """The share of waits inside their ranges; a range may learn from a wait only once it is over."""
    ranges, hits = Ranges(model, coverage), 0
    going_on: list[tuple[tuple[str, float], int, Expected]] = []
    for number in sorted(range(len(rows)), key=lambda one: (rows[one].day, rows[one].sight.hour)):
        row = rows[number]
        now = (row.day, row.sight.hour)
        while going_on and going_on[0][0] <= now:
            _, over, told = heappop(going_on)
            ranges.learn(told, rows[over].wait_s)
        told = ranges.around(float(means[number]))
        hits += told.low_s <= row.wait_s <= told.high_s
        heappush(going_on, ((row.day, row.sight.hour + row.wait_s / 3600), number, told))
    return round(hits / len(rows), 4)


def measured(folder: Path) -> dict[str, object]:
    """Fit on January, test on February."""
    train, patience_s = read(folder / "january.txt.gz")
    test, _ = read(folder / "february.txt.gz")
    train, test = believed(train, patience_s), believed(test, patience_s)
    model = WaitModel.from_json(json.loads(json.dumps(fit(train).as_json())))
    x = [np.array([_plain(row.sight) for row in rows]) for rows in (train, test)]
    weights = np.linalg.lstsq(x[0], np.array([row.wait_s for row in train]), rcond=None)[0]
    guesses = {
        "ours": estimates(model, test),
        "LES": np.array([row.sight.last_wait_s for row in test]),
        "HOL": np.array([row.sight.head_wait_s for row in test]),
        "QL": np.array([by_length_s(row.sight) for row in test]),
        "linear": x[1] @ weights,
        "formula": np.array([row.sight.formula_s for row in test]),
    }
    inside = {f"{coverage:g}": covered(model, coverage, test, guesses["ours"]) for coverage in COVERAGES}
    return {
        "fitted_on": {"rows": len(train), "days": len({row.day for row in train})},
        "tested_on": {"rows": len(test), "days": len({row.day for row in test})},
        "patience_s": round(patience_s, 1),
        **{name: scores(test, guess) for name, guess in guesses.items()},
        "rmse_ours_minus_linear_95": list(lead(test, guesses["ours"], guesses["linear"])),
        "rmse_ours_minus_formula_95": list(lead(test, guesses["ours"], guesses["formula"])),
        "inside_range": inside,
    }


def _plain(sight: Sight) -> list[float]:
    lengths = [by_length_s(sight), by_length_and_patience_s(sight, sight.waiting)]
    return [1.0, sight.last_wait_s, sight.head_wait_s, *lengths, sight.waiting, sight.agents, float(sight.credit_s > 0)]


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.data is None:
        print("no --data: nothing measured (the files of the Anonymous Bank are not part of this package)")
        return 0
    found = measured(asked.data)
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        for name in ESTIMATORS:
            print(f"{name:<8}", found[name])
        print({name: value for name, value in found.items() if name not in ESTIMATORS})
    best = min(ESTIMATORS, key=lambda name: found[name]["rmse_s"])  # type: ignore[index]
    return 0 if best == "ours" else 1


if __name__ == "__main__":
    sys.exit(main())
