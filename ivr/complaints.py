"""The complaint pyramid as the file of queues declares it: tiers with their authority, and rules that lead to them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from menus.facts import CallerFacts
from menus.schema import SkillName
from menus.schema.words import Language, Line, PhoneNumber, TaskName, ValueName
from menus.yaml_shape import Misspelling, close_match
from routing.complaints import Complaint, Placed, Rule, Tier, Times, place, severity_rank

if TYPE_CHECKING:
    from ivr.queues import Queues

#: Seconds of a day.
DAY_S = 86_400.0

Text = Annotated[str, Field(min_length=1, max_length=160)]
Word = Annotated[str, Field(min_length=1, max_length=48)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ComplaintTier(_Part):
    """One floor of the pyramid, and what its agents may grant."""

    name: Mapping[Language, Line] = Field(min_length=1, description="What agents call it, by language.")
    level: int = Field(ge=1, le=10, description="Least level of the complaint skill that its agents have.")
    goodwill: float = Field(
        default=0, ge=0, le=10_000_000, description="What they may pay without asking, in whole units of the currency."
    )
    may: Mapping[Language, tuple[Text, ...]] = Field(
        default_factory=dict, description="What else they may grant: lines that the pop shows, by language."
    )
    answer_h: float | None = Field(
        default=None, gt=0, le=2000, description="Working hours until it is answered; without, the menu says days."
    )
    fallback_s: float = Field(
        default=300,
        ge=0,
        le=14400,
        description="When nobody at work has the level, the tier below serves from this wait on; an alarm says so.",
    )

    def tier(self) -> Tier:
        """As the decision needs it."""
        return Tier(self.level, dict(self.name), round(self.goodwill * 100), dict(self.may), self.fallback_s)


class Deadline(_Part):
    """A shorter time for some complaints; of several that fit the shortest counts."""

    about: tuple[TaskName, ...] = Field(min_length=1, description="What the complaint is about: one of these.")
    tier: int = Field(default=1, ge=1, le=5, description="From this tier on.")
    answer_h: float = Field(gt=0, le=2000, description="Working hours until it is answered.")


class Alarms(_Part):
    """When a case that is not answered yet alarms, each moment once."""

    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.5,), max_length=5, description="When this share of the working time has passed."
    )
    hours_before: tuple[Annotated[float, Field(ge=0, le=1000)], ...] = Field(
        default=(8.0, 0.0),
        max_length=5,
        description="When so many working hours are left; 0 when the deadline has passed.",
    )
    send_to: tuple[PhoneNumber, ...] = Field(
        default=(), max_length=5, description="Numbers that get a text message with each alarm."
    )
    language: Literal["en", "zh"] = Field(default="en", description="Of those messages.")


class Often(_Part):
    """So many times within so many days."""

    count: int = Field(ge=1, le=50, description="At least so many.")
    within_days: float = Field(gt=0, le=365, description="Within so many days.")

    def times(self) -> Times:
        """As the decision needs it."""
        return Times(self.count, self.within_days)


class ComplaintRule(_Part):
    """Brings a complaint to a tier, or some tiers up, when everything that it names holds."""

    tier: int | None = Field(default=None, ge=1, le=5, description="At least this tier; 1 is the first.")
    up: int | None = Field(default=None, ge=1, le=4, description="Instead: so many tiers up.")
    severity: Literal["low", "medium", "high"] | None = Field(
        default=None, description="Of the complaint, or of an open case: this one or worse."
    )
    about: tuple[TaskName, ...] = Field(
        default=(), description="What it is about, as the menu or the case says: one of these."
    )
    segments: tuple[Word, ...] = Field(default=(), description="Segment of the customer: one of these.")
    worth: float | None = Field(default=None, gt=0, description="Worth of the customer in a year, in whole units.")
    open_case: bool = Field(default=False, description="A case of the customer is open.")
    overdue: bool = Field(default=False, description="An answer to an open case is overdue.")
    complaints: Often | None = Field(default=None, description="How often they complain, this time counted.")
    contacts: Often | None = Field(
        default=None, description="How often they have called about it before; calls of the last 7 days are known."
    )

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if (self.tier is None) == (self.up is None):
            raise ValueError("a rule leads to a `tier`, or `up`")
        if self.rule() == Rule(self.tier, self.up or 0):
            raise ValueError("a rule names what must hold, such as `severity` or `overdue`")
        return self

    def rule(self) -> Rule:
        """As the decision needs it."""
        return Rule(
            self.tier,
            self.up or 0,
            self.severity,
            frozenset(self.about),
            frozenset(self.segments),
            None if self.worth is None else round(self.worth * 100),
            self.open_case,
            self.overdue,
            self.complaints.times() if self.complaints else None,
            self.contacts.times() if self.contacts else None,
        )


#: The pyramid where none is declared.
_PYRAMID = (
    ComplaintTier(name={"en": "Front line", "zh": "一线"}, level=1),
    ComplaintTier(name={"en": "Specialist", "zh": "专员"}, level=4),
    ComplaintTier(name={"en": "Senior", "zh": "资深"}, level=7),
)


class Complaints(_Part):
    """The complaint pyramid. Queues that ask for its skill are complaint queues."""

    skill: SkillName = Field(default="complaints", description="The skill whose level stands for authority.")
    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$", description="Of the amounts.")
    tasks: tuple[TaskName, ...] = Field(
        default=("complaint",), description="Tasks of menu options: an earlier call with one was about a complaint."
    )
    neutral_wait_s: float = Field(
        default=60,
        ge=0,
        le=14400,
        description="Longest wait when only the agent complained about could serve; then the book goes on at "
        "`otherwise`, such as to a recording.",
    )
    hours: ValueName | None = Field(
        default=None,
        description="The working time that deadlines count, by its name in `calendar`; every hour counts without.",
    )
    about: Mapping[TaskName, Mapping[Language, Line]] = Field(
        default_factory=dict,
        max_length=20,
        description="What complaints are about, with what agents read, by language. Once some are declared, any other "
        "that rules or deadlines name is an error.",
    )
    deadlines: tuple[Deadline, ...] = Field(
        default=(), max_length=50, description="Shorter times by what a complaint is about."
    )
    alarms: Alarms = Field(default=Alarms(), description="When cases alarm before their deadline, and whom.")
    tiers: tuple[ComplaintTier, ...] = Field(
        default_factory=lambda: _PYRAMID,
        min_length=1,
        max_length=5,
        description="The tiers, the lowest first; front line, specialist (level 4) and senior (7) when left out.",
    )
    rules: tuple[ComplaintRule, ...] = Field(
        default=(), max_length=50, description="How complaints come to a tier; without, the menu and open cases say it."
    )

    def place(
        self, facts: CallerFacts, now: float, *, asked: int = 1, severity: str | None = None, about: str | None = None
    ) -> Placed:
        """The tier of a complaint of this caller at this moment, and why; open cases of theirs, or from their number,
        count along."""
        cases, further = (*facts.cases, *facts.number_cases), [one for one in facts.number_cases if one.is_open]
        open_ones = [case for case in cases if case.is_open]
        words = {about, *(case.about for case in open_ones)}
        complaint = Complaint(
            asked=asked,
            severity=max((severity, *(case.severity for case in open_ones)), key=severity_rank),
            about=frozenset(word for word in words if word),
            segment=facts.segment,
            worth_cents=facts.value_cents,
            open_cases=facts.open_cases + len(further),
            case_tier=max((facts.case_tier, *(case.tier for case in further))),
            overdue=facts.cases_overdue + sum(case.overdue for case in further),
            opened_days=tuple((now - case.opened_at) / DAY_S for case in cases),
            called_days=tuple((now - one.at.timestamp()) / DAY_S for one in facts.recent if one.task in self.tasks),
        )
        return place(complaint, [rule.rule() for rule in self.rules], len(self.tiers))

    def known_about(self) -> dict[str, Mapping[str, str]]:
        """What a complaint may be about, with its words: as declared, else as rules and deadlines name it."""
        if self.about:
            return dict(self.about)
        named = {name for rule in self.rules for name in rule.about} | {n for one in self.deadlines for n in one.about}
        return {name: {"en": name.replace("_", " ")} for name in sorted(named)}

    def answer_s(self, tier: int, about: str | None) -> float | None:
        """The working time in which a case is answered, in seconds; None when only the menu says so."""
        hours = [self.tiers[tier - 1].answer_h]
        hours += [one.answer_h for one in self.deadlines if about in one.about and tier >= one.tier]
        return min((hour * 3600.0 for hour in hours if hour is not None), default=None)

    def ladder(self) -> tuple[Tier, ...]:
        """The tiers as the decision needs them."""
        return tuple(tier.tier() for tier in self.tiers)


def broken(file: "Queues") -> Iterator[Misspelling]:
    """Every rule that the section breaks."""
    part = file.complaints
    if "complaints" not in file.model_fields_set:
        return
    asked = {skill for queue in file.queues.values() for skill in queue.skills}
    if part.skill not in asked:
        known = close_match(part.skill, asked)
        yield ("complaints", "skill"), "never-reached", f"no queue asks for the skill '{part.skill}'{known}"
    level = 0
    languages = {language for tier in part.tiers for language in (*tier.name, *tier.may)}
    for number, tier in enumerate(part.tiers):
        at = ("complaints", "tiers", number)
        if tier.level <= level:
            yield (*at, "level"), "out-of-order", f"a higher tier needs a higher level: the one before has {level}"
        level = max(level, tier.level)
        for language in sorted(languages):
            if language not in tier.name:
                yield (*at, "name"), "missing-language", f"the name in '{language}' is missing; other tiers have it"
            if tier.may and language not in tier.may:
                yield (*at, "may"), "missing-language", f"the lines in '{language}' are missing"
    if part.hours is not None and part.hours not in file.calendar.hours:
        known = close_match(part.hours, file.calendar.hours)
        yield ("complaints", "hours"), "unknown-hours", f"`calendar` has no hours '{part.hours}'{known}"
    for list_, number, named in (
        *(("deadlines", number, one.about) for number, one in enumerate(part.deadlines)),
        *(("rules", number, rule.about) for number, rule in enumerate(part.rules)),
    ):
        for place_, name in enumerate(named):
            if part.about and name not in part.about:
                known = close_match(name, part.about)
                yield ("complaints", list_, number, "about", place_), "unknown-about", f"`about` has no '{name}'{known}"
    for number, one in enumerate(part.deadlines):
        if one.tier > len(part.tiers):
            yield ("complaints", "deadlines", number, "tier"), "unknown-tier", f"there are {len(part.tiers)} tiers"
    for number, rule in enumerate(part.rules):
        at = ("complaints", "rules", number)
        if rule.tier is not None and rule.tier > len(part.tiers):
            yield (*at, "tier"), "unknown-tier", f"there are {len(part.tiers)} tiers"
        if rule.up is not None and rule.up >= len(part.tiers):
            yield (*at, "up"), "unknown-tier", f"there are {len(part.tiers)} tiers"
        if rule.contacts is not None and rule.contacts.within_days > KNOWN_DAYS:
            message = f"earlier calls are known for {KNOWN_DAYS} days"
            yield (*at, "contacts", "within_days"), "never-reached", message


#: For how many days earlier calls of a caller are known, see `menus.facts.RecentCall`.
KNOWN_DAYS = 7
