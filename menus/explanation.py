"""Decision record + book → why this caller heard this order, option by option, in words and figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from menus.arrangement import Arrangement, Judged, Why, judged
from menus.errors import Unexplained
from menus.facts import CallerFacts
from menus.learning.features import summarise
from menus.learning.ranker import Ranker, Recalling, Share, Telling
from menus.personalise import arrangement_of, habit_of, reproduce
from menus.schema import AGENT_TASK, COMPLAINT_TASK, Gate, Menu, MenuBook, Option
from menus.trial import Held

_HELD = {
    Held.NOBODY: "a caller without a number, of whom nothing can be known",
    Held.DRAWN: "drawn for the hold-out",
    Held.OFF_DAYS: "the whole site is static on these days",
}


@dataclass(frozen=True, slots=True)
class OptionExplained:
    """One option, and why it is where it is."""

    place: int | None  #: from 1; None while it is not offered
    key: str
    option: str
    label: str
    task: str | None
    probability: float | None  #: by the ranker
    promoted: str | None  #: frozen, rule, explore, habit, popular, segment
    why: str
    evidence: str = ""  #: what the caller's history says of it
    shares: tuple[Share, ...] = ()  #: what went into the probability, where the ranker can tell


@dataclass(frozen=True, slots=True)
class Explained:
    """One menu as one caller heard it."""

    menu: str
    at: str
    language: str
    differs: tuple[str, ...]  #: parts of the record that its grounds do not give again; none when all is well
    ranker: str
    scores_again: bool | None  #: whether the ranker gives the same, by what the record or else the history says
    about: tuple[str, ...]  #: what holds for the whole menu
    options: tuple[OptionExplained, ...]  #: in the order in which they were said, then those that were not offered


def explain(
    book: MenuBook, record: Mapping[str, Any], facts: CallerFacts | None = None, ranker: Ranker | None = None
) -> Explained:
    """Why the menu of this decision record was as it was. Raises Unexplained when the book or the record cannot tell.

    `facts`: of the caller as of then, for what their history says; `ranker`: to ask again if it is the record's.
    """
    try:
        menu, arrangement = arrangement_of(book, record)
        again = reproduce(book, record)
        missing = [name for name in ("at", "ranker", "scores_refused") if name not in record]
        if missing:
            raise KeyError(*missing)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as fault:
        raise Unexplained(
            f"the record of menu {record.get('menu')!r} does not go with this book, or parts of it are missing "
            f"({type(fault).__name__} {fault})"
        ) from fault
    return _explained(book, record, again, menu, arrangement, facts, ranker)


def _explained(
    book: MenuBook,
    record: Mapping[str, Any],
    again: Mapping[str, Any],
    menu: Menu,
    arrangement: Arrangement,
    facts: CallerFacts | None,
    ranker: Ranker | None,
) -> Explained:
    now = datetime.fromisoformat(record["at"]).astimezone(book.zone)
    reasons = _Reasons(menu, record, arrangement)
    asked = ranker if ranker is not None and ranker.name == record["ranker"] else None
    tasks = list(dict.fromkeys(option.task for option in reasons.offered if option.task is not None))
    told = facts is not None and bool(facts.history) and bool(record["scores"])
    shares: Mapping[str, Sequence[Share]] = {}
    if told and facts is not None and isinstance(asked, Telling):
        shares = asked.why(facts, tasks, now)
    scores_again = None
    if isinstance(asked, Recalling) and record.get("basis"):  # to the last digit, whatever became of the history
        scores_again = _rounded(asked.again(record["basis"], tasks), tasks) == dict(record["scores"])
    elif told and facts is not None and asked is not None:
        scores_again = _rounded(asked.scores(facts, tasks, now), tasks) == dict(record["scores"])
    options = [
        OptionExplained(
            place,
            arrangement.keys[option.id],
            option.id,
            option.label[option.voice_in(record["language"])],
            option.task,
            record["scores"].get(option.task) if option.task else None,
            why.value if (why := arrangement.why.get(option.id)) else None,
            reasons.of(option),
            _evidence(book, facts, option.task, now) if told and facts is not None and option.task else "",
            tuple(shares.get(option.task or "", ())),
        )
        for place, option in enumerate({option.id: option for option in arrangement.order}.values(), 1)
    ]
    options += [
        OptionExplained(
            None, option.key, option.id, option.label[option.voice_in(record["language"])], option.task, None, None,
            f"not offered: its condition does not hold: {option.when}",
        )
        for option in menu.offered(record["language"])
        if option.id in record["hidden"] and option.id not in arrangement.keys
    ]  # fmt: skip
    return Explained(
        record["menu"],
        record["at"],
        record["language"],
        tuple(sorted(name for name in {*record, *again} if _bits(record, name) != _bits(again, name))),
        record["ranker"],
        scores_again,
        tuple(_about(menu, record, arrangement)),
        tuple(options),
    )


def _rounded(scores: Mapping[str, float], tasks: Sequence[str]) -> dict[str, float]:
    """As a record keeps them."""
    return {task: round(scores[task], 6) for task in tasks if task in scores}


def _bits(record: Mapping[str, Any], name: str) -> str | None:
    return json.dumps(record[name], sort_keys=True) if name in record else None


def _about(menu: Menu, record: Mapping[str, Any], arrangement: Arrangement) -> Sequence[str]:
    gate, memory = record["gate"], record["memory"]
    said = []
    if menu.order == "fixed":
        return ["the menu's order is fixed: everybody hears the book's"]
    if memory and memory["frozen"]:
        said.append("frozen: the caller has asked that this menu stay as it is")
    if record["held_out"]:
        said.append(f"held out: {_held(record)}; habits and segment count for nothing here, rules do")
    if record["scores_refused"]:
        said.append(f"what {record['ranker']} gave were no probabilities; they were not used")
    elif not record["scores"]:
        said.append("nothing is known of what this caller does")
    elif not record.get("known", True):
        said.append("this customer has no history yet; the probabilities are those of others like them")
    said.append(
        f"gate: from {gate['promote_at']:g}, {gate['lead']:g} ahead of the next, at most {gate['most']}, wished for in "
        f"{gate['steady_calls']} {'call' if gate['steady_calls'] == 1 else 'calls in a row'}"
    )
    if record["segment"]:
        said.append(f"segment: {record['segment']}")
    said.append(
        f"expected until the wanted option was said: {arrangement.spoken_s:.1f} s as spoken, "
        f"{arrangement.book_s:.1f} s in the book's order"
        + (f", {arrangement.ruled_s:.1f} s by rules alone" if record["ruled"] else "")
    )
    return said


def _held(record: Mapping[str, Any]) -> str:
    held = record.get("held")
    return _HELD[Held(held)] if held else "keeps the book's order for comparison"


def _evidence(book: MenuBook, facts: CallerFacts, task: str, now: datetime) -> str:
    """done 8 times in 8.1 months, usually …, last on 2026-11-01, not yet this month."""
    history = summarise(facts.history, now)
    done = history.tasks.get(task)
    if done is None:
        return "never done"
    last = max(event.at for event in facts.history if event.task == task and event.at.date() < now.date())
    usual = habit_of(book, facts, task, now, "en" if "en" in book.languages else book.languages[0])
    month = f"{_times(done.this_month)} this month" if done.this_month else "not yet this month"
    parts = [f"done {_times(done.count)} in {history.months:.1f} months", usual, f"last on {last:%Y-%m-%d}", month]
    return ", ".join(filter(None, parts))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


class _Reasons:
    """Why each option of one menu is where it is."""

    def __init__(self, menu: Menu, record: Mapping[str, Any], arrangement: Arrangement) -> None:
        self._menu, self._record, self._arrangement = menu, record, arrangement
        self.offered = [option for option in menu.options if option.id in arrangement.keys]
        free = [option for option in self.offered if not option.stays]
        self._gate = Gate.model_construct(**record["gate"])
        self._judged = {one.option: one for one in judged(free, record["scores"], self._gate)}
        settled = record["settled"]
        self._habit = tuple(settled) if settled is not None else arrangement.memory.promoted

    def of(self, option: Option) -> str:
        """In a sentence."""
        why = self._arrangement.why.get(option.id)
        if why is Why.FROZEN:
            return "first: the caller has frozen the menu with it in front"
        if why is Why.RULE:
            return f"first by rule: {option.promote_when}"
        if why is Why.EXPLORE:
            return f"first to be tried out: it is new, and this customer is drawn for it {self._drawn_from()}"
        if why is Why.POPULAR:
            return f"first because many like this customer, who has no history yet, want it: {self._passed(option)}"
        if why is Why.HABIT:
            return f"first by habit: {self._passed(option)}"
        if why is Why.SEGMENT:
            return f"first for the segment {self._record['segment']}"
        if option.stays:
            kind = {COMPLAINT_TASK: "complaint", AGENT_TASK: "agent"}.get(option.task or "", "pinned")
            return f"stays in its place: {kind}"
        rule = f"; its rule does not hold: {option.promote_when}" if self._rule_fails(option) else ""
        new = f"; new, but not drawn for this customer {self._drawn_from()}" if self._not_drawn(option) else ""
        return f"in the book's order: {self._not_promoted(option)}{rule}{new}"

    def _drawn_from(self) -> str:
        return f"this month, as {self._gate.explore:.1%} of all are"

    def _not_drawn(self, option: Option) -> bool:
        return option.explore and self._gate.explore > 0 and option.id not in self._record.get("drawn", ())

    def _rule_fails(self, option: Option) -> bool:
        return option.promote_when is not None and option.id not in self._record["ruled"]

    def _not_promoted(self, option: Option) -> str:
        record, gate = self._record, self._gate
        full = f"{gate.most} options are promoted already, as many as the gate allows"
        if self._menu.order == "fixed":
            return "the menu's order is fixed"
        if record["memory"] and record["memory"]["frozen"]:
            return "the caller has frozen the menu"
        if option.id in record["ruled"]:
            return f"its rule holds ({option.promote_when}), but {full}"
        if record["held_out"]:
            return _held(record)
        if (longer_s := self._arrangement.longer_s.get(option.id)) is not None:
            return f"in front it would make this caller listen {longer_s:.2f} s longer"
        if option.id in self._habit or (record["segment"] and record["segment"] in option.promote_for):
            return full
        if not record["scores"]:
            return "nothing is known of what this caller does"
        if option.task is None:
            return "it has no task that habits could speak for"
        if option.task not in record["scores"]:
            return f"{record['ranker']} knows no task {option.task}"
        return self._short(option)

    def _passed(self, option: Option) -> str:
        one = self._judged.get(option.id)
        if one is None or not one.passes:
            score = self._record["scores"].get(option.task, 0.0)
            earlier = "earlier in this call" if self._record["settled"] is not None else "in earlier calls"
            return f"settled {earlier} and kept; probability {score:.3f} today"
        return (
            f"probability {one.score:.3f}, the gate asks {one.asked_score:.3f}; {one.lead:.3f} ahead of the next, "
            f"asked {one.asked_lead:.3f}"
        )

    def _short(self, option: Option) -> str:
        """Which gate was not passed, and by how much."""
        record, one = self._record, self._judged.get(option.id)
        if one is not None and one.passes:
            if record["settled"] is not None:
                return "it passes the gate, but what habits promote was settled earlier in this call"
            streak = self._arrangement.memory.streak
            return f"it passes the gate, wished for in {streak} of {self._gate.steady_calls} calls in a row so far"
        score = record["scores"].get(option.task, 0.0)
        if one is None:
            return f"probability {score:.3f}, behind options that are likelier"
        return f"probability {score:.3f}: {_missing(one)}"


def _missing(one: Judged) -> str:
    missing = []
    if one.score < one.asked_score:
        missing.append(f"the gate asks {one.asked_score:.3f}, {one.asked_score - one.score:.3f} short")
    if one.lead < one.asked_lead:
        missing.append(
            f"{one.lead:.3f} ahead of the next, asked {one.asked_lead:.3f}, {one.asked_lead - one.lead:.3f} short"
        )
    return "; ".join(missing)
