"""What differs between two books, in the words of menus: "menu main: key 3 now goes to billing (was cards)"."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from menus.schema import Goto, Menu, MenuBook, Option, Prompt, Route, Step, Template

#: Kind of change → how it is told. `ivr/desktop/static/words.js` has them in the other language.
TEXTS: Mapping[str, str] = {
    "added": "is new",
    "removed": "is gone",
    "renamed": "is now called {new}",
    "kind": "is now a step of the kind {new} (was {old})",
    "set": "{what} is now {new} (was not set)",
    "changed": "{what} is now {new} (was {old})",
    "unset": "{what} is not set any more (was {old})",
    "exit": "{what} now goes to {new} (was {old})",
    "exit_added": "{what} now goes to {new}",
    "exit_removed": "{what} does not go to {old} any more",
    "option_added": "key {key} is new: {label} goes to {new}",
    "option_removed": "key {key} is gone: {label} went to {old}",
    "option_key": "{label} is now on key {new} (was {old})",
    "option_goes": "key {key} now goes to {new} (was {old})",
    "option_label": "key {key} is now called “{new}” in {language} (was “{old}”)",
    "option_if": "key {key} is now offered if {new} (was: if {old})",
    "option_if_added": "key {key} is now offered only if {new} (was always)",
    "option_if_removed": "key {key} is now always offered (was only if {old})",
    "option_set": "key {key}: {what} is now {new} (was {old})",
    "order": "the options are now in the order {new} (was {old})",
    "case_added": "if {what}, it now goes to {new}",
    "case_removed": "it does not ask any more if {what} (went to {old})",
    "case_goes": "if {what}, it now goes to {new} (was {old})",
    "case_order": "it now asks in the order {new} (was {old})",
    "words": "says in {language} now “{new}” (was “{old}”)",
    "words_added": "says in {language} now “{new}”",
    "words_removed": "says nothing in {language} any more (was “{old}”)",
    "sound": "holds another sound now",
}
_NOT_SET = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs."""

    part: str  #: book, entry, hours, special_day, task, number, template, prompt, recording, or a step by its kind
    name: str  #: empty for the book itself
    kind: str  #: one of TEXTS
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence about the part."""
        return TEXTS[self.kind].format_map(self.values)

    def __str__(self) -> str:
        return f"{self.part} {self.name}: {self.text}" if self.name else f"{self.part}: {self.text}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for programs."""
        return {"part": self.part, "name": self.name, "kind": self.kind, "values": dict(self.values), "text": str(self)}


def difference(
    old: MenuBook,
    new: MenuBook,
    *,
    old_recordings: Mapping[str, str] | None = None,
    new_recordings: Mapping[str, str] | None = None,
) -> tuple[Change, ...]:
    """Everything that differs; nothing when the books are the same. Recordings are told by name and digest."""
    return tuple(_all(old, new, old_recordings or {}, new_recordings or {}))


def _all(
    old: MenuBook, new: MenuBook, old_recordings: Mapping[str, str], new_recordings: Mapping[str, str]
) -> Iterator[Change]:
    renamed = renamed_steps(old, new)
    apart = {"entries", "calendar", "tasks", "numbers", "templates", "prompts", "steps"}
    yield from _fields("book", "", _leaves(old, apart), _leaves(new, apart))
    yield from _named("entry", old.entries, new.entries, lambda name, a, b: _entry(name, a, b, renamed))
    rest = {"hours", "special_days"}
    yield from _fields("calendar", "", _leaves(old.calendar, rest), _leaves(new.calendar, rest))
    yield from _fields("hours", "", dict(old.calendar.hours), dict(new.calendar.hours))
    yield from _fields("special_day", "", dict(old.calendar.special_days), dict(new.calendar.special_days))
    yield from _named("task", old.tasks, new.tasks, lambda name, a, b: _words("task", name, a, b))
    yield from _fields("number", "", dict(old.numbers), dict(new.numbers))
    yield from _steps(old, new, renamed)
    yield from _named("prompt", old.prompts, new.prompts, _prompt)
    yield from _named("template", old.templates, new.templates, _template)
    for name in sorted(old_recordings.keys() & new_recordings.keys()):
        if old_recordings[name] != new_recordings[name]:
            yield Change("recording", name, "sound")


def _named(
    part: str, old: Mapping[str, Any], new: Mapping[str, Any], each: Callable[[str, Any, Any], Iterator[Change]]
) -> Iterator[Change]:
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in old:
            yield Change(part, name, "added")
        elif name not in new:
            yield Change(part, name, "removed")
        elif old[name] != new[name]:
            yield from each(name, old[name], new[name])


def _entry(name: str, old: Any, new: Any, renamed: Mapping[str, str]) -> Iterator[Change]:
    if renamed.get(old.then, old.then) != new.then:
        yield Change("entry", name, "exit", {"what": "then", "new": new.then, "old": old.then})
    yield from _fields("entry", name, _leaves(old, {"then"}), _leaves(new, {"then"}))


def _words(part: str, name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for language in [*new, *(language for language in old if language not in new)]:
        before, now = old.get(language), new.get(language)
        if before == now:
            continue
        kind = "words_added" if before is None else "words_removed" if now is None else "words"
        yield Change(part, name, kind, {"language": language, "old": before or "", "new": now or ""})


def _prompt(name: str, old: Prompt, new: Prompt) -> Iterator[Change]:
    yield from _words("prompt", name, old.text, new.text)
    yield from _fields("prompt", name, _leaves(old, {"text"}), _leaves(new, {"text"}))


def _template(name: str, old: Template, new: Template) -> Iterator[Change]:
    yield from _words("template", name, old.text, new.text)
    yield from _fields("template", name, _leaves(old, {"text"}), _leaves(new, {"text"}))


def renamed_steps(old: MenuBook, new: MenuBook) -> Mapping[str, str]:
    """Steps that are just the same under another name."""
    gone = [name for name in old.steps if name not in new.steps]
    came = [name for name in new.steps if name not in old.steps]
    found: dict[str, str] = {}
    for name in gone:
        same = [other for other in came if new.steps[other] == old.steps[name] and other not in found.values()]
        if len(same) == 1:
            found[name] = same[0]
    return found


def _steps(old: MenuBook, new: MenuBook, renamed: Mapping[str, str]) -> Iterator[Change]:
    came = set(renamed.values())
    for name, step in new.steps.items():
        before = old.steps.get(name)
        if before is None:
            if name not in came:
                yield Change(step.kind, name, "added")
        elif before.kind != step.kind:
            yield Change(step.kind, name, "kind", {"new": step.kind, "old": before.kind})
        elif before != step:
            yield from _step(name, before, step, renamed)
    for name, step in old.steps.items():
        if name in renamed:
            yield Change(step.kind, name, "renamed", {"new": renamed[name]})
        elif name not in new.steps:
            yield Change(step.kind, name, "removed")


def _step(name: str, old: Step, new: Step, renamed: Mapping[str, str]) -> Iterator[Change]:
    apart: set[str] = set()
    if isinstance(old, Menu) and isinstance(new, Menu):
        apart = {"options"}
        yield from _options(name, old, new, renamed)
    elif isinstance(old, Goto) and isinstance(new, Goto):
        apart = {"cases"}
        yield from _cases(name, old, new, renamed)
    elif isinstance(old, Route) and isinstance(new, Route):
        apart = {"ways"}
        yield from _ways(name, old, new, renamed)
    was = {where: target for where, target in old.exits().items() if where.split(".")[0] not in apart}
    now = {where: target for where, target in new.exits().items() if where.split(".")[0] not in apart}
    for where in [*now, *(where for where in was if where not in now)]:
        before, after = was.get(where), now.get(where)
        if after == (renamed.get(before, before) if before else None):
            continue
        kind = "exit_added" if before is None else "exit_removed" if after is None else "exit"
        what = where.removesuffix(".then")
        yield Change(new.kind, name, kind, {"what": what, "old": before or "", "new": after or ""})
    leaves = [_leaves(step, apart) for step in (old, new)]
    for where in (*was, *now):
        for leaf in leaves:
            leaf.pop(where, None)
    yield from _fields(new.kind, name, *leaves)


def _options(menu: str, old: Menu, new: Menu, renamed: Mapping[str, str]) -> Iterator[Change]:
    was = {option.id: option for option in old.options}
    now = {option.id: option for option in new.options}
    for option in new.options:
        before = was.get(option.id)
        if before is None:
            yield Change("menu", menu, "option_added", {**_of(option), "new": option.then})
        elif before != option:
            yield from _option(menu, before, option, renamed)
    for option in old.options:
        if option.id not in now:
            yield Change("menu", menu, "option_removed", {**_of(option), "old": option.then})
    kept, keeps = [id_ for id_ in was if id_ in now], [id_ for id_ in now if id_ in was]
    if kept != keeps:
        yield Change("menu", menu, "order", {"old": ", ".join(kept), "new": ", ".join(keeps)})


def _option(menu: str, old: Option, new: Option, renamed: Mapping[str, str]) -> Iterator[Change]:
    def change(kind: str, **values: str) -> Change:
        return Change("menu", menu, kind, {**_of(new), **values})

    if old.key != new.key:
        yield change("option_key", old=old.key, new=new.key)
    if renamed.get(old.then, old.then) != new.then:
        yield change("option_goes", old=old.then, new=new.then)
    for language in dict.fromkeys([*new.label, *old.label]):
        before, after = old.label.get(language, _NOT_SET), new.label.get(language, _NOT_SET)
        if before != after:
            yield change("option_label", language=language, old=before, new=after)
    if old.when != new.when:
        kind = "option_if_added" if old.when is None else "option_if_removed" if new.when is None else "option_if"
        yield change(kind, old=old.when or "", new=new.when or "")
    apart = {"id", "key", "then", "label", "when"}
    was, now = _leaves(old, apart), _leaves(new, apart)
    for what in dict.fromkeys([*now, *was]):
        if was.get(what) != now.get(what):
            yield change("option_set", what=what, old=was.get(what, _NOT_SET), new=now.get(what, _NOT_SET))


def _of(option: Option) -> dict[str, str]:
    return {"key": option.key, "option": option.id, "label": next(iter(option.label.values()), option.id)}


def _cases(name: str, old: Goto, new: Goto, renamed: Mapping[str, str]) -> Iterator[Change]:
    was, now = ({case.when: case.then for case in step.cases} for step in (old, new))
    for when, target in now.items():
        before = was.get(when)
        if before is None:
            yield Change("goto", name, "case_added", {"what": when, "new": target})
        elif renamed.get(before, before) != target:
            yield Change("goto", name, "case_goes", {"what": when, "old": before, "new": target})
    for when, target in was.items():
        if when not in now:
            yield Change("goto", name, "case_removed", {"what": when, "old": target})
    kept, keeps = [when for when in was if when in now], [when for when in now if when in was]
    if kept != keeps:
        yield Change("goto", name, "case_order", {"old": "; ".join(kept), "new": "; ".join(keeps)})


def _ways(name: str, old: Route, new: Route, renamed: Mapping[str, str]) -> Iterator[Change]:
    """Ways out of a queue: like options, known by their keys."""
    was, now = ({way.key: way for way in step.ways} for step in (old, new))
    for key in dict.fromkeys([*now, *was]):
        before, after = was.get(key), now.get(key)
        if before is None and after is not None:
            yield Change("route", name, "option_added", {"key": key, "label": after.prompt, "new": after.then})
        elif after is None and before is not None:
            yield Change("route", name, "option_removed", {"key": key, "label": before.prompt, "old": before.then})
        elif before is not None and after is not None:
            if renamed.get(before.then, before.then) != after.then:
                yield Change("route", name, "option_goes", {"key": key, "old": before.then, "new": after.then})
            leaves = [_leaves(way, {"key", "then"}) for way in (before, after)]
            for what in dict.fromkeys([*leaves[1], *leaves[0]]):
                values = {"old": leaves[0].get(what, _NOT_SET), "new": leaves[1].get(what, _NOT_SET)}
                if values["old"] != values["new"]:
                    yield Change("route", name, "option_set", {"key": key, "what": what, **values})


def _fields(part: str, name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for what in [*new, *(what for what in old if what not in new)]:
        before, after = old.get(what), new.get(what)
        if before != after:
            kind = "set" if before is None else "unset" if after is None else "changed"
            yield Change(part, name, kind, {"what": what, "old": before or "", "new": after or ""})


def _leaves(model: BaseModel, apart: set[str]) -> dict[str, str]:
    """Dotted place → value, for everything that is set but for some fields."""
    found: dict[str, str] = {}

    def walk(where: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{where}.{key}" if where else str(key), inner)
        elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
            for index, inner in enumerate(value):
                walk(f"{where}.{index}", inner)
        elif isinstance(value, list) and value:
            found[where] = ", ".join(map(str, value))
        elif isinstance(value, bool):
            found[where] = "true" if value else "false"
        elif value is not None and value != []:
            found[where] = f"{value:g}" if isinstance(value, float) else str(value)

    walk("", model.model_dump(mode="json", exclude=apart))
    return found
