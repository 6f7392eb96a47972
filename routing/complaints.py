"""Which tier a complaint comes to, and why; what an agent of some level may grant. Pure.

A rule holds when everything it names is reached: more of anything can only make more rules hold, so a tier never
falls with more severity or a longer history.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: How severe a complaint is, in the words of menus and cases, mildest first.
SEVERITIES = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Tier:
    """One floor of the pyramid."""

    level: int  #: least level of the complaint skill that its agents have
    names: Mapping[str, str] = field(default_factory=dict)  #: language → name
    goodwill_cents: int = 0  #: what an agent of this tier may pay without asking
    may: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: language → what else they may grant
    fallback_s: float = 300.0  #: while nobody at work has the level, the tier below serves from this age on


@dataclass(frozen=True, slots=True)
class Times:
    """So often within so many days."""

    count: int
    within_days: float


@dataclass(frozen=True, slots=True)
class Rule:
    """Brings a complaint to a tier, or so many tiers up, when everything that it names holds."""

    tier: int | None = None  #: at least this one, 1 the lowest
    up: int = 0
    severity: str | None = None  #: this one or worse
    about: frozenset[str] = frozenset()  #: one of these, as the menu, the case or the contract says
    segments: frozenset[str] = frozenset()
    worth_cents: int | None = None  #: what the customer is worth in a year, at least
    open_case: bool = False
    overdue: bool = False
    complaints: Times | None = None  #: cases opened, this complaint counted
    contacts: Times | None = None  #: earlier calls about it


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is known of a complaint when it is given its tier."""

    asked: int = 1  #: the tier that the step of the menu names
    severity: str | None = None  #: as the menu asked, or of an open case: the worse one
    about: frozenset[str] = frozenset()
    segment: str | None = None
    worth_cents: int = 0
    open_cases: int = 0
    case_tier: int = 0  #: the highest of the open cases
    overdue: int = 0
    opened_days: tuple[float, ...] = ()  #: how long ago cases were opened, in days
    called_days: tuple[float, ...] = ()  #: how long ago they called about a complaint, in days


Because = Mapping[str, Any]  #: `what` and the figures that belong to it; plain JSON values


@dataclass(frozen=True, slots=True)
class Placed:
    """The tier of a complaint, and what brought it there."""

    tier: int
    why: tuple[Because, ...] = ()  #: each with `tier` (at least) or `up`, and `because`: what held


def place(complaint: Complaint, rules: Sequence[Rule], highest: int) -> Placed:
    """The tier of a complaint: the highest that a step, an open case or a rule asks for, and what goes up from there.

    Only what counts is named: rules that ask for a lower tier than others say nothing.
    """
    found = [(complaint.asked, [{"what": "step"}]), (complaint.case_tier, [{"what": "case"}])]
    found += [(rule.tier, held) for rule in rules if rule.tier is not None and (held := _held(rule, complaint))]
    reached = max(1, *(tier for tier, _ in found))
    why: list[Because] = [{"tier": tier, "because": held} for tier, held in found if tier == reached and reached > 1]
    ups = [(rule.up, held) for rule in rules if rule.tier is None and (held := _held(rule, complaint))]
    why += [{"up": up, "because": held} for up, held in ups]
    return Placed(min(highest, reached + sum(up for up, _ in ups)), tuple(why))


def _held(rule: Rule, complaint: Complaint) -> list[dict[str, Any]]:
    """What a rule names, when all of it holds; else nothing."""
    held: list[dict[str, Any]] = []
    for holds in _conditions(rule, complaint):
        if holds is None:
            return []
        held.append(holds)
    return held


def _conditions(rule: Rule, complaint: Complaint) -> Iterator[dict[str, Any] | None]:
    """Each condition of a rule: what holds, or None when it does not."""
    if rule.severity is not None:
        reached = severity_rank(complaint.severity) >= severity_rank(rule.severity)
        yield {"what": "severity", "severity": complaint.severity} if reached else None
    if rule.about:
        common = sorted(rule.about & complaint.about)
        yield {"what": "about", "about": common[0]} if common else None
    if rule.segments:
        yield {"what": "segment", "segment": complaint.segment} if complaint.segment in rule.segments else None
    if rule.worth_cents is not None:
        yield {"what": "worth"} if complaint.worth_cents >= rule.worth_cents else None
    if rule.open_case:
        yield {"what": "open_case"} if complaint.open_cases else None
    if rule.overdue:
        yield {"what": "overdue"} if complaint.overdue else None
    if rule.complaints is not None:
        count = 1 + _within(complaint.opened_days, rule.complaints)
        yield _often("complaints", count, rule.complaints)
    if rule.contacts is not None:
        yield _often("contacts", _within(complaint.called_days, rule.contacts), rule.contacts)


def _within(days: Sequence[float], times: Times) -> int:
    return sum(ago <= times.within_days for ago in days)


def _often(what: str, count: int, times: Times) -> dict[str, Any] | None:
    return {"what": what, "count": count, "days": times.within_days} if count >= times.count else None


def severity_rank(severity: str | None) -> int:
    """0 when nobody said; 1 for the mildest."""
    return SEVERITIES.index(severity) + 1 if severity in SEVERITIES else 0


def tier_of_level(level: int, tiers: Sequence[Tier]) -> int:
    """The highest tier that an agent of this level may serve, 1 the lowest; 0 when none."""
    return sum(tier.level <= level for tier in tiers)


def may_do(own: int, tier: int, highest: int, *, about_them: bool) -> tuple[str, ...]:
    """What an agent of tier `own` may do about a case: whoever lacks its tier may note and pass it up, no more."""
    if about_them:
        return ()
    up = ("raise",) if tier < highest else ()
    return ("note", *up, "extend", "close") if own >= tier else ("note", *up)


def rungs(tier: int, tiers: Sequence[Tier]) -> tuple[tuple[float, int], ...]:
    """From which age on which lower level will do while nobody at work has the one above: one tier at a time."""
    ages, found = 0.0, []
    for number in range(min(tier, len(tiers)), 1, -1):
        ages += tiers[number - 1].fallback_s
        found.append((ages, tiers[number - 2].level))
    return tuple(found)


_SAID: Mapping[str, str] = {
    "step": "the menu says so",
    "case": "an open case is there already",
    "severity": "it is of {severity} severity",
    "about": "it is about {about}",
    "segment": "the customer is of the segment {segment}",
    "worth": "of what the customer is worth",
    "open_case": "a case is open",
    "overdue": "an answer is overdue",
    "complaints": "it is complaint number {count} within {days:g} days",
    "contacts": "they have called about it {count} times before within {days:g} days",
}


def spoken(why: Because) -> str:
    """One reason in plain English, for reports and the command line."""
    held = " and ".join(_SAID[one["what"]].format(**one) for one in why["because"])
    return f"at least tier {why['tier']}: {held}" if "tier" in why else f"up by {why['up']}: {held}"
