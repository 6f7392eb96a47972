"""Skills, segments, pause reasons and teams as the file of queues declares them: each once, in every language."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from menus.schema import SkillName
from menus.schema.words import Language, Line
from menus.yaml_shape import Misspelling, close_match
from routing.skills import LANGUAGE

if TYPE_CHECKING:
    from ivr.queues import Queues

Level = Annotated[int, Field(ge=1, le=10)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
AgentName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]
Names = Mapping[Language, Line]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PauseReason(_Part):
    """What an agent may pause for."""

    name: Names = Field(min_length=1, description="What agents read, by language.")
    paid: bool = Field(default=True, description="Whether the time is paid; the desktop says so where it is not.")
    most_minutes: float | None = Field(
        default=None, gt=0, le=1440, description="Longest pause; a longer one alarms. Without, it may last."
    )


class Team(_Part):
    """Agents who work together."""

    name: Names = Field(min_length=1, description="What people call it, by language.")
    supervisor: AgentName | None = Field(default=None, description="Sign-in name of who leads it.")
    skills: Mapping[SkillName, Level] = Field(
        default_factory=dict, description="Skill → level that its agents have where nothing else is said."
    )

    def told(self, name: str) -> str:
        """For the command line: what it is called, and who leads it."""
        called = self.name.get("en") or next(iter(self.name.values()))
        return f"{name} ({called})" + (f", led by {self.supervisor}" if self.supervisor else "")


def _reasons() -> Mapping[str, PauseReason]:
    words = {
        "break": ("Break", "休息"),
        "meal": ("Meal", "用餐"),
        "training": ("Training", "培训"),
        "back_office": ("Back office", "后台工作"),
        "supervisor": ("Supervisor", "主管安排"),
    }
    return {reason: PauseReason(name={"en": en, "zh": zh}) for reason, (en, zh) in words.items()}


class Staff(_Part):
    """The people who take calls, and the words for what they can and do."""

    skills: Mapping[SkillName, Names] = Field(
        default_factory=dict,
        description="Every skill by its name, with what people call it. Once some are declared, any other that queues, "
        "life events, teams, menus or agents name is an error. `lang:` skills need no declaration.",
    )
    segments: Mapping[Word, Names] = Field(
        default_factory=dict, description="Every segment of customers; once some are declared, any other is an error."
    )
    pauses: Mapping[Word, PauseReason] = Field(
        default_factory=_reasons, min_length=1, max_length=9, description="What agents may pause for, in this order."
    )
    teams: Mapping[Word, Team] = Field(default_factory=dict, description="Teams by their name.")

    def knows(self, skill: str) -> bool:
        """Whether a skill may be named."""
        return not self.skills or skill in self.skills or skill.startswith(LANGUAGE)

    def advice(self, skill: str) -> str:
        """What is wrong with a skill that nobody has declared."""
        return f"no skill '{skill}' is declared in `staff.skills`{close_match(skill, self.skills)}"


def broken(file: "Queues") -> Iterator[Misspelling]:
    """Every skill and segment that is named and not declared."""
    staff = file.staff
    for loc, skill in _skills(file):
        if not staff.knows(skill):
            yield (*loc, skill) if loc[-1] != "skill" else loc, "unknown-skill", staff.advice(skill)
    for loc, segment in _segments(file):
        if staff.segments and segment not in staff.segments:
            known = close_match(segment, staff.segments)
            yield loc, "unknown-segment", f"no segment '{segment}' is declared in `staff.segments`{known}"


def _skills(file: "Queues") -> Iterator[tuple[tuple[str | int, ...], str]]:
    for name, queue in file.queues.items():
        for key in ("skills", "preferred"):
            yield from ((("queues", name, key), skill) for skill in getattr(queue, key))
    for event, skills in file.callers.life_events.items():
        yield from ((("callers", "life_events", event), skill) for skill in skills)
    for name, team in file.staff.teams.items():
        yield from ((("staff", "teams", name, "skills"), skill) for skill in team.skills)
    if "complaints" in file.model_fields_set:
        yield ("complaints", "skill"), file.complaints.skill


def _segments(file: "Queues") -> Iterator[tuple[tuple[str | int, ...], str]]:
    for segment in file.callers.credits.segments:
        yield ("callers", "credits", "segments", segment), segment
    for number, rule in enumerate(file.complaints.rules):
        for place, segment in enumerate(rule.segments):
            yield ("complaints", "rules", number, "segments", place), segment
