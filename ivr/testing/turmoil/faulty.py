"""An exchange whose answers are lost, and whose pictures are old: what a node sees of a store over a bad network."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import TypeVar

from ivr.heartbeat import Life
from ivr.ports import Callbacks, CallbackSeen, CallbackWish, Exchange, NeedWish, Standing, Swept, Talks
from ivr.testing.turmoil.still import StillTime
from routing.callback import CallbackEvent
from routing.decision import Decision
from routing.errors import StoreAway
from routing.need import Need
from routing.offer import Claimed, Lost, OfferEvent
from routing.phone import PhonesNoted, PhoneState
from routing.snapshot import Snapshot
from routing.talk import Ask, Sent, Talk
from routing.views import SecondSeen, TalkSeen

Result = TypeVar("Result")


class Loss(Enum):
    """How a write is lost."""

    BEFORE = "before"  # it never came to the store
    AFTER = "after"  # it was done; its answer was lost


async def _nothing() -> None:
    pass


class FaultyLife:
    """What a node says of itself (`ivr.heartbeat.Life`) over a bad network, and the store's time of day: the simulated
    one. Each fault that is armed is injected once."""

    def __init__(self, truth: Life, time: StillTime, injected: Callable[[str], None]) -> None:
        self._truth, self._time, self._injected = truth, time, injected
        self.lost = False  #: the store cannot be asked for its time
        self.slow_s = (0.0, 0.0)  #: how long the question takes, and the answer

    async def started(self, *, now: float) -> None:
        """A new process."""
        await self._truth.started(now=now)

    async def seen(self, *, now: float) -> None:
        """It lives."""
        await self._truth.seen(now=now)

    async def time(self) -> float:
        """The store's; everything else stands still while it is slow to tell."""
        if self.lost:
            self.lost = False
            self._injected("heartbeat_lost")
            raise StoreAway("injected")
        (there_s, back_s), self.slow_s = self.slow_s, (0.0, 0.0)
        if there_s or back_s:
            self._injected("time_told_slowly")
        self._time.elapsed += there_s
        told = self._time.store_now()
        self._time.elapsed += back_s
        return told


class FaultyExchange:
    """`ivr.ports.Exchange` before another one. Each fault that is armed is injected once."""

    def __init__(self, truth: Exchange, injected: Callable[[str], None]) -> None:
        self.truth = truth
        self.lose_claim: Loss | None = None
        self.lose_write: Loss | None = None
        self.stale = 0  #: so many pictures to come are the one before
        self.before_sweep: Callable[[], Awaitable[None]] = _nothing  #: between the switch's picture and the sweep
        self._injected = injected
        self._last: Snapshot | None = None

    async def snapshot(self, *, now: float) -> Snapshot:
        """The picture, or the last one."""
        if self.stale and self._last is not None:
            self.stale -= 1
            self._injected("stale_picture")
            return self._last
        self._last = await self.truth.snapshot(now=now)
        return self._last

    async def claim(self, decision: Decision, *, node: str, now: float, lease_s: float) -> Claimed | Lost:
        """Make a decision true."""
        return (await self.claim_all((decision,), node=node, now=now, lease_s=lease_s))[0]

    async def claim_all(
        self, decisions: Sequence[Decision], *, node: str, now: float, lease_s: float
    ) -> tuple[Claimed | Lost, ...]:
        """Make decisions true; they, or the answer, may be lost."""
        loss, self.lose_claim = self.lose_claim, None
        made = self.truth.claim_all(decisions, node=node, now=now, lease_s=lease_s)
        return await self._perhaps(loss, "claim", made)

    async def open_need(self, call_id: str, wish: NeedWish, *, now: float) -> Need:
        """State a need."""
        return await self._write(self.truth.open_need(call_id, wish, now=now))

    async def close_need(self, call_id: str, outcome: str, *, now: float) -> None:
        """Close a need."""
        await self._write(self.truth.close_need(call_id, outcome, now=now))

    async def popped(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The pop stands."""
        return await self._write(self.truth.popped(offer_id, fence, now=now))

    async def ringing(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool:
        """The phone rings."""
        return await self._write(self.truth.ringing(offer_id, fence, now=now, lease_s=lease_s))

    async def renew(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool:
        """The lease begins anew."""
        return await self._write(self.truth.renew(offer_id, fence, now=now, lease_s=lease_s))

    async def answered(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The phone was answered."""
        return await self._write(self.truth.answered(offer_id, fence, now=now))

    async def answered_late(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The phone was answered in the moment in which the offer ended."""
        return await self._write(self.truth.answered_late(offer_id, fence, now=now))

    async def close_offer(self, offer_id: int, fence: int, event: OfferEvent, *, now: float, wrap_up_s: float) -> bool:
        """End an offer."""
        return await self._write(self.truth.close_offer(offer_id, fence, event, now=now, wrap_up_s=wrap_up_s))

    async def standing(self, call_id: str, *, now: float) -> Standing | None:
        """How a call stands."""
        return await self.truth.standing(call_id, now=now)

    async def last_agent(self, ani: str | None, customer_id: int | None, *, since: float) -> int | None:
        """Whom they talked to last."""
        return await self.truth.last_agent(ani, customer_id, since=since)

    async def refuse(self, agent_id: int, offer_id: int, fence: int, reason: str, *, now: float) -> Claimed | None:
        """Refuse an offer."""
        return await self.truth.refuse(agent_id, offer_id, fence, reason, now=now)

    async def note_phones(self, states: Mapping[str, PhoneState], *, now: float, node: str) -> PhonesNoted:
        """Store what the switch says of phones."""
        return await self.truth.note_phones(states, now=now, node=node)

    async def is_first(self, node: str, *, now: float) -> bool:
        """Whether the node does what one is to do for all."""
        return await self.truth.is_first(node, now=now)

    async def give_up(self, call_ids: Collection[str], *, now: float) -> None:
        """Close needs of calls that wait for nobody."""
        await self._write(self.truth.give_up(call_ids, now=now))

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
        """Sweep, after whatever happens since the switch was asked."""
        await self.before_sweep()
        return await self.truth.sweep(
            now=now, desk_lost_s=desk_lost_s, alive=alive, wrap_up_s=wrap_up_s, alive_at=alive_at, phones=phones
        )

    async def _write(self, done: Awaitable[Result]) -> Result:
        loss, self.lose_write = self.lose_write, None
        return await self._perhaps(loss, "write", done)

    async def _perhaps(self, loss: Loss | None, kind: str, done: Awaitable[Result]) -> Result:
        return await perhaps(loss, kind, done, self._injected)


class FaultyCallbacks:
    """`ivr.ports.Callbacks` before others. Each fault that is armed is injected once."""

    def __init__(self, truth: Callbacks, injected: Callable[[str], None]) -> None:
        self._truth, self._injected = truth, injected
        self.lose: Loss | None = None
        self.stale = False  #: the next look at the wishes shows those of the one before
        self._last: tuple[CallbackSeen, ...] = ()

    async def request(self, wish: CallbackWish, *, now: float) -> int:
        """Keep a wish."""
        return await self._write(self._truth.request(wish, now=now))

    async def all_open(self, *, now: float) -> tuple[CallbackSeen, ...]:
        """The open ones, or as they were."""
        if self.stale:
            self.stale = False
            self._injected("stale_wishes")
            return self._last
        self._last = await self._truth.all_open(now=now)
        return self._last

    async def find(self, callback_id: int, fence: int) -> CallbackSeen | None:
        """One of them."""
        return await self._truth.find(callback_id, fence)

    async def claim(
        self, callback_id: int, fence: int, *, node: str, now: float, lease_s: float
    ) -> CallbackSeen | None:
        """Claim a wish for one call."""
        return await self._write(self._truth.claim(callback_id, fence, node=node, now=now, lease_s=lease_s))

    async def move(
        self, callback_id: int, fence: int, event: CallbackEvent, *, now: float, until: float | None = None
    ) -> bool:
        """What has happened to a wish."""
        return await self._write(self._truth.move(callback_id, fence, event, now=now, until=until))

    async def waiting(self, number: str, queue: str) -> CallbackSeen | None:
        """The wish that nobody has called for yet."""
        return await self._truth.waiting(number, queue)

    async def came_back(self, number: str, queue: str, *, now: float) -> bool:
        """The customer has called and talked."""
        return await self._write(self._truth.came_back(number, queue, now=now))

    async def _write(self, done: Awaitable[Result]) -> Result:
        loss, self.lose = self.lose, None
        return await perhaps(loss, "wish", done, self._injected)


class FaultyTalks:
    """`ivr.ports.Talks` before others. A loss that is armed is injected once; a dead node gets nothing done."""

    def __init__(self, truth: Talks, injected: Callable[[str], None]) -> None:
        self._truth, self._injected = truth, injected
        self.lose: Loss | None = None
        self.dead = False

    async def of(self, call_id: str) -> TalkSeen | None:
        """The conversation of a call."""
        if self.dead:
            raise StoreAway
        return await self._truth.of(call_id)

    async def rooms(self) -> frozenset[int]:
        """Rooms of conversations that go on."""
        return await self._truth.rooms()

    async def ask(self, agent_id: int, offer_id: int, wish: Ask) -> TalkSeen | None:
        """Store what an agent asks for."""
        return await self._write(self._truth.ask(agent_id, offer_id, wish))

    async def unask(self, offer_id: int, fence: int, at: float) -> bool:
        """Take it back."""
        return await self._write(self._truth.unask(offer_id, fence, at))

    async def take_up(self, offer_id: int, fence: int, at: float) -> bool:
        """Begin to carry it out."""
        return await self._write(self._truth.take_up(offer_id, fence, at))

    async def put(self, offer_id: int, fence: int, talk: Talk, carried_out: Ask | None = None) -> bool:
        """Store where a conversation stands."""
        return await self._write(self._truth.put(offer_id, fence, talk, carried_out))

    async def hand_on(
        self, offer_id: int, fence: int, wish: NeedWish, sent: Sent, *, now: float, wrap_up_s: float
    ) -> bool:
        """End it and state the next need."""
        return await self._write(self._truth.hand_on(offer_id, fence, wish, sent, now=now, wrap_up_s=wrap_up_s))

    async def open_second(self, call_id: str, wish: NeedWish, sent: Sent, *, now: float) -> bool:
        """State the need of a consultation."""
        return await self._write(self._truth.open_second(call_id, wish, sent, now=now))

    async def second(self, call_id: str) -> SecondSeen | None:
        """How a consultation stands."""
        return await self._truth.second(call_id)

    async def close_second(self, call_id: str, *, now: float, wrap_up_s: float) -> None:
        """End a consultation."""
        await self._write(self._truth.close_second(call_id, now=now, wrap_up_s=wrap_up_s))

    async def take_over(self, offer_id: int, fence: int, *, now: float, wrap_up_s: float) -> bool:
        """Who was consulted has the caller."""
        return await self._write(self._truth.take_over(offer_id, fence, now=now, wrap_up_s=wrap_up_s))

    async def _write(self, done: Awaitable[Result]) -> Result:
        loss, self.lose = (Loss.BEFORE, self.lose) if self.dead else (self.lose, None)
        return await perhaps(loss, "talk", done, self._injected)


async def perhaps(loss: Loss | None, kind: str, done: Awaitable[Result], injected: Callable[[str], None]) -> Result:
    """Do it, unless it is lost, or its answer is. Raises StoreAway then."""
    if loss is None:
        return await done
    injected(f"{kind}_lost_{loss.value}")
    if loss is Loss.AFTER:
        await done
    elif hasattr(done, "close"):
        done.close()
    raise StoreAway("injected")
