"""Needs and offers in memory: the rules of `models.moves` on rows in dictionaries."""

from collections.abc import Collection, Mapping, Sequence

from ivr.ports import NeedWish, Standing, Swept
from ivr.testing.store import MemoryStore
from models import late_answers, moves, phones
from models.call_entries import PROVISIONAL
from models.fallen import WAITING
from models.locks import CALL
from models.mending import close_anyway, end_anyway, lapse
from models.strays import GRACE_S, NODE_LOST_S, is_on_our_switch, is_orphaned, is_there
from models.sweep import MOST_EXPIRED, ending_of, is_gone, is_over
from models.tables import AgentRow, CallRow, NeedRow, OfferRow, PhoneRow
from routing.agent import AT_WORK, AgentEvent, AgentState
from routing.call import CallState
from routing.callback import in_line
from routing.decision import Decision
from routing.demand import LATELY_S, demand_of, is_stale
from routing.errors import IllegalMove, StoreAway
from routing.need import Need, NeedState
from routing.offer import Claimed, Lost, OfferEvent, OfferState
from routing.phone import PhonesNoted, PhoneState, trouble
from routing.set_aside import USUAL, OfferRules
from routing.snapshot import Snapshot
from routing.talk import talk_of


def _is_of(call: CallRow, ani: str | None, customer_id: int | None) -> bool:
    if customer_id is not None:
        return call.customer_id == customer_id
    return ani is not None and call.ani == ani


class MemoryExchange:
    """Twin of `models.claims.Claims` (port Exchange)."""

    def __init__(self, store: MemoryStore | None = None, node: str | None = None, rules: OfferRules = USUAL) -> None:
        self.store = store or MemoryStore()
        self._node = node
        self._rules = rules
        self._demand: Mapping[str, float] = {}
        self._counted_at = float("-inf")

    async def open_need(self, call_id: str, wish: NeedWish, *, now: float) -> Need:
        """State a need; an open one is kept with its age."""
        store = self.store
        store.reach()
        need = store.open_need(call_id)
        if need is not None:
            moves.restate(need, wish)
            return moves.need_of(need)
        call = store.calls.get(call_id)
        if call is None:
            raise StoreAway(f"the record of call {call_id} is not stored yet")
        theirs = [one for one in store.needs.values() if one.call_id == call_id and one.kind == CALL]
        if call.reason in PROVISIONAL:
            call.state, call.ended_at, call.result, call.reason = CallState.WAITING.value, None, None, None
        need = moves.stated(call_id, wish, moves.waiting_since(theirs[-1] if theirs else None, now))
        need.id, need.closed_at = store.next_id("needs", store.needs), None
        store.needs[need.id] = need
        return moves.need_of(need)

    async def standing(self, call_id: str, *, now: float) -> Standing | None:
        """How the call stands."""
        store = self.store
        store.reach()
        need = store.open_need(call_id)
        if need is None:
            return None
        offer = next((o for o in store.open_offers() if o.need_id == need.id), None)
        mine = moves.need_of(need).place()
        ahead = [
            other
            for other in store.needs.values()
            if other.closed_at is None
            and other.state != NeedState.TALKING
            and other.queue == need.queue
            and moves.need_of(other).place() < mine
        ]
        return Standing(
            position=1 + len(ahead) + self._wishes_before(need, now),
            since=need.since,
            offer=None if offer is None else moves.claimed_of(offer, store.agents[offer.agent_id]),
            queue=need.queue,
            answered=offer is not None and offer.state == OfferState.ANSWERED,
            talk=talk_of(None if offer is None else offer.talk),
        )

    def _wishes_before(self, need: NeedRow, now: float) -> int:
        connected = {one.call_id for one in self.store.needs.values() if one.closed_at is None}
        place, _ = moves.need_of(need).place()
        wishes = (wish for wish in in_line(self.store.wishes(now), now) if wish.call_id not in connected)
        return sum(wish.wish.queue == need.queue and wish.as_need().place()[0] <= place for wish in wishes)

    async def close_need(self, call_id: str, outcome: str, *, now: float) -> None:
        """Close the call's open need."""
        if outcome not in moves.OUTCOMES:
            raise ValueError(f"a need cannot be closed as {outcome!r}")
        store = self.store
        store.reach()
        need = store.open_need(call_id)
        if need is None or self._node not in (None, store.calls[call_id].node):
            return
        self._close_need(need, outcome, now)

    async def is_first(self, node: str, *, now: float) -> bool:
        """Whether no node lives whose name comes before."""
        self.store.reach()
        return not any(one.name < node and one.seen_at >= now - NODE_LOST_S for one in self.store.nodes.values())

    async def give_up(self, call_ids: Collection[str], *, now: float) -> None:
        """Close the waiting needs of these calls as lost."""
        store = self.store
        store.reach()
        for need in (store.open_need(call_id) for call_id in call_ids):
            if need is not None and need.state in WAITING:
                self._close_need(need, "lost", now)

    def _close_need(self, need: NeedRow, outcome: str, now: float) -> None:
        for offer in self.store.open_offers():
            if offer.need_id == need.id and offer.state != OfferState.ANSWERED:
                agent = self.store.agents[offer.agent_id]
                moves.end(need, agent, offer, OfferEvent.WITHDRAW, now=now, wrap_up_s=0)
        moves.close(need, outcome, now)

    async def last_agent(self, ani: str | None, customer_id: int | None, *, since: float) -> int | None:
        """The agent whom they talked to last."""
        store = self.store
        store.reach()
        talked = [
            (offer.answered_at, offer.id, offer.agent_id)
            for offer in store.offers.values()
            if offer.answered_at is not None
            and offer.answered_at >= since
            and store.needs[offer.need_id].kind == CALL
            and _is_of(store.calls[offer.call_id], ani, customer_id)
        ]
        return max(talked)[2] if talked else None

    async def snapshot(self, *, now: float) -> Snapshot:
        """All open needs and all agents who are not logged out."""
        store = self.store
        store.reach()
        return Snapshot(
            tuple(moves.need_of(need) for need in store.needs.values() if need.closed_at is None),
            tuple(
                moves.agent_of(
                    agent,
                    store.skills[agent.id] if agent.state in AT_WORK else {},
                    trouble(store.phone_seen(agent), agent.freed_at, now),
                )
                for agent in store.agents.values()
                if agent.state != AgentState.LOGGED_OUT
            ),
            self._demand_at(now),
        )

    def _demand_at(self, now: float) -> Mapping[str, float]:
        if is_stale(self._counted_at, now):
            lately = [one for one in self.store.needs.values() if one.since >= now - LATELY_S and one.kind == CALL]
            self._demand = demand_of((one.required, one.language, 1) for one in lately)
            self._counted_at = now
        return self._demand

    async def claim(self, decision: Decision, *, node: str, now: float, lease_s: float) -> Claimed | Lost:
        """Make a decision true."""
        store = self.store
        store.reach()
        need, agent = store.needs.get(decision.need_id), store.agents[decision.agent_id]
        if need is None or (need.state, need.version) != (NeedState.WAITING, decision.need_version):
            return Lost("the need has moved on")
        if (agent.state, agent.version) != (AgentState.READY, decision.agent_version):
            return Lost("the agent has moved on")
        need.state, need.version = NeedState.OFFERED.value, need.version + 1
        offer = OfferRow(
            id=store.next_id("offers", store.offers),
            call_id=need.call_id,
            need_id=need.id,
            agent_id=agent.id,
            node=node,
            fence=need.version,
            state=OfferState.OFFERED.value,
            why=dict(decision.why),
            agent_since=agent.since,
            made_at=now,
            expires_at=now + lease_s,
            closed_at=None,
        )
        agent.state, agent.since, agent.version = AgentState.OFFERED.value, now, agent.version + 1
        store.offers[offer.id] = offer
        return moves.claimed_of(offer, agent)

    async def claim_all(
        self, decisions: Sequence[Decision], *, node: str, now: float, lease_s: float
    ) -> tuple[Claimed | Lost, ...]:
        """Make decisions true."""
        return tuple([await self.claim(one, node=node, now=now, lease_s=lease_s) for one in decisions])

    async def popped(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The pop stands on the agent's screen."""
        held = self._hold(offer_id, fence)
        if held is None:
            return False
        held[2].popped_at = held[2].popped_at or now
        return True

    async def ringing(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool:
        """The agent's phone rings."""
        held = self._hold(offer_id, fence)
        if held is None or held[2].state == OfferState.ANSWERED:
            return False
        offer = held[2]
        offer.state, offer.ringing_at, offer.expires_at = (
            OfferState.RINGING.value,
            offer.ringing_at or now,
            now + lease_s,
        )
        return True

    async def renew(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool:
        """The lease begins anew."""
        held = self._hold(offer_id, fence)
        if held is None or held[2].state == OfferState.ANSWERED:
            return False
        held[2].expires_at = now + lease_s
        return True

    async def answered(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The agent's phone was answered."""
        held = self._hold(offer_id, fence)
        if held is None:
            return False
        if held[2].state != OfferState.ANSWERED:
            moves.answer(*held, now)
        return True

    async def answered_late(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The phone was answered in the moment in which the offer ended."""
        store = self.store
        store.reach()
        offer = store.offers.get(offer_id)
        if offer is None or offer.fence != fence:
            return False
        held = (store.needs[offer.need_id], store.agents[offer.agent_id], offer)
        since = [
            (store.needs[other.need_id], store.agents[other.agent_id], other)
            for other in store.open_offers()
            if other is not offer and (other.need_id == offer.need_id or other.agent_id == offer.agent_id)
        ]
        try:
            late_answers.check(held, since)
        except IllegalMove:
            return False
        for one in since:
            moves.end(*one, OfferEvent.WITHDRAW, now=now, wrap_up_s=0)
        late_answers.answer(held, now)
        return True

    async def close_offer(self, offer_id: int, fence: int, event: OfferEvent, *, now: float, wrap_up_s: float) -> bool:
        """End an offer."""
        held = self._hold(offer_id, fence)
        if held is None:
            return False
        try:
            moves.end(*held, event, now=now, wrap_up_s=wrap_up_s, rules=self._rules)
        except IllegalMove:
            return False
        return True

    async def refuse(self, agent_id: int, offer_id: int, fence: int, reason: str, *, now: float) -> Claimed | None:
        """An agent's own refusal."""
        if reason not in self._rules.refusals.reasons:
            raise ValueError(f"no reason to refuse is called {reason!r}")
        held = self._hold(offer_id, fence)
        if held is None or held[1].id != agent_id:
            return None
        try:
            moves.end(*held, OfferEvent.REFUSE, now=now, wrap_up_s=0, rules=self._rules, refused_for=reason)
        except IllegalMove:
            return None
        return moves.claimed_of(held[2], held[1])

    def _hold(self, offer_id: int, fence: int) -> tuple[NeedRow, AgentRow, OfferRow] | None:
        self.store.reach()
        return self.store.hold(offer_id, fence)

    async def note_phones(self, states: Mapping[str, PhoneState], *, now: float, node: str) -> PhonesNoted:
        """Store what the switch says of agents' phones."""
        store = self.store
        store.reach()
        known, changed = frozenset(agent.phone for agent in store.agents.values()), set[str]()
        for phone in known & states.keys():
            row = store.phones.get(phone)
            if row is None:
                store.phones[phone] = PhoneRow(phone=phone, state=states[phone], since=now, seen_at=now, node=node)
                changed.add(phone)
            elif phones.note(row, states[phone], now=now, node=node):
                changed.add(phone)
        return PhonesNoted(known, frozenset(changed))

    async def sweep(
        self,
        *,
        now: float,
        desk_lost_s: float,
        alive: frozenset[str] | None,
        wrap_up_s: float,
        alive_at: float | None = None,
        phones: frozenset[tuple[str, str]] | None = None,
    ) -> Swept:
        """Mend what time or a lost channel has left behind."""
        store = self.store
        store.reach()
        expired, contradicted = 0, 0
        for offer in store.open_offers():
            if offer.expires_at is not None and offer.expires_at <= now:
                need = store.needs[offer.need_id]
                if lapse(need, store.agents[offer.agent_id], offer, now):
                    contradicted += 1
                    continue
                expired += 1
                states = [o.state for o in store.offers.values() if o.need_id == need.id]
                if states.count(OfferState.EXPIRED) >= MOST_EXPIRED and need.closed_at is None:
                    moves.close(need, "lost", now)
        mended = [moves.mend_agent(agent, now=now, desk_lost_s=desk_lost_s) for agent in store.agents.values()]
        seen_at = now if alive_at is None else alive_at
        closed = [
            self._close_call(call, now, wrap_up_s)
            for call in store.calls.values()
            if (call.ended_at is None or self._leaves_open(call.id))
            and (
                (is_gone(call.id, call.started_at, alive, seen_at) and self._is_on_our_switch(call))
                or is_over(call.ended_at, call.reason, now)
            )
        ]
        ended = 0 if phones is None else self._end_orphans(phones, seen_at, now, wrap_up_s)
        return Swept(
            expired,
            mended.count(AgentEvent.WRAP_UP_OVER),
            mended.count(AgentEvent.DESK_LOST),
            closed.count(True),
            mended.count(AgentEvent.MISS_OVER),
            contradicted + self._free_strays(now, wrap_up_s),
            ended,
        )

    def _end_orphans(self, there: frozenset[tuple[str, str]], seen_at: float, now: float, wrap_up_s: float) -> int:
        store, ended = self.store, 0
        talks = [
            offer
            for offer in store.open_offers()
            if offer.state == OfferState.ANSWERED and offer.need_id in store.needs
        ]
        first = {o.call_id: talk_of(o.talk) for o in talks if store.needs[o.need_id].kind == CALL}
        for offer in talks:
            agent, need, call = store.agents[offer.agent_id], store.needs[offer.need_id], store.calls.get(offer.call_id)
            node = store.nodes.get(call.node) if call is not None else None
            about = None if need.kind == CALL else first.get(offer.call_id)
            if call is not None and not self._is_on_our_switch(call):
                continue
            if not is_there(offer, agent.phone, there, about) and is_orphaned(
                node, offer.answered_at, seen_at=seen_at, now=now
            ):
                end_anyway(need, agent, offer, OfferEvent.COMPLETE, now=now, wrap_up_s=wrap_up_s)
                ended += 1
        return ended

    def _is_on_our_switch(self, call: CallRow) -> bool:
        mine = self.store.nodes.get(self._node) if self._node is not None else None
        return is_on_our_switch(self.store.nodes.get(call.node), mine)

    def _free_strays(self, now: float, wrap_up_s: float) -> int:
        store = self.store
        agents = {offer.agent_id for offer in store.open_offers()}
        needs = {offer.need_id for offer in store.open_offers()}
        freed = [
            moves.free_stray_need(need, now)
            for need in store.needs.values()
            if need.closed_at is None and need.state != NeedState.WAITING and need.id not in needs
        ]
        freed += [
            moves.free_stray_agent(agent, now=now, wrap_up_s=wrap_up_s)
            for agent in store.agents.values()
            if agent.state in (AgentState.OFFERED, AgentState.BUSY)
            and agent.id not in agents
            and agent.since <= now - GRACE_S
        ]
        return len(freed)

    def _leaves_open(self, call_id: str) -> bool:
        needs = (need for need in self.store.needs.values() if need.call_id == call_id)
        return any(need.closed_at is None for need in needs) or any(
            o.call_id == call_id for o in self.store.open_offers()
        )

    def _close_call(self, call: CallRow, now: float, wrap_up_s: float) -> bool:
        store = self.store
        talked = False
        open_needs = [need for need in store.needs.values() if need.call_id == call.id and need.closed_at is None]
        for offer in store.open_offers():
            if offer.call_id == call.id:
                answered = offer.state == OfferState.ANSWERED
                talked |= answered
                event = OfferEvent.COMPLETE if answered else OfferEvent.WITHDRAW
                held = (store.needs[offer.need_id], store.agents[offer.agent_id], offer)
                end_anyway(*held, event, now=now, wrap_up_s=wrap_up_s)
        for need in open_needs:
            if need.closed_at is None:
                close_anyway(need, "served" if need.state == NeedState.TALKING else "lost", now)
        if call.ended_at is not None:
            return False
        ending = ending_of(call, store.nodes.get(call.node), talked=talked, now=now)
        call.state, call.ended_at = CallState.ENDED.value, now
        call.result, call.reason = ending.result.value, ending.reason.value
        return True
