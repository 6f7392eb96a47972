"""How often each skill is asked for: what an agent's other skills are worth to callers who are still to come."""

from collections.abc import Iterable, Mapping

from routing.skills import LANGUAGE

#: Needs are counted over so many seconds, and no more than so many, the newest.
LATELY_S, MOST_COUNTED = 3600.0, 10_000
#: How long a count serves, seconds.
COUNT_EVERY_S = 60.0


def demand_of(asked: Iterable[tuple[Mapping[str, int], str, int]]) -> dict[str, float]:
    """By skill, languages among them, how many needs asked for it; from what needs required, their language, and how
    many were alike."""
    found: dict[str, float] = {}
    for required, language, count in asked:
        for skill in {f"{LANGUAGE}{language}", *(skill for skill, level in required.items() if level > 0)}:
            found[skill] = found.get(skill, 0.0) + count
    return found


def is_stale(counted_at: float, now: float) -> bool:
    """Whether to count anew: a count is too old, or the clock has gone back."""
    return not 0 <= now - counted_at < COUNT_EVERY_S
