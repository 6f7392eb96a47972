"""Queues: what a caller who waits in one needs of an agent, and how long things may take; read from YAML."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ivr.complaints import Complaints
from ivr.errors import Misconfigured
from ivr.offer_rules import Offers
from ivr.order_rules import Order
from ivr.ports import TalkLimit
from ivr.queue_rules import broken
from ivr.staff import Staff
from menus.facts import CallerFacts
from menus.hours import Hours
from menus.schema import Calendar, QueueName, SkillName
from menus.schema.words import Language, ValueName
from menus.yaml_source import Faults, build, parse
from routing.skills import LANGUAGE
from routing.terms import Overflow, Softening, Terms, Wanted

Level = Annotated[int, Field(ge=1, le=10)]
LevelOrNone = Annotated[int, Field(ge=0, le=10)]
Weight = Annotated[float, Field(gt=0, le=100)]
Minutes = Annotated[float, Field(ge=0, le=600)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """A step in which callers who wait ask for less."""

    after_s: float = Field(ge=0, le=14400, description="Age at which it is reached; each missed offer is one step.")
    skills: dict[SkillName, LevelOrNone] = Field(
        default_factory=dict, description="Skill → least level from now on, 0 when it is not asked for any more."
    )
    languages: tuple[Language, ...] = Field(
        default=(), description="Agents of these languages may serve the caller as well."
    )

    @model_validator(mode="after")
    def _softens(self) -> Self:
        if not self.skills and not self.languages:
            raise ValueError("a step softens `skills` or adds `languages`")
        return self


class Way(_Part):
    """Another queue whose agents help out."""

    to: QueueName = Field(description="Its agents may serve callers of this queue too.")
    after_s: float = Field(default=0, ge=0, le=14400, description="From this age on.")
    until_s: float | None = Field(
        default=None, gt=0, le=14400, description="Until this age; then the caller waits for this queue alone again."
    )

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.until_s is not None and self.until_s <= self.after_s:
            raise ValueError("`until_s` must be more than `after_s`")
        return self


class AnnounceWait(_Part):
    """Callers are told how long they will probably wait, as a range of minutes."""

    service_s: float | None = Field(
        default=None,
        ge=10,
        le=7200,
        description="How long a conversation with its wrap-up usually takes; it counts as six conversations. Without, "
        "nothing is said before six have been seen.",
    )
    least_agents: int = Field(
        default=2, ge=1, le=1000, description="Nothing is said while fewer agents are at work who may serve the caller."
    )


class LastAgent(_Part):
    """Callers get the agent whom they talked to last."""

    within_days: int = Field(default=7, ge=1, le=365, description="When that was so many days ago at most.")
    wait_s: float = Field(
        default=30, ge=0, le=3600, description="How long they wait for that agent alone, while they are at work."
    )


class OwnAgent(_Part):
    """Customers get the agent who looks after them."""

    wait_s: float = Field(
        default=30, ge=0, le=3600, description="How long they wait for that agent alone, while they are at work."
    )


class Queue(_Part):
    """A named service goal that needs belong to."""

    skills: dict[SkillName, Level] = Field(description="Skill → least level an agent must have, 1 to 10.")
    goal_s: float = Field(
        default=20,
        ge=0,
        le=3600,
        description="Service goal: a caller is overdue from this age on.",
    )
    preferred: dict[SkillName, Weight] = Field(
        default_factory=dict,
        description="Skill → weight: of the agents who fit, those with the greatest sum are asked first.",
    )
    most_level: int | None = Field(
        default=None,
        ge=1,
        le=9,
        description="Simple enquiries: agents with at most this level of the skills asked for are asked first, others "
        "as soon as none of them is free.",
    )
    softening: tuple[Step, ...] = Field(
        default=(), max_length=10, description="Steps in which callers ask for less, earliest first."
    )
    overflow: tuple[Way, ...] = Field(
        default=(), max_length=5, description="Queues whose agents help out; callers keep their place."
    )
    own_agent: OwnAgent | None = Field(
        default=None, description="Customers get the agent who looks after them, before the one they talked to last."
    )
    last_agent: LastAgent | None = Field(default=None, description="Callers get the agent whom they talked to last.")
    hours: ValueName | None = Field(
        default=None, description="Opening hours, by their name in `calendar`; always open without."
    )
    after_hours: QueueName | None = Field(
        default=None, description="Queue that callers come to after hours; without, the book goes on at `otherwise`."
    )
    callback_first: Literal["customer", "agent"] = Field(
        default="customer",
        description="Who is rung first for a callback: `customer`, and an agent when they have asked to be connected; "
        "or `agent`, and the customer when the agent has answered.",
    )
    credit_minutes: float = Field(
        default=0, ge=0, le=600, description="Priority: minutes of waiting granted in advance."
    )
    ring_s: float = Field(default=15, ge=3, le=120, description="How long an agent's phone rings before RONA.")
    wrap_up_s: float = Field(default=30, ge=0, le=3600, description="Time for the agent after each conversation.")
    max_talk_s: float = Field(
        default=0,
        ge=0,
        le=86_400,
        description="Longest conversation; at its end the caller goes on in the book. 0 is no limit.",
    )
    talk_warning_s: float = Field(
        default=60,
        ge=0,
        le=3600,
        description="So long before the end of the longest conversation the agent is warned, on the screen and by a "
        "tone that the caller does not hear.",
    )
    recording: Literal["never", "announced", "asked"] = Field(
        default="never",
        description="Whether conversations are recorded: never, after an announcement, or only if the caller agrees by "
        "a key.",
    )
    wrap_up_extend_s: float = Field(
        default=30, gt=0, le=1800, description="By how much an agent may extend that time, each time they ask."
    )
    wrap_up_extensions: int = Field(default=2, ge=0, le=20, description="How often at most; 0: not at all.")
    max_wait_s: float = Field(
        default=900, ge=10, le=14400, description="Longest wait; then the book goes on at `otherwise`."
    )
    announce_every_s: float = Field(default=30, ge=10, le=600, description="Seconds of music between announcements.")
    announce_position: bool = Field(
        default=True, description="Whether callers are told their position when it has got better."
    )
    announce_wait: AnnounceWait | None = Field(
        default=None, description="Callers are told the expected wait, as a range; nothing is said of it without."
    )

    @property
    def talk_limit(self) -> TalkLimit | None:
        """How long a conversation may last."""
        return TalkLimit(self.max_talk_s, self.talk_warning_s) if self.max_talk_s else None

    def required(self, more: Mapping[str, int]) -> dict[str, int]:
        """The queue's skills and a step's own, the higher level of each."""
        return {skill: max(self.skills.get(skill, 1), more.get(skill, 1)) for skill in {*self.skills, *more}}

    def terms(
        self, queues: "Mapping[str, Queue]", preferred: Mapping[str, float] | None = None, wanted: Wanted | None = None
    ) -> Terms:
        """What a need of this queue brings along; `preferred` and `wanted` are the caller's own."""
        own = preferred or {}
        return Terms(
            goal_s=self.goal_s,
            preferred={
                skill: self.preferred.get(skill, 0.0) + own.get(skill, 0.0) for skill in sorted({*self.preferred, *own})
            },
            most_level=self.most_level,
            agent_id=None if wanted is None else wanted.agent_id,
            agent_is="" if wanted is None else wanted.who,
            agent_wait_s=0.0 if wanted is None else wanted.wait_s,
            softening=tuple(Softening(step.after_s, step.skills, step.languages) for step in self.softening),
            overflow=tuple(
                Overflow(way.to, queues[way.to].skills, way.after_s, way.until_s)
                for way in self.overflow
                if way.to in queues
            ),
        )


class Credits(_Part):
    """Priority of callers, as minutes of waiting granted in advance; what holds is added up."""

    segments: dict[str, Minutes] = Field(
        default_factory=dict, description="Customers of a segment → minutes: a green channel."
    )
    open_case: Minutes = Field(default=0, description="Customers whose complaint is being handled.")
    repeat_call: Minutes = Field(default=0, description="Callers who have called within the last day already.")
    missed_callback: Minutes = Field(default=0, description="Callers whom we called back of late and did not reach.")

    def minutes(self, facts: CallerFacts, now: float) -> float:
        """The minutes that a caller is granted."""
        granted = self.segments.get(facts.segment or "", 0.0)
        granted += self.open_case if facts.open_cases else 0.0
        granted += self.missed_callback if facts.missed_callback else 0.0
        again = any(now - call.at.timestamp() < 86_400 for call in facts.recent)
        return granted + (self.repeat_call if again else 0.0)


class CallerRules(_Part):
    """What callers bring along to every queue."""

    credits: Credits = Credits()
    life_events: dict[ValueName, dict[SkillName, Weight]] = Field(
        default_factory=dict,
        description="Life event of the customer → skills that agents are preferred for, with weights: groups such as "
        "moving house, bereavement or retirement.",
    )

    def preferred(self, facts: CallerFacts) -> dict[str, float]:
        """The skills that a caller's life events ask for."""
        found: dict[str, float] = {}
        for kind in {kind for kind, _ in facts.life_events}:
            for skill, weight in self.life_events.get(kind, {}).items():
                found[skill] = found.get(skill, 0.0) + weight
        return found


class Queues(_Part):
    """All queues of the site."""

    version: int = Field(ge=1, le=1, description="Of this file format: 1.")
    calendar: Calendar = Field(
        default=Calendar(), description="Opening hours that queues name, holidays, special days."
    )
    callers: CallerRules = Field(default=CallerRules(), description="What callers bring along to every queue.")
    staff: Staff = Field(default=Staff(), description="Skills, segments, pause reasons, teams.")
    complaints: Complaints = Field(default=Complaints(), description="The complaint pyramid: tiers, authority, rules.")
    offers: Offers = Field(default=Offers(), description="What follows when agents miss or refuse offers.")
    order: Order = Field(
        default=Order(), description="Which row of callers is served first when agents may serve several."
    )
    queues: dict[QueueName, Queue] = Field(min_length=1, description="Every queue by its name.")

    def skills(self) -> set[str]:
        """Every skill that a queue or a life event asks for or prefers."""
        asked = {skill for queue in self.queues.values() for skill in (*queue.skills, *queue.preferred)}
        return asked.union(*self.callers.life_events.values())

    def table(self, time_zone: str) -> "QueueTable":
        """The queues as calls use them."""
        return QueueTable(self.queues, self, time_zone)


class QueueTable(dict[str, Queue]):
    """The queues by name, with what applies to all of them: opening hours, and what callers bring along."""

    def __init__(self, queues: Mapping[str, Queue], site: Queues | None = None, time_zone: str = "UTC") -> None:
        super().__init__(queues)
        self.callers = site.callers if site is not None else CallerRules()
        self.staff = site.staff if site is not None else Staff()
        self.complaints = site.complaints if site is not None else Complaints()
        self.offers = site.offers if site is not None else Offers()
        self.policy = (site.order if site is not None else Order()).policy()
        self._zone = ZoneInfo(time_zone)
        self.hours = Hours(site.calendar if site is not None else Calendar(), self._zone)

    @property
    def groups(self) -> tuple[str, ...]:
        """Skills that no queue asks for: groups of agents to whom a caller can be handed by their skill alone."""
        own = {skill for queue in self.values() for skill in queue.skills}
        preferred = [skill for queue in self.values() for skill in queue.preferred]
        preferred += [skill for skills in self.callers.life_events.values() for skill in skills]
        known = self.staff.skills or dict.fromkeys(sorted(preferred))
        return tuple(skill for skill in known if skill not in own and not skill.startswith(LANGUAGE))

    def open_one(self, name: str, now: float) -> str | None:
        """The queue itself when it is open, else the first open one that it leads to after hours, or None."""
        at: str | None = name
        for _ in range(len(self)):  # the rules of the file allow no circle
            if at is None or self.is_open(at, now):
                return at
            at = self[at].after_hours
        return None

    def opens_at(self, name: str, at: float) -> float | None:
        """The moment itself when a queue is open then, else when it opens next; None when it never does."""
        hours = self[name].hours
        opens = None if hours is None else self.hours.next_open(hours, datetime.fromtimestamp(at, self._zone))
        return at if hours is None else None if opens is None else opens.timestamp()

    def is_open(self, name: str, now: float) -> bool:
        """Whether a queue is within its opening hours."""
        hours = self[name].hours
        return hours is None or self.hours.is_open(hours, datetime.fromtimestamp(now, self._zone))

    def deadline(self, tier: int, about: str | None, now: float) -> float | None:
        """When a case opened now must be answered; None when only the menu says so."""
        worked_s = self.complaints.answer_s(tier, about)
        return None if worked_s is None else self.worked_from(now, worked_s)

    def worked_from(self, at: float, worked_s: float) -> float:
        """When so many seconds of the complaints' working time have passed from a moment on."""
        hours = self.complaints.hours
        if hours is None:
            return at + worked_s
        due = self.hours.after(hours, datetime.fromtimestamp(at, self._zone), worked_s)
        return at + worked_s if due is None else due.timestamp()

    def terms(self, name: str, facts: CallerFacts, wanted: Wanted | None = None) -> Terms:
        """What the need of a caller brings along."""
        return self[name].terms(self, self.callers.preferred(facts), wanted)


def load(path: Path) -> Queues:
    """Queues from a file. Raises Misconfigured with every fault of the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        raise Misconfigured(f"{path}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise Misconfigured(f"{path}: is not UTF-8 from byte {fault.start + 1} on; save it as UTF-8") from fault
    root, faults = parse(text, str(path))
    built, more = build(root, Queues) if root else (None, [])
    if built is not None and root is not None:
        more = [*more, *(root.at(loc).fault(code, message) for loc, code, message in broken(built))]
    if built is None or faults or more:
        every = Faults([*faults, *more])
        raise Misconfigured(str(every)) from every
    return built
