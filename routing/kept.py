"""A floor that is kept from round to round: only what differs from the last picture is changed."""

from collections.abc import Iterable

from routing.agent import Agent
from routing.differences import differences
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
        self._shown: tuple[tuple[Agent, ...], tuple[Need, ...]] = ((), ())  # as shown last
        self._needs: dict[int, Need] = {}  # as they are on the floor
        self._complaints: dict[int, Need] = {}  # those shown that may ask for less, whenever agents come or go
        self._made_at = self._shown_at = float("-inf")
        self._kinds = 0
        self.made = 0  #: how often it was made anew

    def show(self, snapshot: Snapshot, more: Iterable[Need], now: float) -> Floor:
        """The floor with everybody in a picture, and with further needs."""
        added = tuple(more)
        agents = snapshot.agents
        needs = snapshot.needs + added if added else snapshot.needs  # the very tuple, when nobody is added
        kept, self._floor = self._floor, None  # a fault on the way leaves none
        if (
            kept is None
            or now < self._shown_at
            or now - self._made_at >= MOST_AGE_S
            or not self._update(kept, agents, needs, now)
        ):
            kept = self._make(agents, needs, now)
        kept.pool.demand = snapshot.demand
        self._floor, self._shown, self._shown_at = kept, (agents, needs), now
        return kept

    def _make(self, agents: tuple[Agent, ...], needs: tuple[Need, ...], now: float) -> Floor:
        floor = Floor.of(Snapshot(needs, agents), now, self._policy)
        self._needs = {need.id: need for need in within_reach(needs, agents)}
        self._complaints = {need.id: need for need in needs if _may_ask_for_less(need)}
        self._made_at, self._kinds, self.made = now, len(floor.kinds), self.made + 1
        return floor

    def _update(self, floor: Floor, agents: tuple[Agent, ...], needs: tuple[Need, ...], now: float) -> bool:
        """Change what differs; False, and perhaps half done, when the floor had better be made anew."""
        changed, left = differences(agents, self._shown[0])
        fresh, gone = differences(needs, self._shown[1])
        for need_id in (*gone, *(need.id for need in fresh)):
            self._complaints.pop(need_id, None)
        self._complaints.update({need.id: need for need in fresh if _may_ask_for_less(need)})
        shown = [need for need in fresh if need.id not in self._complaints]
        shown += within_reach(self._complaints.values(), agents)
        moved = [need for need in shown if self._needs.get(need.id) != need]
        if 2 * (len(changed) + len(left) + len(moved) + len(gone)) > len(floor.agents) + len(self._needs):
            return False
        for agent_id in left:
            floor.agent_left(agent_id, now)
        for agent in changed:
            floor.agent_is(agent, now)
        for need_id in gone:
            del self._needs[need_id]
            floor.need_left(need_id)
        for need in moved:
            self._needs[need.id] = need
            floor.need_is(need, now)
        kinds = len(floor.kinds)
        return kinds == self._kinds or kinds <= self._policy.looked_at


def _may_ask_for_less(need: Need) -> bool:
    return need.terms.authority is not None and bool(need.terms.authority.rungs)
