"""Does this agent fit this need, and if not, which requirement fails."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from routing.need import Need

#: Level of the skill `complaints` that a complaint of this tier asks for where no `authority` says so; tier 1 asks no
#: more than its queue does.
TIER_LEVELS = {1: 0, 2: 4, 3: 7}


#: Skills that begin so are languages: one for each that calls are in; nobody is a senior for speaking one well.
LANGUAGE = "lang:"


@dataclass(frozen=True, slots=True)
class Missing:
    """A requirement that an agent does not meet."""

    skill: str
    asked: int  #: least level
    level: int  #: the agent's, 0 when they lack the skill

    def __str__(self) -> str:
        return f"{self.skill} {self.level}, asked {self.asked}"


def asked_of_agent(need: Need) -> dict[str, int]:
    """Every skill with the least level that this need asks for: required, language and complaint tier."""
    asked = {skill: level for skill, level in need.required.items() if level > 0}
    language = f"{LANGUAGE}{need.language}"
    asked[language] = max(asked.get(language, 0), 1)
    skill, level = authority_of(need)
    if level > 0:
        asked[skill] = max(asked.get(skill, 0), level)
    return asked


def authority_of(need: Need) -> tuple[str, int]:
    """The skill that stands for authority over complaints, and the level that the need asks for; 0 for none."""
    if need.terms.authority is not None:
        return need.terms.authority.skill, need.terms.authority.level
    return "complaints", TIER_LEVELS[min(max(need.tier, 1), max(TIER_LEVELS))]


def alternatives(need: Need, now: float) -> tuple[dict[str, int], ...]:
    """What the need asks for at this moment: its own softened wish first, then other languages, then overflow.

    The tier of a complaint is never softened: it stands for authority. Only where nobody at work has the level, lower
    ones will do after a while.
    """
    terms, age = need.terms, now - need.since
    lowered = terms.authority.lowered(age) if terms.authority is not None else ()
    if not terms.softening and not terms.overflow and not lowered:
        return (asked_of_agent(need),)
    required, languages = dict(need.required), [need.language]
    for step in terms.softening[: terms.steps(age, len(need.not_agents))]:
        required |= {skill: level for skill, level in step.skills.items() if level < required.get(skill, 0)}
        languages += [language for language in step.languages if language not in languages]
    asked = [asked_of_agent(replace(need, required=required, language=language)) for language in languages]
    for way in terms.overflow:
        if way.after_s <= age and (way.until_s is None or age < way.until_s):
            asked += [asked_of_agent(replace(need, required=way.required, language=one)) for one in languages]
    if terms.authority is not None:
        skill = terms.authority.skill
        asked += [
            one | {skill: max(required.get(skill, 0), level)} for level in lowered for one in asked[: len(languages)]
        ]
    return tuple(asked)


def missing(skills: Mapping[str, int], asked: Mapping[str, int]) -> tuple[Missing, ...]:
    """What an agent with these skills lacks, in the order asked; empty when they fit."""
    return tuple(
        Missing(skill, level, skills.get(skill, 0)) for skill, level in asked.items() if skills.get(skill, 0) < level
    )


def fits(skills: Mapping[str, int], asked: Mapping[str, int]) -> bool:
    """Whether an agent with these skills meets everything that is asked."""
    return all(skills.get(skill, 0) >= level for skill, level in asked.items())
