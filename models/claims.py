"""Needs and offers: a decision becomes true here, in one short transaction, or it comes too late."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import moves
from models.call_entries import PROVISIONAL
from models.callbacks import wishes_before
from models.claiming import Holder, take_all, take_all_alone
from models.database import Database
from models.errors import StoreBusy
from models.fallen import close_need, give_up, is_first
from models.late_answers import answer_late
from models.locks import CALL, hold, open_need
from models.phones import note_phones
from models.places import place
from models.snapshots import SnapshotReader
from models.sweep import sweep
from models.tables import AgentRow, CallRow, NeedRow, OfferRow
from routing.call import CallState
from routing.decision import Decision
from routing.errors import IllegalMove, StoreAway
from routing.need import Need, NeedState
from routing.offer import OPEN_OFFERS, Claimed, Lost, OfferEvent, OfferState
from routing.phone import PhonesNoted, PhoneState
from routing.set_aside import USUAL, OfferRules
from routing.snapshot import Snapshot
from routing.talk import talk_of
from routing.views import NeedWish, Standing, Swept

#: How many decisions of a round are carried out together.
MOST_AT_ONCE = 50


class Claims:
    """The exchange of needs and agents. Rows are always locked in one order: need, agent, offer.

    With `node`, a need is closed only for a call that this node still holds: an engine that was stopped for a while
    must not close what another has taken over.
    """

    def __init__(self, database: Database, node: str | None = None, rules: OfferRules = USUAL) -> None:
        self._database = database
        self._node = node
        self._pictures = SnapshotReader()
        self._rules = rules

    async def open_need(self, call_id: str, wish: NeedWish, *, now: float) -> Need:
        """State a need; a call that comes back gets its open need, or the one that was lost, with its old `since`.

        A call that states a need lives, whatever a sweep has made of it. Raises StoreAway, also when the record of the
        call itself has not been stored yet.
        """

        async def work(session: AsyncSession) -> Need:
            need = await session.scalar(open_need(call_id).with_for_update())
            if need is None:
                theirs = select(NeedRow).where(NeedRow.call_id == call_id, NeedRow.kind == CALL)
                before = await session.scalar(theirs.order_by(NeedRow.id.desc()).limit(1))
                need = moves.stated(call_id, wish, moves.waiting_since(before, now))
                session.add(need)
                await session.flush()
                await session.execute(
                    update(CallRow)
                    .where(CallRow.id == call_id, CallRow.reason.in_(PROVISIONAL))
                    .values(state=CallState.WAITING.value, ended_at=None, result=None, reason=None)
                )
            else:
                moves.restate(need, wish)
            return moves.need_of(need)

        try:
            return await self._database.transact(work)
        except IntegrityError as fault:
            async with self._database.read() as session:
                need = await session.scalar(open_need(call_id))
            if need is None:
                raise StoreAway(f"the record of call {call_id} is not stored yet") from fault
            return moves.need_of(need)

    async def standing(self, call_id: str, *, now: float) -> Standing | None:
        """How the call stands; None when it has no open need."""
        async with self._database.read() as session:
            found = (
                await session.execute(
                    select(NeedRow, OfferRow, AgentRow)
                    .outerjoin(OfferRow, (OfferRow.need_id == NeedRow.id) & OfferRow.closed_at.is_(None))
                    .outerjoin(AgentRow, AgentRow.id == OfferRow.agent_id)
                    .where(NeedRow.call_id == call_id, NeedRow.kind == CALL, NeedRow.closed_at.is_(None))
                )
            ).first()
            if found is None:
                return None
            need, offer, agent = found
            mine, _ = moves.need_of(need).place()
            called_back = await session.scalar(wishes_before(need.queue, mine, now))
            ahead = await session.scalar(
                select(func.count()).where(
                    NeedRow.closed_at.is_(None),
                    NeedRow.queue == need.queue,
                    NeedRow.state != NeedState.TALKING,
                    (place(NeedRow) < mine) | ((place(NeedRow) == mine) & (NeedRow.id < need.id)),
                )
            )
        return Standing(
            position=1 + (ahead or 0) + (called_back or 0),
            since=need.since,
            offer=None if offer is None else moves.claimed_of(offer, agent),
            queue=need.queue,
            answered=offer is not None and offer.state == OfferState.ANSWERED,
            talk=talk_of(None if offer is None else offer.talk),
        )

    async def close_need(self, call_id: str, outcome: str, *, now: float) -> None:
        """Close the call's open need, if any; an open offer that was not answered is withdrawn.

        Raises ValueError for an outcome that does not exist.
        """
        if outcome not in moves.OUTCOMES:
            raise ValueError(f"a need cannot be closed as {outcome!r}")

        async def work(session: AsyncSession) -> None:
            need = await session.scalar(open_need(call_id).with_for_update())
            if need is not None and not await self._held_elsewhere(session, call_id):
                await close_need(session, need, outcome, now)

        await self._database.transact(work)

    async def is_first(self, node: str, *, now: float) -> bool:
        """Whether this node is the first by name of those that live: it does what one is to do for all."""
        return await is_first(self._database, node, now=now)

    async def give_up(self, call_ids: Collection[str], *, now: float) -> None:
        """Close the needs of calls that wait for no agent of ours any more, whoever holds them; an open offer that was
        not answered is withdrawn. A call that comes back has its place again."""
        await give_up(self._database, call_ids, now=now)

    async def _held_elsewhere(self, session: AsyncSession, call_id: str) -> bool:
        if self._node is None:
            return False
        holder = await session.scalar(select(CallRow.node).where(CallRow.id == call_id))
        return holder is not None and holder != self._node

    async def last_agent(self, ani: str | None, customer_id: int | None, *, since: float) -> int | None:
        """The agent whom this customer, or a caller of this number, talked to last, if not before `since`."""
        if customer_id is None and ani is None:
            return None
        mine = CallRow.customer_id == customer_id if customer_id is not None else CallRow.ani == ani
        talked = (
            select(OfferRow.agent_id)
            .join(CallRow, CallRow.id == OfferRow.call_id)
            .join(NeedRow, NeedRow.id == OfferRow.need_id)
            .where(mine, OfferRow.answered_at >= since, NeedRow.kind == CALL)
            .order_by(OfferRow.answered_at.desc(), OfferRow.id.desc())
            .limit(1)
        )
        async with self._database.read() as session:
            return await session.scalar(talked)

    async def snapshot(self, *, now: float) -> Snapshot:
        """All open needs and all agents who are not logged out, of one moment; skills of those at work only."""
        async with self._database.read() as session:
            return await self._pictures.read(session, now)

    async def claim(self, decision: Decision, *, node: str, now: float, lease_s: float) -> Claimed | Lost:
        """Make a decision true, or say why it came too late. Raises StoreAway when the database cannot be reached."""
        return (await self.claim_all((decision,), node=node, now=now, lease_s=lease_s))[0]

    async def claim_all(
        self, decisions: Sequence[Decision], *, node: str, now: float, lease_s: float
    ) -> tuple[Claimed | Lost, ...]:
        """Make decisions of one round true, each whole or not at all. Raises StoreAway when none was made."""
        holder, claims = Holder(node, now, now + lease_s), list[Claimed | Lost]()
        for first in range(0, len(decisions), MOST_AT_ONCE):
            try:
                claims += await self._claim_some(decisions[first : first + MOST_AT_ONCE], holder)
            except StoreAway:
                if not claims:
                    raise
                return (*claims, *(Lost("the store is away") for _ in decisions[first:]))  # what came true is told
        return tuple(claims)

    async def _claim_some(self, decisions: Sequence[Decision], holder: Holder) -> Sequence[Claimed | Lost]:
        try:
            if self._database.on_postgresql:
                async with self._database.at_once() as connection:
                    return await take_all(connection, decisions, holder)
            return await self._database.transact(lambda session: take_all_alone(session, decisions, holder))
        except (IntegrityError, DataError):  # DataError: rows changed in the midst of the statement
            if len(decisions) == 1:
                return (Lost("another claim came first"),)
            alone = [await self._claim_some((one,), holder) for one in decisions]  # one of them stands in the way
            return [claim for claims in alone for claim in claims]
        except StoreBusy:
            return [Lost("the database was busy")] * len(decisions)

    async def popped(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The pop stands on the agent's screen."""
        return await self._on_offer(offer_id, fence, OPEN_OFFERS, popped_at=func.coalesce(OfferRow.popped_at, now))

    async def ringing(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool:
        """The agent's phone rings; the lease begins anew."""
        return await self._on_offer(
            offer_id,
            fence,
            OPEN_OFFERS - {OfferState.ANSWERED},
            state=OfferState.RINGING.value,
            ringing_at=func.coalesce(OfferRow.ringing_at, now),
            expires_at=now + lease_s,
        )

    async def renew(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool:
        """The node that carries the offer out lives: the lease begins anew, unless they talk already."""
        return await self._on_offer(offer_id, fence, OPEN_OFFERS - {OfferState.ANSWERED}, expires_at=now + lease_s)

    async def answered(self, offer_id: int, fence: int, *, now: float) -> bool:
        """Offer answered, need talking, agent busy, in one transaction; True also when that is stored already."""

        async def work(session: AsyncSession) -> bool:
            held = await hold(session, offer_id, fence)
            if held is None:
                return False
            if held[2].state != OfferState.ANSWERED:
                moves.answer(*held, now)
            return True

        return await self._unless_illegal(work)

    async def answered_late(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The phone was answered in the moment in which the offer was refused or lapsed: they talk all the same."""
        return await self._database.transact(lambda session: answer_late(session, offer_id, fence, now))

    async def close_offer(self, offer_id: int, fence: int, event: OfferEvent, *, now: float, wrap_up_s: float) -> bool:
        """End an offer. False, and nothing changed, when it has moved on or cannot end so (a conversation missed)."""

        async def work(session: AsyncSession) -> bool:
            held = await hold(session, offer_id, fence)
            if held is None:
                return False
            moves.end(*held, event, now=now, wrap_up_s=wrap_up_s, rules=self._rules)
            return True

        return await self._unless_illegal(work)

    async def refuse(self, agent_id: int, offer_id: int, fence: int, reason: str, *, now: float) -> Claimed | None:
        """An agent's own refusal. None, and nothing changed, when it is not theirs, has moved on or was answered.

        Raises ValueError for a reason that the rules do not know.
        """
        if reason not in self._rules.refusals.reasons:
            raise ValueError(f"no reason to refuse is called {reason!r}")

        async def work(session: AsyncSession) -> Claimed | None:
            held = await hold(session, offer_id, fence)
            if held is None or held[1].id != agent_id:
                return None
            moves.end(*held, OfferEvent.REFUSE, now=now, wrap_up_s=0, rules=self._rules, refused_for=reason)
            return moves.claimed_of(held[2], held[1])

        try:
            return await self._database.transact(work)
        except IllegalMove:
            return None

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
        """Mend what time or a lost channel has left behind. `alive` was read at `alive_at`, or just now."""
        return await sweep(
            self._database,
            now=now,
            desk_lost_s=desk_lost_s,
            alive=alive,
            alive_at=now if alive_at is None else alive_at,
            wrap_up_s=wrap_up_s,
            phones=phones,
            judge=self._node,
        )

    async def note_phones(self, states: Mapping[str, PhoneState], *, now: float, node: str) -> PhonesNoted:
        """Store what the switch says of agents' phones; others are passed over."""
        return await note_phones(self._database, states, now=now, node=node)

    async def _unless_illegal(self, work: Callable[[AsyncSession], Awaitable[bool]]) -> bool:
        try:
            return await self._database.transact(work)
        except IllegalMove:
            return False

    async def _on_offer(self, offer_id: int, fence: int, states: frozenset[OfferState], **values: Any) -> bool:
        """Change an open offer in one of these states, if it still carries this fence."""
        async with self._database.write() as session:
            changed = await session.execute(
                update(OfferRow)
                .where(OfferRow.id == offer_id, OfferRow.fence == fence, OfferRow.closed_at.is_(None))
                .where(OfferRow.state.in_(states))
                .values(**values)
                .returning(OfferRow.id)
            )
            return changed.first() is not None
