"""The floor as the decision keeps it: who waits and who is ready, changed event by event."""

from bisect import bisect_left, insort
from dataclasses import dataclass

from routing.agent import Agent
from routing.headcount import Headcount
from routing.line import Group, Line
from routing.need import Need, NeedState
from routing.policy import Policy
from routing.pool import Kinds, Pool, narrow_first
from routing.reach import within_reach
from routing.skills import alternatives, fits
from routing.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Match:
    """A need and the agent who serves it."""

    need_id: int
    agent_id: int
    forward_s: float = 0.0  #: how far the need was put forward, on the scale of overdue-ness


class Floor:
    """Waiting needs and ready agents, indexed so that one event is decided without looking at everybody.

    A need takes the agent who fits it best. One that wants one agent waits for them alone up to its limit, while they
    are at work and fit.
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.kinds = Kinds()
        self.pool = Pool(self.kinds)
        self.line = Line(self.kinds)
        self.agents: dict[int, Agent] = {}
        self.by_idle: list[tuple[bool, float, int]] = []  #: not free, since, id: who is free and idle longest first
        self._kind: dict[int, int] = {}  # of ready agents
        self.at_work = Headcount()  #: agents at work
        self._counted: dict[int, int] = {}  # agent at work → the kind that they are counted as

    @classmethod
    def of(cls, snapshot: Snapshot, now: float, policy: Policy | None = None) -> "Floor":
        """The floor that a snapshot shows."""
        floor = cls(policy)
        floor.pool.demand = snapshot.demand
        for agent in narrow_first(snapshot.agents):
            floor.agent_is(agent, now)
        for need in sorted(within_reach(snapshot.needs, snapshot.agents), key=Need.place):
            floor.need_is(need, now)
        return floor

    # --- what happens -----------------------------------------------------------------------------------------------

    def agent_is(self, agent: Agent, now: float) -> None:
        """An agent has come, or is another than before."""
        before = self.agents.get(agent.id)
        self._take(before)
        self.agents[agent.id] = agent
        insort(self.by_idle, _idle(agent))
        kind = self._counted.get(agent.id)
        if kind is None or before is None or before.skills != agent.skills:
            kind = self.kinds.number(agent.skills)  # also who is not ready: soon they are
        self._count(agent.id, kind if agent.may_be_waited_for else None)
        if agent.is_free:
            self._kind[agent.id] = kind
            self.pool.put(agent, kind)
        self._look_again(agent.id, now)

    def agent_left(self, agent_id: int, now: float) -> None:
        """An agent has logged out."""
        before = self.agents.pop(agent_id, None)
        self._take(before)
        self._count(agent_id, None)
        self._look_again(agent_id, now)

    def _take(self, before: Agent | None) -> None:
        """An agent is no more as they were."""
        if before is None:
            return
        del self.by_idle[bisect_left(self.by_idle, _idle(before))]
        if before.is_free:
            self.pool.take(before, self._kind.pop(before.id))

    def _count(self, agent_id: int, kind: int | None) -> None:
        """An agent is at work and of this kind, or is not."""
        was = self._counted.get(agent_id)
        if was == kind:
            return
        if was is not None:
            self.at_work.drop(was)
            del self._counted[agent_id]
        if kind is not None:
            self.at_work.add(kind)
            self._counted[agent_id] = kind

    def need_is(self, need: Need, now: float) -> None:
        """A need has come, or is another than before."""
        self.line.take(need.id)
        if need.state is NeedState.WAITING:
            self.line.put(need, now, held=self._is_held(need, now))

    def need_left(self, need_id: int) -> None:
        """A need waits no more."""
        self.line.take(need_id)

    def pass_time(self, now: float) -> None:
        """Needs whose time has come ask for less, or wait no longer for one agent."""
        for need_id in list(self.line.due(now)):
            need = self.line.take(need_id)
            if need is not None:
                self.line.put(need, now, held=self._is_held(need, now))

    def _look_again(self, agent_id: int, now: float) -> None:
        for need_id in tuple(self.line.wanting.get(agent_id, ())):
            need = self.line.needs[need_id]
            if self.line.is_held(need_id) != self._is_held(need, now):
                self.need_is(need, now)

    def _is_held(self, need: Need, now: float) -> bool:
        terms = need.terms
        if terms.agent_id is None or now - need.since >= terms.agent_wait_s or terms.agent_id in need.avoided:
            return False
        agent = self.agents.get(terms.agent_id)
        return agent is not None and agent.may_be_waited_for and self.may_serve(agent, need, now)

    # --- what is decided --------------------------------------------------------------------------------------------

    def may_serve(self, agent: Agent, need: Need, now: float) -> bool:
        """Whether an agent meets what a need asks for now."""
        return agent.id not in need.never and any(fits(agent.skills, one) for one in alternatives(need, now))

    def agent_for(self, need: Need, group: Group, pool: Pool, now: float) -> int | None:
        """The best of the agents in a pool for a need; who has missed it only when nobody else is there.

        Who has refused it is not asked again."""
        wanted = self.wanted(need, pool, now)
        if wanted is not None or self.line.is_held(need.id):
            return wanted
        for but in (need.avoided, need.never) if need.not_agents else (need.never,):
            for asked, fit in zip(group.asked, group.fits(self.kinds), strict=True):
                if fit & pool.free:
                    agent_id = pool.best(fit, asked, group.preferred, group.most_level, but, self.policy.looked_at)
                    if agent_id is not None:
                        return agent_id
        return None

    def wanted(self, need: Need, pool: Pool, now: float) -> int | None:
        """The agent whom the need wants, when they are in the pool and may serve it."""
        agent = self.agents.get(need.terms.agent_id) if need.terms.agent_id is not None else None
        if agent is None or agent.id in need.avoided or agent.id not in self._kind:
            return None
        free = (agent.since, agent.id) in pool.of(self._kind[agent.id])
        return agent.id if free and self.may_serve(agent, need, now) else None

    def is_ready(self, agent_id: int) -> bool:
        """Whether an agent is there and ready."""
        return agent_id in self._kind

    def kind_of(self, agent_id: int) -> int:
        """The kind of a ready agent."""
        return self._kind[agent_id]


def _idle(agent: Agent) -> tuple[bool, float, int]:
    return not agent.is_free, agent.since, agent.id
