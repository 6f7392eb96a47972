"""One set of tests for lock-outs in the database and their twin: counted over all calls, outrun by none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.ports import Lockouts as Port
from ivr.settings import Verification
from ivr.testing.databases import fresh_database
from ivr.testing.selfservice import MemoryLockouts
from ivr.testing.store import MemoryStore
from models.lockouts import Lockouts

RULES = Verification(most_failures=3, window_s=1000.0, lock_s=100.0)
LI, ANI, BEN = "customer:1", "number:+8613800000001", "customer:2"


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def lockouts(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Port]:
    if request.param == "memory":
        yield MemoryLockouts(MemoryStore(), RULES)
        return
    async with fresh_database(request.param, tmp_path) as database:
        yield Lockouts(database, most_failures=3, window_s=1000.0, lock_s=100.0)


async def fail(lockouts: Port, times: int, *subjects: str, now: float = 0.0) -> list[bool]:
    return [await lockouts.tried(subjects, now=now) for _ in range(times)]


async def test_nobody_is_locked_at_first(lockouts: Port) -> None:
    assert not await lockouts.locked((LI, ANI), now=0)
    assert not await lockouts.locked((), now=0)


async def test_so_many_failures_lock_and_one_less_does_not(lockouts: Port) -> None:
    assert await fail(lockouts, 2, LI) == [True, True]
    assert not await lockouts.locked((LI,), now=0)
    assert await fail(lockouts, 2, LI) == [True, False]
    assert await lockouts.locked((ANI, LI), now=99)


async def test_an_attempt_that_is_refused_counts_for_none_of_its_subjects(lockouts: Port) -> None:
    await fail(lockouts, 3, LI)
    assert await fail(lockouts, 5, ANI, LI) == [False] * 5
    assert await fail(lockouts, 2, ANI) == [True, True]
    assert not await lockouts.locked((ANI,), now=0)


async def test_a_lock_ends_and_the_count_begins_anew(lockouts: Port) -> None:
    await fail(lockouts, 3, LI)
    assert not await lockouts.locked((LI,), now=100)
    assert await fail(lockouts, 2, LI, now=100) == [True, True]
    assert not await lockouts.locked((LI,), now=100)
    assert await fail(lockouts, 2, LI, now=101) == [True, False]
    assert await lockouts.locked((LI,), now=200)


async def test_old_failures_are_forgotten(lockouts: Port) -> None:
    await fail(lockouts, 2, LI)
    assert await fail(lockouts, 2, LI, now=1000) == [True, True]
    assert not await lockouts.locked((LI,), now=1000)


async def test_who_has_passed_begins_anew_and_others_do_not(lockouts: Port) -> None:
    await fail(lockouts, 2, LI, ANI)
    await lockouts.passed((LI,), now=0)
    assert await fail(lockouts, 1, LI, ANI) == [True]
    assert await lockouts.locked((ANI,), now=0)
    assert not await lockouts.locked((LI,), now=0)


async def test_an_attempt_that_could_not_be_judged_is_taken_back_with_its_lock(lockouts: Port) -> None:
    await fail(lockouts, 3, LI)
    await lockouts.untried((LI, BEN), now=0)
    assert not await lockouts.locked((LI,), now=0)
    assert await fail(lockouts, 2, LI) == [True, False]


@pytest.mark.fault("S9", "guesses of a PIN from many calls at once")
async def test_many_calls_at_once_get_no_more_attempts_than_one(lockouts: Port) -> None:
    tried = await asyncio.gather(*(lockouts.tried((LI, f"number:{n}"), now=0) for n in range(8)))
    assert sorted(tried) == [False] * 5 + [True] * 3


async def test_subjects_named_in_any_order_do_not_stop_each_other(lockouts: Port) -> None:
    pairs = [(LI, BEN), (BEN, LI)] * 3
    tried = await asyncio.gather(*(lockouts.tried(pair, now=0) for pair in pairs))
    assert tried.count(True) == 3
