"""Agents declared in YAML, and what has to change in the database so that it is as they are declared. No passwords."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ivr.errors import Misconfigured
from ivr.ports import AgentCard
from ivr.staff import AgentName, Level, Staff, Word
from menus.schema import SkillName
from menus.yaml_shape import Misspelling, close_match
from menus.yaml_source import Faults, build, parse

#: The name of the file, beside the file of queues.
AGENTS_FILE = "agents.yaml"

FullName = Annotated[str, Field(min_length=1, max_length=120)]
Phone = Annotated[str, Field(pattern=r"^PJSIP/[A-Za-z0-9_.-]{1,74}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeclaredAgent(_Part):
    """An agent; the password is set with `ivr agent password`, and never stands in a file."""

    full_name: FullName = Field(description="As colleagues write it.")
    phone: Phone = Field(description="Endpoint in Asterisk, such as PJSIP/agent-101.")
    team: Word | None = Field(default=None, description="Team of the file of queues; its skills come with it.")
    skills: Mapping[SkillName, Level] = Field(
        default_factory=dict, description="Skill → level, besides those of the team, or instead of a level there."
    )

    def levels(self, staff: Staff) -> dict[str, int]:
        """All skills, those of the team included."""
        team = staff.teams.get(self.team or "")
        return {**(team.skills if team is not None else {}), **self.skills}


class AgentsFile(_Part):
    """Agents that are kept in a file."""

    version: int = Field(ge=1, le=1, description="Of this file format: 1.")
    agents: Mapping[AgentName, DeclaredAgent] = Field(description="Every agent by the name they sign in with.")


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one agent."""

    name: str
    is_new: bool
    declared: DeclaredAgent
    levels: Mapping[str, int]
    without: tuple[str, ...]  #: skills that are taken away
    told: tuple[str, ...]  #: in plain English


def load(path: Path, staff: Staff) -> AgentsFile:
    """Agents from a file. Raises Misconfigured with every fault of it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        raise Misconfigured(f"{path}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise Misconfigured(f"{path}: is not UTF-8 from byte {fault.start + 1} on; save it as UTF-8") from fault
    root, faults = parse(text, str(path))
    built, more = build(root, AgentsFile) if root else (None, [])
    if built is not None and root is not None:
        more = [*more, *(root.at(loc).fault(code, message) for loc, code, message in _broken(built, staff))]
    if built is None or faults or more:
        every = Faults([*faults, *more])
        raise Misconfigured(str(every)) from every
    return built


def _broken(file: AgentsFile, staff: Staff) -> Iterator[Misspelling]:
    phones: dict[str, str] = {}
    for name, agent in file.agents.items():
        at = ("agents", name)
        if agent.team is not None and agent.team not in staff.teams:
            known = close_match(agent.team, staff.teams)
            yield (*at, "team"), "unknown-team", f"no team '{agent.team}' in `staff.teams`{known}"
        for skill in agent.skills:
            if not staff.knows(skill):
                yield (*at, "skills", skill), "unknown-skill", staff.advice(skill)
        if not agent.levels(staff):
            yield at, "no-skills", "an agent needs skills, or a team that has some"
        if agent.phone in phones:
            yield (*at, "phone"), "repeated", f"{phones[agent.phone]} has this phone"
        phones.setdefault(agent.phone, name)


def changes(file: AgentsFile, staff: Staff, cards: Sequence[AgentCard]) -> tuple[Change, ...]:
    """What has to change so that the agents of the file are as it says, by name. Those of no file stay as they are."""
    there = {card.name: card for card in cards}
    found = []
    for name, agent in sorted(file.agents.items()):
        levels, card = agent.levels(staff), there.get(name)
        without = tuple(sorted(set(card.skills) - set(levels))) if card is not None else ()
        told = tuple(_told(agent, levels, without, card))
        if told:
            found.append(Change(name, card is None, agent, levels, without, told))
    return tuple(found)


def _told(
    agent: DeclaredAgent, levels: Mapping[str, int], without: Sequence[str], card: AgentCard | None
) -> Iterator[str]:
    if card is None:
        spoken = " ".join(f"{skill}={level}" for skill, level in sorted(levels.items()))
        yield f"new: {agent.full_name}, {agent.phone}, {agent.team or 'no team'}, {spoken}"
        return
    for what, now, then in (
        ("full name", card.full_name, agent.full_name),
        ("phone", card.phone, agent.phone),
        ("team", card.team or "none", agent.team or "none"),
    ):
        if now != then:
            yield f"{what}: {now} → {then}"
    for skill, level in sorted(levels.items()):
        if card.skills.get(skill) != level:
            yield f"skill {skill}: {card.skills.get(skill, '–')} → {level}"
    yield from (f"skill {skill}: {card.skills[skill]} → –" for skill in without)
