"""What the learned menu is worth on real histories: the product's inputs, training and ranker, on a Berka-format file.

    .venv/bin/python bench/menus.py --data trans.csv.gz --json      one JSON object
    .venv/bin/python bench/menus.py --data trans.csv.gz             the same, to be read

The file is `;`-separated with a header, plain or gzip; the columns account_id, date (yymmdd), type, operation and
k_symbol are used. A category is `operation|k_symbol`, whatever the labels are. Rows that the bank posts by itself
(interest, statements, sanctions, by the English and the Czech words for them) are nobody's choice and left out.
Protocol: for each event, events of the same account on earlier days are known, nothing else; the last 20 % of events by
time are the test; the number of rounds and the calibration are chosen on the 20 % before it.

Seconds are 3 a spoken option: `static` is the order of global popularity, `oracle` the best order that stays the same
all day for an account, which no ranking can beat. `worst_decile_gain_s` is the least mean gain over the static order of
any tenth of the accounts, sorted by their seconds in the static order, and again by those of what they did before.
"""

import argparse
import csv
import gzip
import io
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait must not keep others from working
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from menus.facts import CallerFacts
from menus.learning.baselines import Baseline
from menus.learning.days import Calendar
from menus.learning.examples import MOST_FITTED, MOST_JUDGED, Done, Examples
from menus.learning.habits import Habits, RememberedHistory
from menus.learning.lesson import judge, teach
from menus.learning.model import from_bytes, to_bytes
from menus.learning.model_ranker import ModelRanker

#: Words in k_symbol that mark what the bank does by itself; UROK, SLUZBY, SANKC. UROK are the Czech originals.
POSTED = ("interest", "statement", "sanction", "urok", "sluzby", "sankc")
OLDEST_DAYS = 1095
TEST_SHARE = 0.2
ZONE = ZoneInfo("Europe/Prague")
ROUNDS = 3000


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a file, packed or not."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline=""), delimiter=";")


def day_of(written: str) -> int:
    """The ordinal of yymmdd; yyyymmdd and yyyy-mm-dd are read too."""
    digits = written.strip()[:10].replace("-", "")
    if len(digits) == 6:
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).toordinal()


def events_of(path: Path) -> list[tuple[int, str, str]]:
    """(day, account, category) of everything that a customer chose, by time."""
    found = []
    for row in rows(path):
        symbol = (row["k_symbol"] or "").strip()
        if any(word in symbol.lower() for word in POSTED):
            continue
        operation = (row["operation"] or "").strip()
        category = f"{operation}|{symbol}" if operation or symbol else (row["type"] or "").strip()
        found.append((day_of(row["date"]), row["account_id"].strip(), category))
    found.sort(key=lambda event: event[0])
    return found


def measure(path: Path) -> dict[str, Any]:
    """All figures."""
    events = events_of(path)
    test_from = events[int(len(events) * (1 - TEST_SHARE))][0]
    known = Counter(category for day, _, category in events if day < test_from)
    strange = sum(1 for event in events if event[2] not in known)  # all of them in the test
    tasks = [category for category, _ in known.most_common()]
    places = {category: place for place, category in enumerate(tasks)}
    histories: dict[str, list[Done]] = {}
    for day, account, category in events:
        histories.setdefault(account, []).append(Done(day, places.get(category, -1)))
    years = [date.fromordinal(day).year for day in (events[0][0], events[-1][0])]
    calendar = Calendar(years[0] - 4, years[1] + 1)
    fitted = sum(known.values())
    began = time.perf_counter()
    examples = Examples(
        len(tasks),
        judged_from=test_from,
        fitted_share=MOST_FITTED / fitted,
        judged_share=MOST_JUDGED / (len(events) - fitted),
        counts=[known[task] for task in tasks],
    )
    for number, done in enumerate(histories.values()):
        examples.add(number, -1, done)
    model = teach(examples.fitted, tasks=tasks, segments=(), oldest=OLDEST_DAYS, calendar=calendar, about={})
    train_s = time.perf_counter() - began
    model = from_bytes(to_bytes(model)[0])
    ranker = ModelRanker(model, calendar)
    scores, times = np.zeros((len(examples.judged), len(tasks))), []
    for place, example in enumerate(examples.judged):
        asked = [int(place) for place in np.nonzero(example.days[:, 0])[0]]
        habits = Habits(tuple(tasks[n] for n in asked), example.days[asked], example.moment.first, example.events)
        facts = CallerFacts(customer_id=1, history=RememberedHistory(habits, ZONE))
        now = datetime.fromordinal(example.day).replace(hour=12, tzinfo=ZONE)
        ranker.scores(facts, tasks, now)  # the first caller of a day works out the day's weights
        clock = time.thread_time_ns()
        given = ranker.scores(facts, tasks, now)
        times.append((time.thread_time_ns() - clock) / 1000)
        scores[place] = [given[task] for task in tasks]
    judgement = judge(model, examples.judged, calendar, scores)
    # A category that was never seen before the test can be ranked by nobody: it is a miss of every rule.
    heard = 1 - strange / (len(events) - fitted)
    rules = {"popularity": judgement.popularity} | {str(rule): judgement.baselines[rule] for rule in Baseline}
    return {
        "n_events": len(events),
        "n_accounts": len(histories),
        "hit1": judgement.model.hit1 * heard,
        "hit3": judgement.model.hit3 * heard,
        "mrr": judgement.model.mrr * heard,
        "mean_rank": judgement.model.mean_rank,
        "ece": judgement.ece,
        "seconds_to_target": {
            "static": judgement.popularity.seconds,
            "kernel": judgement.baselines[Baseline.KERNEL].seconds,
            "model": judgement.model.seconds,
            "oracle": judgement.oracle.seconds,
        },
        "worst_decile_gain_s": judgement.worst_decile_s,
        "baselines": {name: {"hit1": one.hit1 * heard, "hit3": one.hit3 * heard} for name, one in rules.items()},
        "train_s": train_s,
        "predict_us_p50": float(np.quantile(times, 0.5)),
        "predict_us_p99": float(np.quantile(times, 0.99)),
        "n_categories": len(tasks),
        "n_test": judgement.events,
        "test_from": date.fromordinal(test_from).isoformat(),
        "never_seen_before": strange,
        "hit1_interval": judgement.interval,
        "gain_over_kernel_interval": judgement.gain_interval,
        "log_loss": judgement.log_loss,
        "decile_gains_s": judgement.deciles,
        "decile_gains_by_past_s": judgement.deciles_before,
        "by_history": [[name, many, shares] for name, many, shares in judgement.history],
        "chosen": model.about["chosen"] | {"sharpness": model.sharpness, "modesty": model.modesty},
        "nodes": len(model.trees.feature),
        "quality": asdict(judgement.model),
        "python": platform.python_version(),
    }


def rounded(value: Any) -> Any:
    """Figures with five decimals."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list | tuple) else value


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="transactions in the Berka format")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    arguments = parser.parse_args()
    if arguments.data is None:
        print("no --data: nothing measured (the Berka subset is not part of this project)")
        return
    figures = rounded(measure(arguments.data))
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")
