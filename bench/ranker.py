"""How long ranking and putting together a personal menu take, and what the ranker is worth on the Berka subset.

    .venv/bin/python bench/ranker.py                      the times
    .venv/bin/python bench/ranker.py --berka trans.csv.gz  and hit@1, hit@3, MRR of the ranker, if you have the file

The Berka subset (Berka and Sochorova, PKDD'99) is not part of this project.
"""

import argparse
import csv
import gzip
import platform
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from menus.facts import CallerFacts, HistoryEvent
from menus.learning.ranker import KernelRanker
from menus.loader import load_book
from menus.personalise import spoken_menu

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=ZONE)
ROUNDS = 5000
SEED = 20261201
TEST_BEGINS = datetime(1997, 12, 29, tzinfo=ZONE)


def caller(events: int) -> CallerFacts:
    """A caller with so many events over three years, in seven tasks."""
    rng = random.Random(SEED)
    tasks = ("balance", "transfer", "card", "instalment", "insurance", "complaint", "agent")
    days = sorted((rng.uniform(1, 1095) for _ in range(events)), reverse=True)
    return CallerFacts(
        customer_id=1, history=tuple(HistoryEvent(NOW - timedelta(days=day), rng.choice(tasks)) for day in days)
    )


def measure(what: str, work: Callable[[], object]) -> None:
    """Print the times of a piece of work."""
    for _ in range(200):
        work()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - began)
    times.sort()
    p50, p99 = times[ROUNDS // 2] / 1000, times[ROUNDS * 99 // 100] / 1000
    print(f"{what:48} p50 {p50:7.1f} µs   p99 {p99:7.1f} µs")


def berka(path: Path) -> None:
    """The protocol of the Berka figures: events of earlier days only, the last 20 % of events by time are the test."""
    events: list[tuple[datetime, str, str]] = []
    with gzip.open(path, "rt", encoding="ascii") as file:
        for row in csv.DictReader(file, delimiter=";"):
            symbol, day = row["k_symbol"] or "", row["date"]
            if not any(word in symbol for word in ("interest", "statement", "sanction")):
                at = datetime(1900 + int(day[:2]), int(day[2:4]), int(day[4:]), tzinfo=ZONE)
                events.append((at, row["account_id"], f"{row['operation']}|{symbol}"))
    events.sort(key=lambda event: event[0])
    counted = Counter(task for at, _, task in events if at < TEST_BEGINS)
    popularity = {task: count / counted.total() for task, count in counted.items()}
    tasks = [task for task, _ in counted.most_common()]
    history: dict[str, list[HistoryEvent]] = defaultdict(list)
    for at, account, task in events:
        history[account].append(HistoryEvent(at, task))
    ranker, ranks, promoted = KernelRanker(popularity), [], []
    for at, account, task in events:
        if at >= TEST_BEGINS:
            scores = ranker.scores(CallerFacts(history=tuple(history[account])), tasks, at)
            ranked = sorted(tasks, key=lambda one: (-scores[one], -popularity[one]))
            ranks.append(ranked.index(task) + 1)
            if scores[ranked[0]] >= 0.5 and scores[ranked[0]] - scores[ranked[1]] >= 0.2:
                promoted.append(ranked[0] == task)
    hit1, hit3 = (sum(rank <= most for rank in ranks) / len(ranks) for most in (1, 3))
    print(f"Berka subset, {len(ranks)} test events: hit@1 {hit1:.3f}, hit@3 {hit3:.3f}, ", end="")
    print(f"MRR {sum(1 / rank for rank in ranks) / len(ranks):.3f}; ", end="")
    print(f"the gate opens for {len(promoted) / len(ranks):.1%}, right in {sum(promoted) / len(promoted):.1%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--berka", type=Path, help="trans.csv.gz of the Berka subset")
    arguments = parser.parse_args()
    book = load_book(Path(__file__).parent.parent / "config" / "menus")
    ranker = KernelRanker()
    print(f"Python {platform.python_version()}, {platform.machine()}, {ROUNDS} rounds, seed {SEED}")
    for events in (20, 100, 500):
        facts = caller(events)
        tasks = list(book.tasks)
        measure(f"KernelRanker.scores, {events} events", lambda f=facts, t=tasks: ranker.scores(f, t, NOW))  # type: ignore[misc]
        measure(
            f"spoken_menu, {events} events",
            lambda f=facts: spoken_menu(book, "main", f, NOW, "en", ranker, held_out=False, again=False),  # type: ignore[misc]
        )
    if arguments.berka is not None:
        berka(arguments.berka)


if __name__ == "__main__":
    main()
