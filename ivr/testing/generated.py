"""Menu books and callers of every kind, drawn by Hypothesis: books that pass every rule, and whoever may call."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import assume
from hypothesis import strategies as st

from ivr.testing.books import small_book
from menus.conditions import Conditions
from menus.facts import CallerFacts, HistoryEvent, MenuMemory
from menus.pace import heard_after_s
from menus.rules import check
from menus.schema import AGENT_TASK, COMPLAINT_TASK, Menu, MenuBook

Thing = TypeVar("Thing")
ZONE = ZoneInfo("Asia/Shanghai")
DIGITS = "1234567890"
POLICIES: tuple[Literal["stable", "renumber", "shortcut"], ...] = ("stable", "renumber", "shortcut")
SEGMENTS = ("mass", "private", "broker")
TASKS = tuple(f"task{n}" for n in range(6))
#: What `when` and `promote_when` ask for: the calendar, the caller, and what changes within a call.
CONDITIONS = (
    "calendar.day <= 5",
    "calendar.weekday == 1 || calendar.hour < 9",
    "customer.card_expires_in_days < 30",
    "'moving_house' in customer.life_events",
    "customer.segment == 'private'",
    "customer.known && !caller.verified",
    "call.seconds > 8",
    "call.seconds < 8",
    "call.language == 'en'",
)
#: Moments of 2025 and 2026.
MOMENTS = st.integers(1_735_660_800, 1_798_732_800).map(lambda at: datetime.fromtimestamp(at, ZONE))
HISTORIES = st.lists(
    st.builds(HistoryEvent, MOMENTS, st.sampled_from([*TASKS, "task6", COMPLAINT_TASK, AGENT_TASK])), max_size=40
).map(lambda events: tuple(sorted(events, key=lambda event: event.at)))
#: Task → probability, together at most 1.
SCORES = st.dictionaries(st.sampled_from([*TASKS, COMPLAINT_TASK, AGENT_TASK]), st.floats(0, 1)).map(
    lambda scores: {task: score / max(1.0, sum(scores.values())) for task, score in scores.items()}
)
_SMALL = small_book()
_LABELS = st.text(st.sampled_from("abcdefgh "), min_size=1, max_size=40).filter(lambda text: text.strip() != "")


class ToldRanker:
    """A ranker that says what it is told."""

    name = "told"

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = scores

    def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, float]:
        """What it was told."""
        return self._scores


def some(make: Callable[[int], st.SearchStrategy[Thing]], most: int) -> st.SearchStrategy[tuple[Thing, ...]]:
    """Up to so many things of a kind, which are made with the numbers from 1 on."""
    return st.integers(0, most).flatmap(lambda n: st.tuples(*[make(number) for number in range(1, n + 1)]))


@st.composite
def gates(draw: st.DrawFn) -> dict[str, Any]:
    """When options may be promoted, from always to never."""
    return {
        "promote_at": draw(st.floats(0.01, 1)),
        "lead": draw(st.floats(0, 1)),
        "most": draw(st.integers(0, 3)),
        "least": draw(st.floats(0, 1)),
        "steady_calls": draw(st.integers(1, 3)),
        "explore": draw(st.sampled_from([0.2, 0.05, 0])),
    }


@st.composite
def books(draw: st.DrawFn) -> MenuBook:
    """Books without a fault, whose top menu `main` has 2 to 12 options, personal in every way that a book can state.

    Complaint and agent are heard just within what the book promises.
    """
    options = draw(_options())
    main: dict[str, Any] = _SMALL.steps["main"].model_dump() | {
        "options": options,
        "order": draw(st.sampled_from(["personal", "personal", "personal", "fixed"])),
        "keys": draw(st.sampled_from(POLICIES)),
        "gate": draw(st.none() | gates()),
    }
    agent = next(option["key"] for option in options if option["task"] == AGENT_TASK)
    cards: dict[str, Any] = _SMALL.steps["cards"].model_dump()
    cards["options"] = [
        {**option, "key": agent if option["task"] == AGENT_TASK else "2" if agent == "1" else "1"}
        for option in cards["options"]
    ]
    left_out = {"to_zh", "to_en"} | (set() if any(option["then"] == "cards" for option in options) else {"cards"})
    steps = {name: step.model_dump() for name, step in _SMALL.steps.items() if name not in left_out}
    steps |= {"main": main} | ({} if "cards" in left_out else {"cards": cards})
    unused = [key for key in DIGITS if key not in {option["key"] for option in options}]
    freezes = {"freeze_key": draw(st.none() | st.sampled_from(unused)) if unused else None}
    if freezes["freeze_key"] is not None:
        freezes |= {"frozen": "again", "unfrozen": "again"}
    tasks = {**_SMALL.tasks, **{task: {"en": "does", "zh": "做"} for task in TASKS}}
    parts = {"steps": steps, "gate": draw(gates()), "segments": SEGMENTS, "tasks": tasks, "heard_within_s": 10_000}
    book = MenuBook.model_validate(_SMALL.model_dump() | parts | freezes)
    book = book.model_copy(update={"heard_within_s": heard_at_worst_s(book)})
    assume(all(finding.warning for finding in check(book)))
    assert not Conditions(book).faults
    return book


@st.composite
def _options(draw: st.DrawFn) -> list[dict[str, Any]]:
    """2 to 12 options; where the digits do not suffice, two of them share one, each in a language of its own."""
    count = draw(st.integers(2, 12))
    keys = draw(st.permutations(DIGITS))
    complaint, agent = draw(st.permutations(range(min(count, 10))))[:2]
    maybe = st.none() | st.none() | st.sampled_from(CONDITIONS)
    options: list[dict[str, Any]] = []
    for n in range(count):
        option: dict[str, Any] = {"id": f"option{n}", "key": keys[n % 10], "then": "cards" if n == 0 else "general"}
        option["label"] = {"en": draw(_LABELS), "zh": draw(_LABELS)}
        option["pinned"] = draw(st.booleans())
        if n in (complaint, agent):
            option |= {"task": COMPLAINT_TASK if n == complaint else AGENT_TASK, "pinned": True, "then": "general"}
        else:
            option |= {"task": draw(st.none() | st.sampled_from(TASKS)), "when": draw(maybe)}
            option |= {"promote_when": draw(maybe), "promote_for": draw(st.lists(st.sampled_from(SEGMENTS)))}
            option["explore"] = draw(st.booleans())
            option["only_in"] = draw(st.sampled_from([(), (), (), ("en",), ("zh",)]))
        options.append(option)
    for n in range(10, count):
        if n - 10 in (complaint, agent):  # on a key for all; the one beyond the digits is left out
            options[n] = {}
        else:
            options[n - 10]["only_in"], options[n]["only_in"] = ("en",), ("zh",)
    return [option for option in options if option]


@st.composite
def callers(draw: st.DrawFn, now: datetime) -> CallerFacts:
    """Customers with every kind of past, callers of whom nothing is known, and withheld numbers."""
    if draw(st.sampled_from([True, False, False, False])):
        ani = draw(st.none() | st.just("+8613800000009"))
        return CallerFacts(ani=ani, memory=draw(_memories) if ani else {})
    days = st.integers(0, 400).map(lambda count: timedelta(days=count))
    return CallerFacts(
        ani="+8613800000001",
        customer_id=7,
        matches=1,
        language=draw(st.sampled_from(["en", "zh"])),
        segment=draw(st.none() | st.sampled_from([*SEGMENTS, "of another book"])),
        history=draw(HISTORIES),
        key_dates=tuple(("card_expiry", (now + after).date()) for after in draw(st.lists(days, max_size=1))),
        life_events=tuple(("moving_house", (now - before).date()) for before in draw(st.lists(days, max_size=1))),
        memory=draw(_memories),
    )


_ids = st.lists(st.integers(0, 13).map(lambda n: f"option{n}"), max_size=3, unique=True).map(tuple)
_memories = st.dictionaries(
    st.just("main"), st.builds(MenuMemory, promoted=_ids, wished=_ids, streak=st.integers(0, 4), frozen=st.booleans())
)


def heard_at_worst_s(book: MenuBook) -> float:
    """When the last of complaint and agent has been said in the top menu, in the worst order and language."""
    menu = book.steps["main"]
    assert isinstance(menu, Menu)
    return max(
        heard_after_s(book, menu, option, language)
        for language in book.languages
        for option in menu.offered(language)
        if option.task in (COMPLAINT_TASK, AGENT_TASK)
    )
