"""Conversations in memory: the rules of `models.handing` on rows in dictionaries."""

from ivr.testing.store import MemoryStore
from models import handing, moves
from models.locks import CALL, SECOND
from models.tables import AgentRow, NeedRow, OfferRow
from routing.errors import IllegalMove
from routing.offer import OfferEvent, OfferState
from routing.talk import Ask, Sent, Talk
from routing.views import NeedWish, SecondSeen, TalkSeen


class MemoryTalks:
    """Twin of `models.talks.Talks` (port Talks)."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    async def of(self, call_id: str) -> TalkSeen | None:
        """The conversation of a call."""
        self.store.reach()
        need = self.store.open_need(call_id)
        offer = None if need is None else self._open_offer(need)
        if need is None or offer is None or offer.state != OfferState.ANSWERED:
            return None
        return moves.talk_seen(need, offer, self.store.agents[offer.agent_id])

    async def rooms(self) -> frozenset[int]:
        """Rooms of the conversations that go on."""
        self.store.reach()
        answered = [one for one in self.store.open_offers() if one.state == OfferState.ANSWERED]
        return frozenset(handing.room_of(one.id, one.talk) for one in answered)

    async def ask(self, agent_id: int, offer_id: int, wish: Ask) -> TalkSeen | None:
        """Store what an agent asks for."""
        self.store.reach()
        offer = self.store.offers.get(offer_id)
        if offer is None or offer.agent_id != agent_id or offer.closed_at is not None:
            return None
        need = self.store.needs[offer.need_id]
        if need.kind != CALL:
            return None
        if offer.state != OfferState.ANSWERED:
            raise IllegalMove("offer", offer.state, wish.do)
        before = handing.ask(offer, wish)
        return moves.talk_seen(need, offer, self.store.agents[agent_id], before)

    async def unask(self, offer_id: int, fence: int, at: float) -> bool:
        """Take back what was asked."""
        held = self._hold(offer_id, fence)
        return held is not None and handing.unask(held[2], at)

    async def take_up(self, offer_id: int, fence: int, at: float) -> bool:
        """Begin to carry out what was asked."""
        held = self._hold(offer_id, fence)
        return held is None or handing.take_up(held[2], at)

    async def put(self, offer_id: int, fence: int, talk: Talk, carried_out: Ask | None = None) -> bool:
        """Store where the conversation stands."""
        held = self._hold(offer_id, fence)
        if held is None:
            return False
        handing.stands(held[2], talk, carried_out)
        return True

    async def hand_on(
        self, offer_id: int, fence: int, wish: NeedWish, sent: Sent, *, now: float, wrap_up_s: float
    ) -> bool:
        """End the conversation and state the next need."""
        held = self._hold(offer_id, fence)
        if held is None:
            return False
        try:
            self._add(handing.hand_on(held, wish, sent, now=now, wrap_up_s=wrap_up_s))
        except IllegalMove:
            return False
        return True

    async def open_second(self, call_id: str, wish: NeedWish, sent: Sent, *, now: float) -> bool:
        """State the need of an agent who consults another."""
        self.store.reach()
        need = self.store.open_need(call_id)
        if need is None:
            return False
        if self.store.open_need(call_id, SECOND) is None:
            self._add(handing.second_need(need, wish, sent, now))
        return True

    async def second(self, call_id: str) -> SecondSeen | None:
        """How a consultation stands."""
        self.store.reach()
        need = self.store.open_need(call_id, SECOND)
        if need is None:
            return None
        offer = self._open_offer(need)
        return moves.second_seen(need, offer, None if offer is None else self.store.agents[offer.agent_id])

    async def close_second(self, call_id: str, *, now: float, wrap_up_s: float) -> None:
        """End a consultation."""
        self.store.reach()
        need = self.store.open_need(call_id, SECOND)
        if need is None:
            return
        offer = self._open_offer(need)
        if offer is not None:
            event = OfferEvent.COMPLETE if offer.state == OfferState.ANSWERED else OfferEvent.WITHDRAW
            moves.end(need, self.store.agents[offer.agent_id], offer, event, now=now, wrap_up_s=wrap_up_s)
        if need.closed_at is None:
            moves.close(need, "called_off", now)

    async def take_over(self, offer_id: int, fence: int, *, now: float, wrap_up_s: float) -> bool:
        """The first agent leaves, the one who was consulted has the caller."""
        held = self._hold(offer_id, fence)
        second = None if held is None else self.store.open_need(held[0].call_id, SECOND)
        offer = None if second is None else self._open_offer(second)
        if held is None or second is None or offer is None:
            return False
        try:
            handing.take_over(held, second, offer, now=now, wrap_up_s=wrap_up_s)
        except IllegalMove:
            return False
        second.kind = CALL
        return True

    def _add(self, need: NeedRow) -> None:
        need.id = self.store.next_id("needs", self.store.needs)
        self.store.needs[need.id] = need

    def _open_offer(self, need: NeedRow) -> OfferRow | None:
        return next((offer for offer in self.store.open_offers() if offer.need_id == need.id), None)

    def _hold(self, offer_id: int, fence: int) -> tuple[NeedRow, AgentRow, OfferRow] | None:
        self.store.reach()
        return self.store.hold(offer_id, fence)
