"""What supervisors see of a queue, and what alarms them."""

import pytest

from routing.agent import AgentState
from routing.wall import AgentOnWall, Alarm, QueueCounts, QueueOnWall, queue_on_wall

NOW = 1_790_000_000.0
GENERAL = {"general": 5}


def agents(*states: AgentState, skills: dict[str, int] = GENERAL) -> list[AgentOnWall]:
    return [AgentOnWall(n, f"a{n}", f"A {n}", state, NOW, skills) for n, state in enumerate(states, start=1)]


def line(counts: QueueCounts, staff: list[AgentOnWall], *, is_open: bool = True) -> QueueOnWall:
    return queue_on_wall("general", counts, staff, required={"general": 3}, goal_s=20, is_open=is_open, now=NOW)


def test_only_agents_who_fit_a_queue_are_counted_in_it_and_each_by_what_they_do() -> None:
    fits = agents(*AgentState)
    weak = agents(AgentState.READY, skills={"general": 2})
    other = agents(AgentState.READY, skills={"cards": 9})
    seen = line(QueueCounts(), fits + weak + other)
    assert (seen.ready, seen.busy, seen.wrap_up, seen.paused) == (1, 2, 1, 2)


@pytest.mark.parametrize(
    ("waited", "staff", "is_open", "alarms"),
    [
        (None, [AgentState.READY], True, ()),
        (20.0, [AgentState.READY], True, ()),
        (20.1, [AgentState.READY], True, (Alarm.OVER_GOAL,)),
        (5.0, [AgentState.BUSY], True, (Alarm.NOBODY_READY,)),
        (30.0, [AgentState.PAUSED], True, (Alarm.OVER_GOAL, Alarm.NOBODY_READY, Alarm.NOBODY_THERE)),
        (None, [AgentState.PAUSED], True, (Alarm.NOBODY_THERE,)),
        (None, [], False, ()),
    ],
)
def test_a_queue_alarms_when_somebody_waits_too_long_or_nobody_could_take_them(
    waited: float | None, staff: list[AgentState], is_open: bool, alarms: tuple[Alarm, ...]
) -> None:
    counts = QueueCounts() if waited is None else QueueCounts(waiting=1, waiting_since=NOW - waited)
    assert line(counts, agents(*staff), is_open=is_open).alarms == alarms


def test_the_service_level_is_of_those_who_were_answered_or_left() -> None:
    counts = QueueCounts(came=20, answered=10, in_time=9, abandoned=2)
    assert line(counts, []).service_level == pytest.approx(9 / 12)
    assert line(QueueCounts(came=3), []).service_level is None, "nothing is decided yet"
