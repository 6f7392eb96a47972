"""Agents: who they are, what they say of themselves, and what their desktop needs to know."""

import asyncio
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import moves, phones
from models.database import Database
from models.errors import AgentInCall, NameTaken, UnknownAgent, UnknownSkill
from models.listenings import listening, open_listenings
from models.locks import CALL
from models.tables import AgentRow, AgentSkillRow, ListeningRow, NeedRow, OfferRow, PhoneRow
from models.talk_recordings import open_recording, seen
from models.texts import stored
from routing.agent import AT_WORK, SAID_BY_AGENT, AgentEvent, AgentState
from routing.errors import IllegalMove
from routing.need import NeedState
from routing.offer import OPEN_OFFERS, OfferState
from routing.views import AgentCard, OfferSeen, QueueSeen

#: A desk's sign of life is stored at most this often, in seconds.
SEEN_EVERY_S = 5.0
#: Passwords that are checked at once; each takes a core and 64 MB for a moment, and guessing must not take them all.
CHECKS_AT_ONCE = 2
#: Characters of a password; a longer one lets nobody in.
MOST_PASSWORD = 256
#: The password hash of an agent who was removed: no password fits it. Their row stays, for the record of their calls.
REMOVED = ""


class Agents:
    """The roster of agents; `by_name`, `all`, `card` and `say` do not know those who were removed."""

    def __init__(self, database: Database, hasher: PasswordHasher | None = None) -> None:
        self._database = database
        self._hasher = hasher or PasswordHasher()
        #: Checked for a name that does not exist, so that it takes as long as a wrong password; made when first needed.
        self._nobody = ""
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def add(
        self,
        name: str,
        full_name: str,
        password: str,
        phone: str,
        skills: Mapping[str, int],
        *,
        supervisor: bool = False,
        team: str | None = None,
    ) -> AgentCard:
        """A new agent, logged out. Raises NameTaken."""
        password_hash = await asyncio.to_thread(self._hasher.hash, stored(password, MOST_PASSWORD))

        async def work(session: AsyncSession) -> AgentCard:
            agent = AgentRow(
                name=name,
                full_name=full_name,
                password_hash=password_hash,
                phone=phone,
                team=team,
                state=AgentState.LOGGED_OUT.value,
                since=0.0,
                version=0,
                supervisor=supervisor,
            )
            session.add(agent)
            await session.flush()
            session.add_all(
                AgentSkillRow(agent_id=agent.id, skill=skill, level=level) for skill, level in skills.items()
            )
            return moves.card_of(agent, dict(skills))

        try:
            return await self._database.transact(work)
        except IntegrityError as fault:
            raise NameTaken(
                f"an agent {name!r} exists already"
                if await self.by_name(name)
                else f"an agent {name!r} was removed; `ivr agent password {name}` takes them back"
            ) from fault

    async def by_name(self, name: str) -> AgentCard | None:
        """The agent with this sign-in name."""
        async with self._database.read() as session:
            agent = await session.scalar(
                select(AgentRow).where(AgentRow.name == name, AgentRow.password_hash != REMOVED)
            )
            return None if agent is None else await _card(session, agent)

    async def all(self) -> tuple[AgentCard, ...]:
        """Every agent, by name."""
        async with self._database.read() as session:
            skills: dict[int, dict[str, int]] = {}
            for row in await session.scalars(select(AgentSkillRow)):
                skills.setdefault(row.agent_id, {})[row.skill] = row.level
            agents = await session.scalars(
                select(AgentRow).where(AgentRow.password_hash != REMOVED).order_by(AgentRow.name)
            )
            return tuple(moves.card_of(agent, skills.get(agent.id, {})) for agent in agents)

    async def at_work(self) -> tuple[AgentCard, ...]:
        """The agents who take calls, or soon will; without their skills."""
        async with self._database.read() as session:
            agents = await session.scalars(select(AgentRow).where(AgentRow.state.in_(AT_WORK)).order_by(AgentRow.id))
            return tuple(moves.card_of(agent, {}) for agent in agents)

    async def set_password(self, name: str, password: str) -> None:
        """From now on the agent signs in with this password; browsers that were signed in are not any more.

        An agent who was removed is back by it, with phone and skills as they were. Raises UnknownAgent.
        """
        password_hash = await asyncio.to_thread(self._hasher.hash, stored(password, MOST_PASSWORD))

        async def work(session: AsyncSession) -> None:
            agent = await _named(session, name)
            agent.password_hash = password_hash
            agent.sessions += 1

        await self._database.transact(work)

    async def set_team(self, name: str, team: str | None) -> AgentCard:
        """Move an agent to another team, or to none. Raises UnknownAgent."""

        async def work(session: AsyncSession) -> AgentCard:
            agent = await _named(session, name)
            agent.team = team
            return await _card(session, agent)

        return await self._database.transact(work)

    async def set_skills(self, name: str, levels: Mapping[str, int], *, without: Collection[str] = ()) -> AgentCard:
        """Give an agent some skills and take others away, for the next offer. Raises UnknownAgent, UnknownSkill."""

        async def work(session: AsyncSession) -> AgentCard:
            agent = await _named(session, name)
            held = await session.scalars(select(AgentSkillRow.skill).where(AgentSkillRow.agent_id == agent.id))
            if lacking := sorted({*without} - {*held}):
                raise UnknownSkill(f"{name} has no skill {lacking[0]!r} to take away")
            agent.version += 1  # what was decided on the skills before is decided again
            await session.execute(
                delete(AgentSkillRow).where(
                    AgentSkillRow.agent_id == agent.id, AgentSkillRow.skill.in_([*levels, *without])
                )
            )
            session.add_all(
                AgentSkillRow(agent_id=agent.id, skill=skill, level=level) for skill, level in levels.items()
            )
            await session.flush()
            return await _card(session, agent)

        return await self._database.transact(work)

    async def set_all(
        self,
        name: str,
        full_name: str,
        phone: str,
        team: str | None,
        levels: Mapping[str, int],
        *,
        without: Collection[str] = (),
    ) -> AgentCard:
        """Make an agent as declared, all of it or nothing. Raises UnknownAgent, and AgentInCall for a new phone."""

        async def work(session: AsyncSession) -> AgentCard:
            agent = await _named(session, name)
            if agent.phone != phone:
                _not_in_call(agent)
            agent.full_name, agent.phone, agent.team = full_name, phone, team
            agent.version += 1
            mine = AgentSkillRow.agent_id == agent.id
            await session.execute(delete(AgentSkillRow).where(mine, AgentSkillRow.skill.in_([*levels, *without])))
            session.add_all(AgentSkillRow(agent_id=agent.id, skill=one, level=level) for one, level in levels.items())
            await session.flush()
            return await _card(session, agent)

        return await self._database.transact(work)

    async def set_phone(self, name: str, phone: str) -> AgentCard:
        """Give an agent another phone; counts for the next offer. Raises UnknownAgent and AgentInCall."""

        async def work(session: AsyncSession) -> AgentCard:
            agent = _not_in_call(await _named(session, name))
            agent.phone = phone
            agent.version += 1
            return await _card(session, agent)

        return await self._database.transact(work)

    async def set_supervisor(self, name: str, *, supervisor: bool) -> None:
        """Let an agent supervise, or no longer. Raises UnknownAgent."""

        async def work(session: AsyncSession) -> None:
            (await _named(session, name)).supervisor = supervisor

        await self._database.transact(work)

    async def set_auto_answer(self, name: str, wanted: bool | None) -> AgentCard:
        """Whether the agent's phone is asked to pick up by itself; None: as the settings say. Raises UnknownAgent."""

        async def work(session: AsyncSession) -> AgentCard:
            agent = await _named(session, name)
            agent.auto_answer = wanted
            return await _card(session, agent)

        return await self._database.transact(work)

    async def remove(self, name: str, *, now: float) -> None:
        """Sign an agent out for good; the record of their calls stays. Raises UnknownAgent and AgentInCall."""

        async def work(session: AsyncSession) -> None:
            agent = _not_in_call(await _named(session, name))
            if agent.state != AgentState.LOGGED_OUT:
                moves.take_stance(agent, moves.stance_of(agent).after(AgentEvent.SIGN_OUT), now)
            agent.password_hash = REMOVED

        await self._database.transact(work)

    async def check_password(self, name: str, password: str) -> AgentCard | None:
        """The agent, or None; takes as long for an unknown name as for a wrong password."""
        async with self._database.read() as session:
            agent = await session.scalar(select(AgentRow).where(AgentRow.name == stored(name, 64)))
            card = None if agent is None else await _card(session, agent)
        async with self._checks:
            if not self._nobody:
                self._nobody = await asyncio.to_thread(self._hasher.hash, secrets.token_urlsafe())
            expected = self._nobody if agent is None or agent.password_hash == REMOVED else agent.password_hash
            right = await asyncio.to_thread(self._verify, expected, stored(password, MOST_PASSWORD))
        return card if right else None

    def _verify(self, expected: str, password: str) -> bool:
        try:
            return self._hasher.verify(expected, password)
        except (VerificationError, InvalidHashError):
            return False

    async def card(self, agent_id: int) -> AgentCard | None:
        """The agent as the desktop shows them."""
        async with self._database.read() as session:
            agent = await session.get(AgentRow, agent_id)
            return None if agent is None or agent.password_hash == REMOVED else await _card(session, agent)

    async def say(self, agent_id: int, event: AgentEvent, *, now: float, reason: str | None = None) -> AgentCard:
        """An agent's own move; PAUSE while offered or busy is kept and applies after the call.

        Raises IllegalMove for a move that the table lacks or that is not an agent's to make, and UnknownAgent.
        """

        async def work(session: AsyncSession) -> AgentCard:
            agent = await session.get(AgentRow, agent_id, with_for_update=True)
            if agent is None:
                raise UnknownAgent(f"no agent has the id {agent_id}")
            if agent.password_hash == REMOVED:
                raise IllegalMove("agent", "removed", event)
            if event not in SAID_BY_AGENT:
                raise IllegalMove("agent", agent.state, event)
            moves.agent_says(agent, event, now=now, reason=reason)
            return await _card(session, agent)

        return await self._database.transact(work)

    async def seen(self, agent_id: int, *, now: float) -> None:
        """A browser of this agent gave a sign of life."""
        old = or_(AgentRow.desk_seen_at.is_(None), AgentRow.desk_seen_at < now - SEEN_EVERY_S)
        async with self._database.read() as session:
            if await session.scalar(select(AgentRow.id).where(AgentRow.id == agent_id, old)) is None:
                return
        async with self._database.write() as session:
            await session.execute(update(AgentRow).where(AgentRow.id == agent_id, old).values(desk_seen_at=now))

    async def offer_of(self, agent_id: int) -> OfferSeen | None:
        """The agent's open offer, or the last one while in wrap-up."""
        offers = select(OfferRow, NeedRow).join(NeedRow).where(OfferRow.agent_id == agent_id)
        async with self._database.read() as session:
            found = (await session.execute(offers.where(OfferRow.closed_at.is_(None)))).first()
            if found is None:
                found = (
                    await session.execute(
                        offers.join(AgentRow)
                        .where(AgentRow.state == AgentState.WRAP_UP, OfferRow.state == OfferState.COMPLETED)
                        .order_by(OfferRow.closed_at.desc(), OfferRow.id.desc())
                        .limit(1)
                    )
                ).first()
            if found is None:
                return None
            offer = moves.seen_of(*found)
            if offer.state not in OPEN_OFFERS:
                return offer
            recorded = await session.scalar(open_recording(offer.call_id))
            heard = await session.execute(open_listenings().where(ListeningRow.call_id == offer.call_id))
            return replace(
                offer,
                recording=None if recorded is None else seen(recorded),
                listening=tuple(listening(*row) for row in heard),
            )

    async def wrap_up(self, agent_id: int, offer_id: int, *, disposition: str, note: str, now: float) -> bool:
        """Store the outcome of a conversation, which is final then; the same one again is as good.

        False when there was no conversation, it is not this agent's, or another outcome is stored.
        """

        async def work(session: AsyncSession) -> bool:
            offer = await session.get(OfferRow, offer_id, with_for_update=True)
            return offer is not None and moves.wrap_up(offer, agent_id, disposition, note, now)

        return await self._database.transact(work)

    async def draft(self, agent_id: int, offer_id: int, *, disposition: str | None, note: str) -> bool:
        """Keep what an agent has entered so far of the outcome; False when it is not theirs, or final already."""

        async def work(session: AsyncSession) -> bool:
            offer = await session.get(OfferRow, offer_id, with_for_update=True)
            return offer is not None and moves.note_draft(offer, agent_id, disposition, note)

        return await self._database.transact(work)

    async def extend_wrap_up(self, agent_id: int, offer_id: int, *, by_s: float, most: int, now: float) -> bool:
        """Give an agent more time after this conversation; False when there is none to extend, or no more of it."""

        async def work(session: AsyncSession) -> bool:
            agent = await session.get(AgentRow, agent_id, with_for_update=True)
            last = select(OfferRow).where(OfferRow.agent_id == agent_id, OfferRow.state == OfferState.COMPLETED)
            offer = await session.scalar(
                last.order_by(OfferRow.closed_at.desc(), OfferRow.id.desc()).limit(1).with_for_update()
            )
            if agent is None or offer is None or offer.id != offer_id:
                return False
            return moves.extend_wrap_up(agent, offer, by_s=by_s, most=most, now=now)

        return await self._database.transact(work)

    async def queue_state(self, *, now: float) -> tuple[QueueSeen, ...]:
        """Queues in which somebody waits, by name."""
        waiting = (
            select(NeedRow.queue, func.count(), func.min(NeedRow.since))
            .where(NeedRow.closed_at.is_(None), NeedRow.state != NeedState.TALKING, NeedRow.kind == CALL)
            .group_by(NeedRow.queue)
            .order_by(NeedRow.queue)
        )
        async with self._database.read() as session:
            return tuple(
                QueueSeen(queue, count, max(now - since, 0.0)) for queue, count, since in await session.execute(waiting)
            )


async def _named(session: AsyncSession, name: str) -> AgentRow:
    agent = await session.scalar(select(AgentRow).where(AgentRow.name == name).with_for_update())
    if agent is None:
        raise UnknownAgent(f"no agent is called {name!r}")
    return agent


def _not_in_call(agent: AgentRow) -> AgentRow:
    if agent.state in (AgentState.OFFERED, AgentState.BUSY):
        raise AgentInCall(f"{agent.name} is in a call; nothing was changed")
    return agent


async def _card(session: AsyncSession, agent: AgentRow) -> AgentCard:
    skills = await session.execute(
        select(AgentSkillRow.skill, AgentSkillRow.level).where(AgentSkillRow.agent_id == agent.id)
    )
    phone = await session.get(PhoneRow, agent.phone)
    return moves.card_of(
        agent, {skill: level for skill, level in skills}, None if phone is None else phones.seen_of(phone)
    )
