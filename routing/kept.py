"""A floor that is kept from round to round: only what differs from the last picture is changed."""

from collections.abc import Iterable

from routing.agent import Agent
from routing.floor import Floor
from routing.need import Need
from routing.policy import Policy
from routing.reach import within_reach
from routing.snapshot import Snapshot

#: A floor is made anew after so many seconds, whatever it has seen: what nobody thought of lasts no longer.
MOST_AGE_S = 60.0


class KeptFloor:
    """Shows pictures on one floor, which decides on each as a floor made anew for it would.

    It is made anew when there is doubt: after a fault, when the clock has gone back, when there are more kinds of
    agents than are compared with each other and one more has come (they are compared narrow ones first, and a floor
    numbers them when it is made), and when most is new anyway.
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self._floor: Floor | None = None
        self._needs: dict[int, Need] = {}
        self._made_at = self._shown_at = float("-inf")
        self._kinds = 0
        self.made = 0  #: how often it was made anew

    def show(self, snapshot: Snapshot, more: Iterable[Need], now: float) -> Floor:
        """The floor with everybody in a picture, and with further needs."""
        needs = {need.id: need for need in within_reach((*snapshot.needs, *more), snapshot.agents)}
        kept, self._floor = self._floor, None  # a fault on the way leaves none
        if (
            kept is None
            or now < self._shown_at
            or now - self._made_at >= MOST_AGE_S
            or not self._update(kept, snapshot.agents, needs, now)
        ):
            kept = Floor.of(Snapshot(tuple(needs.values()), snapshot.agents, now), now, self._policy)
            self._made_at, self._kinds, self.made = now, len(kept.kinds), self.made + 1
        self._floor, self._needs, self._shown_at = kept, needs, now
        return kept

    def _update(self, floor: Floor, agents: tuple[Agent, ...], needs: dict[int, Need], now: float) -> bool:
        """Change what differs; False, and perhaps half done, when the floor had better be made anew."""
        known = floor.agents
        changed = [agent for agent in agents if (was := known.get(agent.id)) is not agent and was != agent]
        left = known.keys() - {agent.id for agent in agents}
        before = self._needs
        moved = [need for need in needs.values() if (old := before.get(need.id)) is not need and old != need]
        gone = before.keys() - needs.keys()
        if 2 * (len(changed) + len(left) + len(moved) + len(gone)) > len(known) + len(before):
            return False
        for agent_id in left:
            floor.agent_left(agent_id, now)
        for agent in changed:
            floor.agent_is(agent, now)
        for need_id in gone:
            floor.need_left(need_id)
        for need in moved:
            floor.need_is(need, now)
        kinds = len(floor.kinds)
        return kinds == self._kinds or kinds <= self._policy.looked_at
