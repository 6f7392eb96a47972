"""Pauses that last longer than their reason allows."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from ivr.pause_alarms import PauseAlarms
from ivr.ports import AgentCard
from ivr.staff import PauseReason, Staff
from ivr.testing.clock import FakeClock
from ivr.testing.pops import an_agent
from routing.agent import AgentState

STAFF = Staff(
    pauses={
        "break": PauseReason(name={"en": "Break"}, most_minutes=15),
        "training": PauseReason(name={"en": "Training"}),
    }
)


class Roster:
    """Everybody, as the test says."""

    def __init__(self, *cards: AgentCard) -> None:
        self.cards = cards

    async def all(self) -> Sequence[AgentCard]:
        """Every agent."""
        return self.cards


async def test_only_a_pause_beyond_its_limit_alarms_and_ends_with_the_pause() -> None:
    clock, registry = FakeClock(), CollectorRegistry()
    now = clock.now()
    roster = Roster(
        an_agent(now, since=now),
        an_agent(now, id=2, name="tom", since=now - 9e5, pause_reason="training"),
        an_agent(now, id=3, name="ann", since=now - 9e5, pause_reason="desk_lost"),
        an_agent(now, id=4, name="ben", since=now - 9e5, state=AgentState.READY, pause_reason=None),
    )
    alarms = PauseAlarms(roster, STAFF, clock, registry)

    def over() -> float | None:
        return registry.get_sample_value("ringwise_pauses_over", {"reason": "break"})

    clock.advance(15 * 60)
    await alarms.look()
    assert over() is None
    clock.advance(1)
    await alarms.look()
    assert over() == 1
    assert [card.name for card in alarms.over.values()] == ["grace"]
    roster.cards = (an_agent(now, since=clock.now(), state=AgentState.READY, pause_reason=None),)
    await alarms.look()
    assert over() is None
