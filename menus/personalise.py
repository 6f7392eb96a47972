"""Menu + what is known of the caller → what is said, in which order, on which keys. Keys never change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import isfinite
from typing import Any

from menus.facts import CallerFacts
from menus.learning.features import days_apart, usual_day
from menus.learning.ranker import Ranker
from menus.schema import Gate, Menu, MenuBook, Option
from menus.spoken import habit_text

#: A habit worth telling an agent: this share of all times lies within so many days of one day of the month.
HABIT_SHARE = 0.6
HABIT_WITHIN_DAYS = 2


@dataclass(frozen=True, slots=True)
class SpokenOption:
    """An option in its place."""

    id: str
    key: str
    label: str
    task: str | None
    promoted: bool  #: spoken earlier because of the caller's habit
    score: float  #: probability by the ranker; 0 without one


@dataclass(frozen=True, slots=True)
class SpokenMenu:
    """What one caller hears of a menu."""

    greeting: str | None  #: name of the prompt before the options
    options: tuple[SpokenOption, ...]
    closing: str | None  #: name of the prompt after the options
    record: Mapping[str, Any]  #: plain JSON; `reproduce` gives the same order from it


def spoken_menu(
    book: MenuBook,
    name: str,
    facts: CallerFacts,
    now: datetime,
    language: str,
    ranker: Ranker,
    *,
    held_out: bool,
    again: bool,
) -> SpokenMenu:
    """The menu of that name as this caller hears it. `now` is aware; held-out callers keep the book's order.

    Scores that are no probabilities are not used. The order is the book's unless the menu's `order` is personal.
    """
    menu = book.steps[name]
    assert isinstance(menu, Menu), f"{name} is not a menu"
    scores: dict[str, float] = {}
    basis: Mapping[str, Any] = {}
    refused = False
    if menu.order == "personal" and facts.history:
        tasks = list(dict.fromkeys(option.task for option in menu.offered(language) if option.task is not None))
        given = ranker.scores(facts, tasks, now.astimezone(book.zone))
        basis = getattr(given, "basis", {})
        refused = not _are_probabilities(given)
        scores = {} if refused else {task: round(given[task], 6) for task in tasks if task in given}
    options, promoted = _ordered(menu, language, {} if held_out else scores, book.gate)
    early = {option.id for option in promoted}
    record = {
        "menu": name,
        "language": language,
        "at": now.isoformat(),
        "ranker": ranker.name,
        "scores": scores,
        "scores_refused": refused,
        "basis": basis,
        "held_out": held_out,
        "again": again,
        "gate": book.gate.model_dump(),
        "promoted": [option.id for option in promoted],
        "order": [option.id for option in options],
    }
    spoken = tuple(
        SpokenOption(
            option.id,
            option.key,
            option.label[option.voice_in(language)],
            option.task,
            option.id in early,
            scores.get(option.task, 0.0) if option.task else 0.0,
        )
        for option in options
    )
    return SpokenMenu(menu.greeting_again if again else menu.greeting, spoken, menu.closing, record)


def reproduce(book: MenuBook, record: Mapping[str, Any]) -> tuple[str, ...]:
    """The order of options that a decision record stands for, worked out afresh from its scores."""
    menu = book.steps[record["menu"]]
    assert isinstance(menu, Menu)
    scores = {} if record["held_out"] else record["scores"]
    return tuple(option.id for option in _ordered(menu, record["language"], scores, Gate(**record["gate"]))[0])


def held_out(caller: str, salt: str, share: float) -> bool:
    """Whether this caller keeps the book's order for comparison: always the same answer for the same salt."""
    drawn = int.from_bytes(sha256(f"{salt}\0{caller}".encode("utf-8", "surrogatepass")).digest()[:8])
    return drawn < share * 2**64


def habit(book: MenuBook, facts: CallerFacts, now: datetime, language: str) -> str:
    """One line for the agent, such as "usually transfers money on the 1st"; empty without a habit.

    Of several tasks with a usual day, the one whose day is nearest to today.
    """
    today = now.astimezone(book.zone)
    found: list[tuple[float, str, int]] = []
    for task in sorted({event.task for event in facts.history} & book.tasks.keys()):
        day = usual_day(facts.history, task, today, within=HABIT_WITHIN_DAYS, share=HABIT_SHARE)
        if day is not None:
            found.append((days_apart(day, today.day), task, day))
    if not found:
        return ""
    _, task, day = min(found)
    return habit_text(book.tasks[task][language], day, language)


def _are_probabilities(scores: Mapping[str, float]) -> bool:
    return all(isfinite(score) and score >= 0 for score in scores.values()) and sum(scores.values()) <= 1 + 1e-6


def _ordered(
    menu: Menu, language: str, scores: Mapping[str, float], gate: Gate
) -> tuple[tuple[Option, ...], tuple[Option, ...]]:
    """The options in spoken order, and those of them that were promoted. Pinned options keep their slots."""
    offered = menu.offered(language)
    promoted = _promoted([option for option in offered if not option.pinned], scores, gate)
    early = {option.id for option in promoted}
    free = iter([*promoted, *(option for option in offered if not option.pinned and option.id not in early)])
    return tuple(option if option.pinned else next(free) for option in offered), tuple(promoted)


def _promoted(options: Sequence[Option], scores: Mapping[str, float], gate: Gate) -> list[Option]:
    """The likely options, most likely first: each passes the gate on the chance that those before it were wrong."""
    likely = sorted(
        ((scores[option.task], option) for option in options if option.task in scores and option.task),
        key=lambda scored: -scored[0],
    )
    promoted: list[Option] = []
    left = 1.0
    for rank, (score, option) in enumerate(likely[: gate.most]):
        following = likely[rank + 1][0] if rank + 1 < len(likely) else 0.0
        faint = rank > 0 and score < gate.least
        if faint or score < gate.promote_at * left or score - following < gate.lead * left:
            break
        promoted.append(option)
        left -= score
    return promoted
