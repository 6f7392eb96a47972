"""The floor as the decision keeps it: who waits and who is ready, changed event by event."""

from dataclasses import dataclass

from routing.agent import Agent
from routing.line import Group, Line, Place
from routing.need import Need, NeedState
from routing.policy import Policy
from routing.pool import Kinds, Pool, narrow_first
from routing.reach import within_reach
from routing.skills import alternatives, fits
from routing.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Match:
    """A need and the agent who serves it best, or the other way round."""

    need_id: int
    agent_id: int


class Floor:
    """Waiting needs and ready agents, indexed so that one event is decided without looking at everybody.

    A freed agent takes the need most overdue of those they may serve; a need takes the agent who fits it best. A need
    that wants one agent waits for them alone up to its limit, while they are at work and fit.
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.kinds = Kinds()
        self.pool = Pool(self.kinds)
        self.line = Line(self.kinds)
        self.agents: dict[int, Agent] = {}
        self._kind: dict[int, int] = {}  # of ready agents

    @classmethod
    def of(cls, snapshot: Snapshot, now: float, policy: Policy | None = None) -> "Floor":
        """The floor that a snapshot shows."""
        floor = cls(policy)
        for agent in narrow_first(snapshot.agents):
            floor.agent_is(agent, now)
        for need in sorted(within_reach(snapshot.needs, snapshot.agents), key=Need.place):
            floor.need_is(need, now)
        return floor

    # --- what happens -----------------------------------------------------------------------------------------------

    def agent_is(self, agent: Agent, now: float) -> None:
        """An agent has come, or is another than before."""
        before = self.agents.get(agent.id)
        if before is not None and before.is_free:
            self.pool.take(before, self._kind.pop(agent.id))
        self.agents[agent.id] = agent
        kind = self.kinds.number(agent.skills)  # also who is not ready: soon they are
        if agent.is_free:
            self._kind[agent.id] = kind
            self.pool.put(agent, kind)
        self._look_again(agent.id, now)

    def agent_left(self, agent_id: int, now: float) -> None:
        """An agent has logged out."""
        before = self.agents.pop(agent_id, None)
        if before is not None and before.is_free:
            self.pool.take(before, self._kind.pop(agent_id))
        self._look_again(agent_id, now)

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

    def for_need(self, need_id: int, now: float) -> Match | None:
        """The agent for a need that has just come, or become another; None when it has to wait."""
        self.pass_time(now)
        need = self.line.needs.get(need_id)
        if need is None or not self.pool.size:
            return None
        agent_id = self.agent_for(need, self.line.group_of(need, now), self.pool, now)
        return None if agent_id is None else Match(need_id, agent_id)

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
        free = (agent.since, agent.id) in pool.ready[self._kind[agent.id]]
        return agent.id if free and self.may_serve(agent, need, now) else None

    def for_agent(self, agent_id: int, now: float) -> Match | None:
        """The need for an agent who has just become ready; None when nobody waits whom they may serve."""
        self.pass_time(now)
        kind = self._kind.get(agent_id)
        if kind is None:
            return None
        line = self.line
        best: Place | None = None
        missed: Place | None = None  # who waits for somebody else, since this agent has missed them
        for group in line.served_by(kind):
            if not group.waiting:
                continue
            for place in group.waiting:
                if best is not None and place > best:
                    break
                need = line.needs[place[1]]
                if agent_id in need.never:
                    continue
                if agent_id not in need.not_agents:
                    best = place
                    break
                missed = place if missed is None else min(missed, place)
        for since, need_id in line.held.get(agent_id, ())[:1]:
            forward = (since - self.policy.wanted_s, need_id)
            best = forward if best is None else min(best, forward)
        best = best or missed
        return None if best is None else Match(best[1], agent_id)

    def is_ready(self, agent_id: int) -> bool:
        """Whether an agent is there and ready."""
        return agent_id in self._kind

    def kind_of(self, agent_id: int) -> int:
        """The kind of a ready agent."""
        return self._kind[agent_id]
