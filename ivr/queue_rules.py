"""Rules over the whole file of queues: what each key allows by itself and together can never serve anybody."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ivr.complaints import broken as broken_complaints
from ivr.staff import broken as broken_staff
from menus.hours import Hours
from menus.yaml_shape import close_match

if TYPE_CHECKING:
    from ivr.offer_rules import Misses
    from ivr.queues import Queue, Queues
    from ivr.staff import Staff

Broken = tuple[tuple[str | int, ...], str, str]  #: where, code, what and how to mend it


def broken(file: "Queues") -> Iterator[Broken]:
    """Every rule that the file breaks."""
    hours = Hours(file.calendar, ZoneInfo("UTC"))
    for loc, message in hours.faults:
        yield loc, "bad-hours", message
    for name, queue in file.queues.items():
        at = ("queues", name)
        yield from _softening(at, queue, file.staff)
        yield from _overflow(at, name, file.queues)
        yield from _hours(at, name, file)
        for key, whose in (("own_agent", "own"), ("last_agent", "last")):
            if (wanted := getattr(queue, key)) is not None and wanted.wait_s >= queue.max_wait_s:
                yield (*at, key), "never-reached", f"callers wait for their {whose} agent longer than `max_wait_s`"
        if queue.most_level is not None and any(level > queue.most_level for level in queue.skills.values()):
            told = f"agents need level {max(queue.skills.values())} to serve this queue: none is a junior"
            yield (*at, "most_level"), "never-reached", told
        if 0 < queue.max_talk_s <= queue.talk_warning_s:
            told = f"the warning would come at once: `max_talk_s` is {queue.max_talk_s:g} s; lower `talk_warning_s`"
            yield (*at, "max_talk_s"), "never-reached", told
        for key in ("wrap_up_extend_s", "wrap_up_extensions"):
            if queue.wrap_up_s == 0 and key in queue.model_fields_set:
                yield (*at, key), "never-reached", "with `wrap_up_s: 0` there is no time to extend"
    yield from _misses(file.offers.misses)
    yield from _circles(file.queues)
    yield from broken_complaints(file)
    yield from broken_staff(file)


def _misses(misses: "Misses") -> Iterator[Broken]:
    for key in ("within_s", "pause_s"):
        if misses.most == 1 and key in misses.model_fields_set:
            yield ("offers", "misses", key), "never-reached", "with `most: 1` the first miss sets aside already"


def _softening(at: tuple[str, str], queue: "Queue", staff: "Staff") -> Iterator[Broken]:
    """A step may soften what the queue asks for, and a declared skill that a step of the menu may ask for besides."""
    levels, before_s = dict(queue.skills), -1.0
    for number, step in enumerate(queue.softening):
        here = (*at, "softening", number)
        if step.after_s <= before_s:
            yield (*here, "after_s"), "out-of-order", "a later step must come later: write the steps earliest first"
        before_s = max(before_s, step.after_s)
        if step.after_s >= queue.max_wait_s:
            yield (*here, "after_s"), "never-reached", f"nobody waits longer than `max_wait_s`: {queue.max_wait_s:g} s"
        for skill, level in step.skills.items():
            if skill not in levels and skill in staff.skills:
                levels[skill] = level
            elif skill not in levels:
                yield (
                    (*here, "skills", skill),
                    "unknown-skill",
                    f"the queue does not ask for the skill '{skill}', and `staff.skills` does not declare it"
                    f"{close_match(skill, {*levels, *staff.skills})}",
                )
            elif level >= levels[skill]:
                yield (
                    (*here, "skills", skill),
                    "hardens",
                    f"a step asks for less: '{skill}' is at {levels[skill]} before it",
                )
            else:
                levels[skill] = level


def _overflow(at: tuple[str, str], name: str, queues: Mapping[str, "Queue"]) -> Iterator[Broken]:
    queue, seen = queues[name], set[str]()
    for number, way in enumerate(queue.overflow):
        here = (*at, "overflow", number)
        if way.to not in queues:
            yield (*here, "to"), "unknown-queue", f"there is no queue '{way.to}'{close_match(way.to, queues)}"
            continue
        if way.to == name:
            yield (*here, "to"), "circle", "a queue overflows to another one, not to itself"
        elif way.to in seen:
            yield (*here, "to"), "repeated", f"'{way.to}' helps out already"
        elif all(queues[way.to].skills.get(skill, 0) >= level for skill, level in queue.skills.items()):
            yield (*here, "to"), "never-serves", f"whoever fits '{way.to}' fits '{name}' already: nobody is added"
        seen.add(way.to)
        if way.after_s >= queue.max_wait_s:
            yield (*here, "after_s"), "never-reached", f"nobody waits longer than `max_wait_s`: {queue.max_wait_s:g} s"


def _hours(at: tuple[str, str], name: str, file: "Queues") -> Iterator[Broken]:
    queue = file.queues[name]
    if queue.hours is not None and queue.hours not in file.calendar.hours:
        known = close_match(queue.hours, file.calendar.hours)
        yield (*at, "hours"), "unknown-hours", f"`calendar` has no hours '{queue.hours}'{known}"
    if queue.after_hours is None:
        return
    if queue.hours is None:
        yield (*at, "after_hours"), "never-reached", "a queue without `hours` is always open"
    if queue.after_hours not in file.queues:
        known = close_match(queue.after_hours, file.queues)
        yield (*at, "after_hours"), "unknown-queue", f"there is no queue '{queue.after_hours}'{known}"


def _circles(queues: Mapping[str, "Queue"]) -> Iterator[Broken]:
    """Queues that lead to each other after hours come to nobody when all are closed."""
    for name, queue in queues.items():
        trail, to = [name], queue.after_hours
        while to is not None and to in queues and to not in trail:
            trail.append(to)
            to = queues[to].after_hours
        if to == name:
            told = " → ".join([*trail, name])
            yield ("queues", name, "after_hours"), "circle", f"after hours callers go round in a circle: {told}"
