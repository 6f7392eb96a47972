"""Complaints as they are decided on: a lower level will do only while nobody at work has the one that is asked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from routing.agent import Agent
from routing.need import Need
from routing.skills import LANGUAGE, fits


@dataclass(slots=True)
class _AtWork:
    """Who is at work, by a skill and what else is asked: level and id, the highest first; looked up once for each."""

    agents: Sequence[Agent]
    found: dict[tuple[str, frozenset[tuple[str, int]]], list[tuple[int, int]]] = field(default_factory=dict)

    def best(self, skill: str, others: Mapping[str, int], but: frozenset[int]) -> int:
        """The best level of a skill at work with all others that are asked, without some agents; 0 when nobody is."""
        key = (skill, frozenset(others.items()))
        if key not in self.found:
            able = [one for one in self.agents if one.may_be_waited_for and fits(one.skills, others)]
            self.found[key] = sorted(((one.skills.get(skill, 0), one.id) for one in able), reverse=True)
        return next((level for level, id_ in self.found[key] if id_ not in but), 0)


def besides(skill: str, required: Mapping[str, int], language: str) -> dict[str, int]:
    """What is asked of whoever decides a complaint besides the skill that stands for authority."""
    return {f"{LANGUAGE}{language}": 1} | {one: level for one, level in required.items() if level > 0 and one != skill}


def within_reach(needs: Iterable[Need], agents: Sequence[Agent]) -> tuple[Need, ...]:
    """Needs without the rungs that nobody needs, as it is with these agents. Doing it again changes nothing."""
    at_work = _AtWork(agents)
    return tuple(need if need.terms.authority is None else _within_reach(need, at_work) for need in needs)


def _within_reach(need: Need, at_work: _AtWork) -> Need:
    asked = need.terms.authority
    if asked is None or not asked.rungs:
        return need
    best = at_work.best(asked.skill, besides(asked.skill, need.required, need.language), need.never)
    return replace(need, terms=replace(need.terms, authority=asked.reachable(best)))
