"""Menu + what is known of the caller → what is said, in which order, on which keys, and the record of why."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

from menus.arrangement import Arrangement, Grounds, Why, arrange, visible
from menus.facts import CallerFacts, MenuHeard, MenuMemory, subject_of
from menus.learning.features import days_apart, usual_day
from menus.learning.ranker import Ranker
from menus.pace import estimated_s
from menus.phrases import option_text
from menus.schema import Gate, Menu, MenuBook
from menus.spoken import habit_text
from menus.trial import Held

#: A habit worth telling an agent: this share of all times lies within so many days of one day of the month.
HABIT_SHARE = 0.6
HABIT_WITHIN_DAYS = 2


@dataclass(frozen=True, slots=True)
class SpokenOption:
    """An option in its place."""

    id: str
    key: str  #: the one that it is offered on to this caller
    label: str
    task: str | None
    promoted: bool  #: spoken earlier than the book has it, for the reason in `why`
    score: float  #: probability by the ranker; 0 without one
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class SpokenMenu:
    """What one caller hears of a menu."""

    greeting: str | None  #: name of the prompt before the options
    options: tuple[SpokenOption, ...]  #: with `keys: shortcut` the promoted ones first, and again in the whole menu
    closing: str | None  #: name of the prompt after the options
    record: Mapping[str, Any]  #: plain JSON; `reproduce` gives the same from its grounds
    heard: MenuHeard = field(default_factory=lambda: MenuHeard(None))  #: to be kept with the call
    memory: MenuMemory | None = None  #: to be remembered for later calls; None when there is nothing new
    before: Mapping[str, str] = field(default_factory=dict)  #: key → option as this call heard it last

    def offers(self, heard: Collection[str] = ()) -> dict[str, str]:
        """Key → option for a caller who has just heard these options to their end.

        A key means what was said of it last: now, else when this call heard the menu before, else as it would be said.
        """
        offered = {option.id for option in self.options}
        meant = {option.key: option.id for option in self.options}
        for key, option in self.before.items():
            if option in offered and meant.get(key) not in heard:
                meant[key] = option
        return meant


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
    hidden: Collection[str] = (),
    ruled: Collection[str] = (),
    seconds: Mapping[str, float] | None = None,
    heard: MenuHeard | None = None,
    held: Held | None = None,
    drawn: Sequence[str] = (),
) -> SpokenMenu:
    """The menu of that name as this caller hears it. `now` is aware; held-out callers keep the order of book and rules.

    `held` says why they are, for the record.

    `hidden` and `ruled`: options whose `when` does not hold, and those whose `promote_when` does. `seconds`: how long
    each option takes to say on its own key; judged by its length when left out. `heard`: what this call has heard of
    the menu so far. `drawn`: options to be tried out on this caller. Scores that are no probabilities are not used.
    The order is the book's unless the menu's `order` is personal.
    """
    menu = book.steps[name]
    assert isinstance(menu, Menu), f"{name} is not a menu"
    offered = visible(menu, language, frozenset(hidden))
    scores: dict[str, float] = {}
    basis: Mapping[str, Any] = {}
    refused = False
    known = bool(facts.history)
    if menu.order == "personal" and (known or facts.customer_id is not None):
        tasks = list(dict.fromkeys(option.task for option in offered if option.task is not None))
        given = ranker.scores(facts, tasks, now.astimezone(book.zone))
        # Of a customer without history all tasks alike means that nothing is known, not that each is that likely.
        if known or not are_alike(given, tasks):
            basis = getattr(given, "basis", {})
            refused = not _are_probabilities(given)
            scores = {} if refused else {task: round(given[task], 6) for task in tasks if task in given}
    lasts = seconds or {}
    subject = subject_of(facts)
    settled = heard is not None and heard.spoken and heard.subject == subject
    memory = facts.memory.get(name)
    asked = {
        "menu": name,
        "language": language,
        "at": now.isoformat(),
        "ranker": ranker.name,
        "scores": scores,
        "scores_refused": refused,
        "basis": basis,
        "held_out": held_out,
        "held": None if held is None else held.value,
        "personal": menu.order == "personal",
        "again": again,
        "gate": (menu.gate or book.gate).model_dump(),
        "hidden": sorted(hidden),
        "ruled": sorted(ruled),
        "segment": facts.segment,
        "memory": None if memory is None else memory.to_json(),
        "settled": list(heard.habit) if heard is not None and settled else None,
        "known": known,
        "drawn": list(heard.explored if heard is not None and settled else drawn),
        "seconds": {
            option.id: round(lasts.get(option.id) or estimated_s(option_text(book, option, language)), 3)
            for option in offered
        },
    }
    arrangement = _arranged(menu, asked)
    return SpokenMenu(
        menu.greeting_again if again else menu.greeting,
        tuple(_options(menu, arrangement, language, scores)),
        menu.closing,
        asked | _results(menu, arrangement),
        MenuHeard(
            subject,
            heard.habit if heard is not None and settled else arrangement.memory.promoted,
            tuple(arrangement.why),
            {arrangement.keys[option.id]: option.id for option in offered} if menu.keys == "renumber" else {},
            explored=heard.explored if heard is not None and settled else arrangement.explored,
        ),
        arrangement.memory if not settled and arrangement.memory != (memory or MenuMemory()) else None,
        heard.keys if heard is not None else {},
    )


def reproduce(book: MenuBook, record: Mapping[str, Any]) -> dict[str, Any]:
    """The decision record worked out afresh from its grounds: the same to the last bit, or something was changed."""
    menu, arrangement = arrangement_of(book, record)
    results = _results(menu, arrangement)
    return {name: told for name, told in record.items() if name not in results} | results


def arrangement_of(book: MenuBook, record: Mapping[str, Any]) -> tuple[Menu, Arrangement]:
    """What follows from the grounds in a decision record, and the menu that it is about."""
    menu = book.steps[record["menu"]]
    assert isinstance(menu, Menu)
    return menu, _arranged(menu, record)


def habit(book: MenuBook, facts: CallerFacts, now: datetime, language: str) -> str:
    """One line for the agent, such as "usually transfers money on the 1st"; empty without a habit.

    Of several tasks with a usual day, the one whose day is nearest to today.
    """
    today = now.astimezone(book.zone)
    found: list[tuple[float, str, int]] = []
    for task in sorted({event.task for event in facts.history} & book.tasks.keys()):
        day = _usual_day(facts, task, today)
        if day is not None:
            found.append((days_apart(day, today.day), task, day))
    if not found:
        return ""
    _, task, day = min(found)
    return habit_text(book.tasks[task][language], day, language)


def habit_of(book: MenuBook, facts: CallerFacts, task: str, now: datetime, language: str) -> str:
    """The line of `habit` for one task; empty when it is done on no usual day."""
    day = _usual_day(facts, task, now.astimezone(book.zone)) if task in book.tasks else None
    return "" if day is None else habit_text(book.tasks[task][language], day, language)


def _usual_day(facts: CallerFacts, task: str, today: datetime) -> int | None:
    return usual_day(facts.history, task, today, within=HABIT_WITHIN_DAYS, share=HABIT_SHARE)


def _are_probabilities(scores: Mapping[str, float]) -> bool:
    return all(isfinite(score) and score >= 0 for score in scores.values()) and sum(scores.values()) <= 1 + 1e-6


def are_alike(scores: Mapping[str, float], tasks: Sequence[str]) -> bool:
    """Whether a ranker finds all tasks equally likely, together certain: what it says when it knows nothing."""
    return all(task in scores and abs(scores[task] * len(tasks) - 1) < 1e-9 for task in tasks)


def _arranged(menu: Menu, asked: Mapping[str, Any]) -> Arrangement:
    """What follows from the grounds in a decision record."""
    memory, settled = asked["memory"], asked["settled"]
    grounds = Grounds(
        language=asked["language"],
        scores=asked["scores"],
        seconds=asked["seconds"],
        hidden=frozenset(asked["hidden"]),
        ruled=frozenset(asked["ruled"]),
        segment=asked["segment"],
        held_out=asked["held_out"],
        memory=None if memory is None else MenuMemory.from_json(memory),
        habit=None if settled is None else tuple(settled),
        # Records of earlier versions do not have these.
        known=asked.get("known", True),
        drawn=tuple(asked.get("drawn", ())),
    )
    return arrange(menu, Gate.model_construct(**asked["gate"]), grounds)


def _results(menu: Menu, arrangement: Arrangement) -> dict[str, Any]:
    """The part of a decision record that follows from its grounds."""
    explored = {} if arrangement.explored_s is None else {"explored": round(arrangement.explored_s, 3)}
    return {
        "keys": menu.keys,
        "promoted": list(arrangement.why),
        "why": {option: reason.value for option, reason in arrangement.why.items()},
        "order": [option.id for option in arrangement.order],
        "assigned": dict(arrangement.keys),
        "expected_s": {
            "book": round(arrangement.book_s, 3),
            "ruled": round(arrangement.ruled_s, 3),
            "spoken": round(arrangement.spoken_s, 3),
            **explored,
        },
        "remembered": arrangement.memory.to_json(),
    }


def _options(menu: Menu, arrangement: Arrangement, language: str, scores: Mapping[str, float]) -> list[SpokenOption]:
    shortcut = len(arrangement.why) if menu.keys == "shortcut" else len(arrangement.order)
    said = []
    for place, option in enumerate(arrangement.order):
        reason = arrangement.why.get(option.id) if place < shortcut else None
        label = option.label[option.voice_in(language)]
        score = scores.get(option.task, 0.0) if option.task else 0.0
        key = arrangement.keys[option.id]
        said.append(SpokenOption(option.id, key, label, option.task, reason is not None, score, reason))
    return said
