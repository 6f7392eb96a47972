"""How long one personal menu takes to put together: conditions, ranker, arrangement, record; processor time, no I/O.

    .venv/bin/python bench/personal_menu.py           in words
    .venv/bin/python bench/personal_menu.py --json    as JSON

The menu has ten options, half of them with conditions; the caller has 500 events of history and a memory of earlier
calls. Measured for each key policy, in processor time of the thread, so that a busy machine does not blur it.
"""

import argparse
import json
import platform
import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ivr.testing.books import SMALL
from ivr.testing.generated import POLICIES
from ivr.testing.stage import silent_catalogue
from menus.conditions import Conditions
from menus.facts import CallerFacts, HistoryEvent, MenuMemory
from menus.hours import Hours
from menus.learning.ranker import KernelRanker
from menus.loader import parse_book
from menus.personalise import reproduce, spoken_menu
from menus.picture import CallNow, picture
from menus.schema import Menu, MenuBook

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=ZONE)
ROUNDS, WARM_UP = 5000, 200
SEED = 20261201
EVENTS = 500
GOAL_P99_MS = 0.5
TASKS = ("balance", "transfer", "card", "loan", "insurance", "points", "branch", "limit")
CONDITIONS: Mapping[str, str] = {
    "transfer": "promote_when: calendar.month_start",
    "card": "promote_when: customer.card_expires_in_days <= 30",
    "insurance": "promote_when: \"'moving_house' in customer.life_events\"",
    "loan": "when: \"'loan' in customer.products || customer.segment == 'private'\"",
    "points": "when: customer.known && calendar.hour >= 8",
}


def ten_options(policy: str) -> MenuBook:
    """The small book with ten options in its top menu."""
    begin, end = SMALL.index("      - {id: balance"), SMALL.index("      - {id: complaint")
    options = [
        f"      - {{id: {task}, key: {number}, task: {task}, {CONDITIONS.get(task, 'promote_for: [private]')}, "
        f"label: {{en: about {task}, zh: {task}业务}}, then: {'cards' if task == 'card' else 'general'}}}\n"
        for number, task in enumerate(TASKS, start=1)
    ]
    text = SMALL[:begin] + "".join(options) + SMALL[end:].replace("id: complaint, key: 5", "id: complaint, key: 9")
    text = text.replace("    order: personal\n", f"    order: personal\n    keys: {policy}\n")
    text = text.replace("heard_within_s: 30", "heard_within_s: 60\nsegments: [private]\ngate: {steady_calls: 2}")
    text = text.replace("tasks:\n", "tasks:\n" + "".join(f"  {t}: {{en: does it, zh: 办理}}\n" for t in TASKS[3:]))
    left_out = ("  to_zh:", "  to_en:")
    return parse_book({"ten.yaml": "".join(line for line in text.splitlines(True) if not line.startswith(left_out))})


def caller() -> CallerFacts:
    """A customer with habits, key dates, life events and a memory of earlier calls."""
    rng = random.Random(SEED)
    days = sorted((rng.uniform(1, 1095) for _ in range(EVENTS)), reverse=True)
    return CallerFacts(
        ani="+8613800000001",
        customer_id=1,
        matches=1,
        segment="private",
        history=tuple(HistoryEvent(NOW - timedelta(days=day), rng.choice(TASKS)) for day in days),
        products=("current_account", "loan"),
        key_dates=(("card_expiry", NOW.date() + timedelta(days=20)),),
        life_events=(("moving_house", NOW.date() - timedelta(days=40)),),
        memory={"main": MenuMemory(("balance",), ("balance",), 3)},
    )


def one_menu(policy: str) -> Callable[[], Mapping[str, Any]]:
    """What `ivr/steps/menu.py` does for one caller before the first word; answers with the decision record."""
    book, facts, ranker = ten_options(policy), caller(), KernelRanker()
    conditions, hours, catalogue = Conditions(book), Hours(book.calendar, book.zone), silent_catalogue(book)
    menu = book.steps["main"]
    assert isinstance(menu, Menu)

    def build() -> Mapping[str, Any]:
        told = picture(facts, hours.today(NOW), CallNow(language="en"))
        options = menu.options
        spoken = spoken_menu(
            book,
            "main",
            facts,
            NOW,
            "en",
            ranker,
            held_out=False,
            again=False,
            hidden=[one.id for one in options if one.when is not None and not conditions.holds(one.when, told)],
            ruled=[one.id for one in options if one.promote_when and conditions.holds(one.promote_when, told)],
            seconds={one.id: catalogue.option("main", one.id, "en").seconds for one in menu.offered("en")},
        )
        for option in spoken.options:
            catalogue.option("main", option.id, "en", option.key)
        return spoken.record

    assert reproduce(book, build()) == build()
    return build


def times_ms(work: Callable[[], object]) -> list[float]:
    """Processor time of each round, sorted."""
    times = []
    for number in range(WARM_UP + ROUNDS):
        began = time.thread_time_ns()
        work()
        if number >= WARM_UP:
            times.append((time.thread_time_ns() - began) / 1e6)
    return sorted(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    arguments = parser.parse_args()
    found = {}
    for policy in POLICIES:
        times = times_ms(one_menu(policy))
        found[policy] = {"p50_ms": round(times[ROUNDS // 2], 4), "p99_ms": round(times[ROUNDS * 99 // 100], 4)}
    worst = max(figures["p99_ms"] for figures in found.values())
    result = {
        "bench": "personal_menu",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "options": 10,
        "events": EVENTS,
        "conditions": len(CONDITIONS),
        "rounds": ROUNDS,
        "seed": SEED,
        "policies": found,
        "goal_p99_ms": GOAL_P99_MS,
        "met": worst <= GOAL_P99_MS,
    }
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    print(f"Python {result['python']}, {result['machine']}, {ROUNDS} rounds, seed {SEED}")
    for policy, figures in found.items():
        print(f"one personal menu, keys: {policy:9} p50 {figures['p50_ms']:.3f} ms   p99 {figures['p99_ms']:.3f} ms")
    print(f"goal: p99 at most {GOAL_P99_MS} ms: {'met' if result['met'] else 'MISSED'}")


if __name__ == "__main__":
    main()
