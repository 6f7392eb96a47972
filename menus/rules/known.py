"""What is certain at a step, whatever way a call came there: values that are set, verified, after hours, in a queue."""

from collections import deque
from collections.abc import Iterator, Mapping

from menus.given import gives
from menus.rules.outline import Outline
from menus.schema import Collect, Goto, Menu, Route, Step, Verify

#: Certain facts that are no values; a value's name never begins with a colon.
VERIFIED, CLOSED, QUEUED = ":verified", ":closed", ":queued"


def secret(name: str) -> str:
    """The fact that a secret was typed; it is no value of the call."""
    return f":secret {name}"


class Known:
    """For every step that can be reached: what is certain there. Nothing that is certain is ever lost in a call."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._bits: dict[str, int] = {}
        self._at: dict[str, int] = {}
        starts = dict.fromkeys(outline.starts)
        waiting = deque(starts)
        self._at.update(dict.fromkeys(starts, 0))
        queued = set(starts)
        while waiting:
            name = waiting.popleft()
            queued.discard(name)
            for to, gains in self._ways(name):
                now = self._at[name] | gains
                before = self._at.get(to)
                after = now if before is None else before & now
                if after != before:
                    self._at[to] = after
                    if to not in queued:
                        queued.add(to)
                        waiting.append(to)

    def at(self, step: str, fact: str) -> bool:
        """Whether a fact is certain when a call comes to a step; of steps that no call comes to, everything is."""
        return step not in self._at or bool(self._at[step] & self._bit(fact))

    def without(self, step: str, fact: str) -> str:
        """For people: a step from which calls come here without it, or the beginning."""
        for name in self._outline.before[step]:
            if name in self._at and any(
                to == step and not (self._at[name] | gains) & self._bit(fact) for to, gains in self._ways(name)
            ):
                return f"coming from {name!r}"
        return "at the beginning of a call"

    def _ways(self, name: str) -> Iterator[tuple[str, int]]:
        step = self._outline.book.steps[name]
        for way in self._outline.exits[name]:
            gains = 0
            for fact in gained(step, way.where):
                gains |= self._bit(fact)
            yield way.to, gains

    def _bit(self, fact: str) -> int:
        return 1 << self._bits.setdefault(fact, len(self._bits))


def gained(step: Step, where: str) -> Iterator[str]:
    """What is certain after a step is left by this exit, besides what was before."""
    if isinstance(step, Goto):
        index = int(where.split(".")[1]) if where.startswith("cases.") else len(step.cases)
        for case in step.cases[:index]:
            yield from unless(case.when)
        if index < len(step.cases):
            yield from given(step.cases[index].when)
    elif isinstance(step, Menu | Route) and where.startswith(("options.", "ways.")):
        index = int(where.split(".")[1])
        when = step.options[index].when if isinstance(step, Menu) else step.ways[index].when
        yield from given(when) if when else ()
    if isinstance(step, Route) and where != "then":
        yield QUEUED
    if where == "then":
        yield from _given_by(step)


def _given_by(step: Step) -> Iterator[str]:
    if isinstance(step, Verify):
        yield VERIFIED
    elif isinstance(step, Collect) and step.secret:
        yield secret(step.into)
    else:
        yield from gives(step)


#: Conditions that say something certain when they hold, and when they do not.
_HOLDS: Mapping[str, str] = {"caller.verified": VERIFIED, "calendar.holiday": CLOSED, "calendar.special != ''": CLOSED}
_FAILS: Mapping[str, str] = {"!caller.verified": VERIFIED}


def given(when: str) -> frozenset[str]:
    """What is certain while a condition holds; nothing when it is written in a way that is not looked into."""
    either = _parts(when, "||")
    sides = [_parts(part, "&&") for part in either or ()]
    if either is None or any(side is None for side in sides):
        return frozenset()
    return frozenset.intersection(*(frozenset(_facts(side or (), _HOLDS, closed="!hours.")) for side in sides))


def unless(when: str) -> frozenset[str]:
    """What is certain while a condition does not hold."""
    both = _parts(when, "&&")
    sides = [_parts(part, "||") for part in both or ()]
    if both is None or any(side is None for side in sides):
        return frozenset()
    return frozenset.intersection(*(frozenset(_facts(side or (), _FAILS, closed="hours.")) for side in sides))


def _parts(text: str, between: str) -> list[str] | None:
    """The text cut at an operator; None when it is not cut where it seems to be: within brackets or quotes."""
    parts = [part.strip() for part in text.split(between)]
    whole = all(
        part.count("(") == part.count(")") and part.count("[") == part.count("]")
        and part.count("'") % 2 == 0 and part.count('"') % 2 == 0
        for part in parts
    )  # fmt: skip
    return parts if whole and "?" not in text else None


def _facts(parts: list[str] | tuple[str, ...], known: Mapping[str, str], closed: str) -> Iterator[str]:
    for part in parts:
        if part in known:
            yield known[part]
        elif part.startswith(closed) and part.removeprefix(closed).replace("_", "").isalnum():
            yield CLOSED
