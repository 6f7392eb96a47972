"""Conversations in the database: what agents ask for, and what has become of it. Locks: need, agent, offer."""

from collections.abc import Awaitable, Callable

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import handing, moves
from models.database import Database
from models.locks import CALL, hold, open_need, open_second
from models.tables import AgentRow, NeedRow, OfferRow
from routing.errors import IllegalMove
from routing.offer import OfferEvent, OfferState
from routing.talk import Ask, Sent, Talk
from routing.views import NeedWish, SecondSeen, TalkSeen


class Talks:
    """`ivr.ports.Talks` on a database. Every verb raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, call_id: str) -> TalkSeen | None:
        """The conversation of a call; None while no agent has answered."""
        async with self._database.read() as session:
            found = (
                await session.execute(
                    select(NeedRow, OfferRow, AgentRow)
                    .join(OfferRow, OfferRow.need_id == NeedRow.id)
                    .join(AgentRow, AgentRow.id == OfferRow.agent_id)
                    .where(NeedRow.call_id == call_id, NeedRow.kind == CALL)
                    .where(OfferRow.closed_at.is_(None), OfferRow.state == OfferState.ANSWERED)
                )
            ).first()
        return None if found is None else moves.talk_seen(*found)

    async def rooms(self) -> frozenset[int]:
        """Rooms of the conversations that go on."""
        async with self._database.read() as session:
            rows = await session.execute(
                select(OfferRow.id, OfferRow.talk).where(
                    OfferRow.closed_at.is_(None), OfferRow.state == OfferState.ANSWERED
                )
            )
            return frozenset(handing.room_of(id_, talk) for id_, talk in rows)

    async def ask(self, agent_id: int, offer_id: int, wish: Ask) -> TalkSeen | None:
        """Store what an agent asks for; the conversation as it was, None when it is not theirs. Raises IllegalMove."""

        async def work(session: AsyncSession) -> TalkSeen | None:
            mine = select(OfferRow.fence).where(OfferRow.id == offer_id, OfferRow.agent_id == agent_id)
            fence = await session.scalar(mine)
            held = None if fence is None else await hold(session, offer_id, fence)
            if held is None or held[0].kind != CALL:
                return None
            if held[2].state != OfferState.ANSWERED:
                raise IllegalMove("offer", held[2].state, wish.do)
            need, agent, offer = held
            before = handing.ask(offer, wish)
            return moves.talk_seen(need, offer, agent, before)

        return await self._database.transact(work)

    async def unask(self, offer_id: int, fence: int, at: float) -> bool:
        """Take back what was asked at that moment; False when it is being carried out, or has been."""

        async def work(session: AsyncSession) -> bool:
            held = await hold(session, offer_id, fence)
            return held is not None and handing.unask(held[2], at)

        return await self._database.transact(work)

    async def take_up(self, offer_id: int, fence: int, at: float) -> bool:
        """Begin to carry out what was asked at that moment; False when it was taken back, True when all has ended."""

        async def work(session: AsyncSession) -> bool:
            held = await hold(session, offer_id, fence)
            return held is None or handing.take_up(held[2], at)

        return await self._database.transact(work)

    async def put(self, offer_id: int, fence: int, talk: Talk, carried_out: Ask | None = None) -> bool:
        """Store where the conversation stands; False when it has ended. Only what was carried out is asked no more."""

        async def work(session: AsyncSession) -> bool:
            held = await hold(session, offer_id, fence)
            if held is None:
                return False
            handing.stands(held[2], talk, carried_out)
            return True

        return await self._database.transact(work)

    async def hand_on(
        self, offer_id: int, fence: int, wish: NeedWish, sent: Sent, *, now: float, wrap_up_s: float
    ) -> bool:
        """End the conversation and state what the caller needs next, in one transaction; False when it has ended."""

        async def work(session: AsyncSession) -> bool:
            held = await hold(session, offer_id, fence)
            if held is None:
                return False
            following = handing.hand_on(held, wish, sent, now=now, wrap_up_s=wrap_up_s)
            await session.flush()  # one open need per call: the old one is closed first
            session.add(following)
            return True

        return await self._unless_illegal(work)

    async def open_second(self, call_id: str, wish: NeedWish, sent: Sent, *, now: float) -> bool:
        """State the need of an agent who consults another; one that is open already stays."""

        async def work(session: AsyncSession) -> bool:
            need = await session.scalar(open_need(call_id).with_for_update())
            if need is None:
                return False
            if await session.scalar(open_second(call_id)) is None:
                session.add(handing.second_need(need, wish, sent, now))
            return True

        try:
            return await self._database.transact(work)
        except IntegrityError:
            return True

    async def second(self, call_id: str) -> SecondSeen | None:
        """How a consultation stands; None without one."""
        async with self._database.read() as session:
            found = (
                await session.execute(
                    select(NeedRow, OfferRow, AgentRow)
                    .outerjoin(OfferRow, (OfferRow.need_id == NeedRow.id) & OfferRow.closed_at.is_(None))
                    .outerjoin(AgentRow, AgentRow.id == OfferRow.agent_id)
                    .where(NeedRow.id.in_(open_second(call_id).with_only_columns(NeedRow.id)))
                )
            ).first()
        return None if found is None else moves.second_seen(*found)

    async def close_second(self, call_id: str, *, now: float, wrap_up_s: float) -> None:
        """End a consultation: who had picked up wraps up, who had not is free again."""

        async def work(session: AsyncSession) -> None:
            need = await session.scalar(open_second(call_id).with_for_update())
            if need is None:
                return
            found = await session.execute(
                select(OfferRow.id, OfferRow.fence).where(OfferRow.need_id == need.id, OfferRow.closed_at.is_(None))
            )
            row = found.first()
            held = None if row is None else await hold(session, row.id, row.fence)
            if held is not None:
                answered = held[2].state == OfferState.ANSWERED
                event = OfferEvent.COMPLETE if answered else OfferEvent.WITHDRAW
                moves.end(*held, event, now=now, wrap_up_s=wrap_up_s)
            if need.closed_at is None:
                moves.close(need, "called_off", now)

        await self._database.transact(work)

    async def take_over(self, offer_id: int, fence: int, *, now: float, wrap_up_s: float) -> bool:
        """The first agent leaves, the one who was consulted has the caller; False when either has ended."""

        async def work(session: AsyncSession) -> bool:
            held = await hold(session, offer_id, fence)
            if held is None:
                return False
            second = await session.scalar(open_second(held[0].call_id).with_for_update())
            if second is None:
                return False
            mine = (OfferRow.need_id == second.id, OfferRow.closed_at.is_(None))
            offer = await session.scalar(select(OfferRow).where(*mine).with_for_update())
            if offer is None:
                return False
            handing.take_over(held, second, offer, now=now, wrap_up_s=wrap_up_s)
            await session.flush()  # one open need per call: the old one is closed first
            second.kind = CALL
            return True

        return await self._unless_illegal(work)

    async def _unless_illegal(self, work: Callable[[AsyncSession], Awaitable[bool]]) -> bool:
        try:
            return await self._database.transact(work)
        except IllegalMove:
            return False
