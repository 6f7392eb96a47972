"""Complaints as they are decided on: a lower level will do only while nobody at work has the one that is asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from routing.agent import Agent
from routing.need import Need


@dataclass(slots=True)
class _AtWork:
    """Who is at work, by skill and language: level and id, the highest level first; looked up once for each."""

    agents: Sequence[Agent]
    found: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)

    def best(self, skill: str, language: str, but: frozenset[int]) -> int:
        """The best level of a skill at work in a language, without some agents; 0 when nobody has it."""
        key = (skill, f"lang:{language}")
        if key not in self.found:
            able = [one for one in self.agents if one.may_be_waited_for and one.skills.get(key[1], 0)]
            self.found[key] = sorted(((one.skills.get(skill, 0), one.id) for one in able), reverse=True)
        return next((level for level, id_ in self.found[key] if id_ not in but), 0)


def within_reach(needs: Iterable[Need], agents: Sequence[Agent]) -> tuple[Need, ...]:
    """Needs without the rungs that nobody needs, as it is with these agents. Doing it again changes nothing."""
    at_work = _AtWork(agents)
    return tuple(need if need.terms.authority is None else _within_reach(need, at_work) for need in needs)


def _within_reach(need: Need, at_work: _AtWork) -> Need:
    asked = need.terms.authority
    if asked is None or not asked.rungs:
        return need
    best = at_work.best(asked.skill, need.language, need.never)
    return replace(need, terms=replace(need.terms, authority=asked.reachable(best)))
