"""Failed attempts to be verified, counted in the database so that no node, call or restart starts a count afresh."""

from collections.abc import Sequence

from sqlalchemy import case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import LockoutRow


class _Locked(Exception):
    """One of the subjects is locked; nothing is counted."""


class Lockouts:
    """Counts of failures by subject; what is too much, and for how long, is said when it is made."""

    def __init__(self, database: Database, *, most_failures: int, window_s: float, lock_s: float) -> None:
        self._database = database
        self._most, self._window_s, self._lock_s = most_failures, window_s, lock_s
        self._insert = insert_postgresql if database.on_postgresql else insert_sqlite

    async def locked(self, subjects: Sequence[str], *, now: float) -> bool:
        """Whether one of them is locked."""
        held = select(LockoutRow.subject).where(LockoutRow.subject.in_(subjects), LockoutRow.locked_until > now)
        async with self._database.read() as session:
            return await session.scalar(held.limit(1)) is not None

    async def tried(self, subjects: Sequence[str], *, now: float) -> bool:
        """Count an attempt for each, all or none; False when one of them is locked."""

        async def work(session: AsyncSession) -> None:
            for subject in sorted(subjects):  # in one order, so that no two calls wait for each other
                if (await session.execute(self._counted(subject, now))).first() is None:
                    raise _Locked

        try:
            await self._database.transact(work)
        except _Locked:
            return False
        return True

    def _counted(self, subject: str, now: float):  # type: ignore[no-untyped-def]  # the dialects share no type
        """One more failure, in one statement; no row comes back from a subject that is locked."""
        lock = now + self._lock_s
        stale = or_(LockoutRow.since <= now - self._window_s, LockoutRow.locked_until.is_not(None))
        count = case((stale, 1), else_=LockoutRow.failures + 1)
        first = self._insert(LockoutRow).values(
            subject=subject, failures=1, since=now, locked_until=lock if self._most <= 1 else None
        )
        return first.on_conflict_do_update(
            index_elements=[LockoutRow.subject],
            set_={
                "failures": count,
                "since": case((stale, now), else_=LockoutRow.since),
                "locked_until": case((count >= self._most, lock), else_=None),
            },
            where=or_(LockoutRow.locked_until.is_(None), LockoutRow.locked_until <= now),
        ).returning(LockoutRow.failures)

    async def untried(self, subjects: Sequence[str], *, now: float) -> None:
        """Take one attempt of each back, and the lock that it made."""
        still = case((LockoutRow.failures > self._most, LockoutRow.locked_until), else_=None)
        statement = (
            update(LockoutRow)
            .where(LockoutRow.failures > 0)
            .values(failures=LockoutRow.failures - 1, locked_until=still)
        )

        async def work(session: AsyncSession) -> None:
            for subject in sorted(subjects):
                await session.execute(statement.where(LockoutRow.subject == subject))

        await self._database.transact(work)

    async def passed(self, subjects: Sequence[str], *, now: float) -> None:
        """Forget the failures of these."""

        async def work(session: AsyncSession) -> None:
            for subject in sorted(subjects):
                await session.execute(delete(LockoutRow).where(LockoutRow.subject == subject))

        await self._database.transact(work)
