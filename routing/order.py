"""In which order those who wait are served: how overdue they are, and what puts their line forward.

Who asks for the same stands in one line and is served in its order. Between lines it counts besides whether the first
in line can still be answered within the goal, and how many wait for each agent at work: so more callers are answered
in time, and no line is left behind by the others (compare queue-and-idleness-ratio control: Gurvich and Whitt,
Manufacturing & Service Operations Management 11(2), 2009). Both are seconds on the scale of age, credit and goal, so
nobody starves: `routing.policy.bound_s`. Neither takes anything from priority: who has more credit is put forward at
least as far as every line whose first has less.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import accumulate

from routing.floor import Floor
from routing.line import Group, Standing
from routing.policy import Policy

#: When somebody's turn is on the scale of overdue-ness, who it is, and the line they stand in.
Turn = tuple[float, int, Group]


@dataclass(slots=True)
class _Line:
    """Those who wait in one line, of whom there is one at least, and how far all of them are put forward."""

    group: Group
    waiting: Sequence[Standing]
    ahead_s: float


@dataclass(slots=True)
class _Least:
    """How far at least somebody is put forward: as far as every line whose first has less credit."""

    credits: list[float]  #: of the first in line, ascending
    ahead_s: list[float]  #: the most of all up to there

    @classmethod
    def by(cls, lines: Sequence[_Line]) -> "_Least":
        """As these lines are put forward."""
        firsts = sorted((one.waiting[0][3], one.ahead_s) for one in lines)
        return cls([credit_s for credit_s, _ in firsts], list(accumulate((ahead_s for _, ahead_s in firsts), max)))

    def of(self, credit_s: float) -> float:
        """The least for somebody with this credit."""
        below = bisect_left(self.credits, credit_s)
        return self.ahead_s[below - 1] if below else 0.0


def in_order(floor: Floor, groups: Sequence[Group], now: float) -> Iterator[Turn]:
    """Everybody in these groups, and who waits for one ready agent alone, in the order in which they are served."""
    line, policy = floor.line, floor.policy
    crowds = [len(group.waiting) / floor.at_work(group) for group in groups]
    most = max(crowds, default=1.0)
    lines = [
        _Line(group, group.waiting, policy.crowded_s * crowd / most + _in_time_s(group.waiting[0], policy, now))
        for group, crowd in zip(groups, crowds, strict=True)
    ]
    alone_s = policy.wanted_s + policy.crowded_s  # theirs is a line for one agent
    lines += [
        _Line(line.group_of(line.needs[one[1]], now), (one,), alone_s + _in_time_s(one, policy, now))
        for agent_id, held in line.held.items()
        if floor.is_ready(agent_id)
        for one in held
    ]
    least = _Least.by(lines)
    return merge(*(_turns(one, least) for one in lines))


def _in_time_s(first: Standing, policy: Policy, now: float) -> float:
    return policy.in_time_s if now <= first[2] else 0.0


def _turns(line: _Line, least: _Least) -> Iterator[Turn]:
    """One line, put forward; never in another order than it stands in."""
    turn = float("-inf")
    for place, need_id, _, credit_s in line.waiting:
        turn = max(turn, place - max(line.ahead_s, least.of(credit_s)))
        yield turn, need_id, line.group
