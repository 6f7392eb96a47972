"""Hints inside a process and between nodes."""

import asyncio

import pytest

from ivr.lab.postgresql import PostgresqlServer
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from ivr.testing.records import MemoryHints
from models.database import Database
from models.hints import SharedHints, open_hints


@pytest.fixture(params=["memory", SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def hints(request, tmp_path):
    if request.param == "memory":
        yield MemoryHints()
        return
    async with fresh_database(request.param, tmp_path) as database, open_hints(database) as opened:
        yield opened


async def test_a_nudge_wakes_everyone_who_waits_for_that_topic(hints):
    waiting = [asyncio.create_task(hints.wait("routing", seconds=10)) for _ in range(3)]
    other = asyncio.create_task(hints.wait("other", seconds=0.05))
    await asyncio.sleep(0)
    hints.nudge("routing")
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await other is False


async def test_a_nudge_while_nobody_waits_is_found_at_the_next_wait_once(hints):
    hints.nudge("routing")
    hints.nudge("routing")
    assert await hints.wait("routing", seconds=10)
    assert not await hints.wait("routing", seconds=0)


async def test_without_a_nudge_the_time_passes(hints):
    assert not await hints.wait("routing", seconds=0.01)


@pytest.mark.postgresql
async def test_a_nudge_on_one_node_wakes_another_and_does_not_come_back(tmp_path):
    async with (
        fresh_database(POSTGRESQL, tmp_path) as database,
        open_hints(database) as here,
        open_hints(database) as there,
    ):
        assert isinstance(here, SharedHints)
        assert isinstance(there, SharedHints)
        await asyncio.wait_for(asyncio.gather(here.connected.wait(), there.connected.wait()), 10)
        here.nudge("routing")
        assert await here.wait("routing", seconds=10)
        assert await there.wait("routing", seconds=10)
        there.nudge("done")
        assert await here.wait("done", seconds=10)
        assert not await here.wait("routing", seconds=0)


@pytest.mark.postgresql
async def test_a_node_hears_whom_another_one_tells_of_and_not_what_it_tells_itself(tmp_path):
    async with (
        fresh_database(POSTGRESQL, tmp_path) as database,
        open_hints(database) as here,
        open_hints(database) as there,
    ):
        await asyncio.wait_for(asyncio.gather(here.connected.wait(), there.connected.wait()), 10)
        heard: dict[str, list[str]] = {"here": [], "there": []}
        here.listen("desk", heard["here"].append)
        there.listen("desk", heard["there"].append)
        here.tell("unheard", "1")
        here.tell("desk", "17")
        here.nudge("done")
        while not heard["there"]:
            assert await there.wait("done", seconds=10)
        assert heard == {"here": [], "there": ["17"]}


@pytest.mark.postgresql
async def test_hints_come_back_after_the_server_was_away_and_never_raise_meanwhile():
    server = PostgresqlServer()
    try:
        url = server.url(await server.create_database())
        async with Database.opened(url) as database, open_hints(database) as here, open_hints(database) as there:
            assert isinstance(here, SharedHints)
            assert isinstance(there, SharedHints)
            await asyncio.wait_for(asyncio.gather(here.connected.wait(), there.connected.wait()), 10)
            server.stop()
            here.nudge("routing")
            assert await here.wait("routing", seconds=1)
            while here.connected.is_set() or there.connected.is_set():
                here.nudge("routing")
                there.nudge("routing")
                await asyncio.sleep(0.01)
            server.start()
            await asyncio.wait_for(asyncio.gather(here.connected.wait(), there.connected.wait()), 20)
            await there.wait("again", seconds=0)
            here.nudge("again")
            assert await there.wait("again", seconds=10)
    finally:
        server.remove()


@pytest.mark.postgresql
async def test_an_address_may_say_how_to_connect_as_for_the_database():
    server = PostgresqlServer()
    try:
        url = server.url(await server.create_database())
        url += ("&" if "?" in url else "?") + "ssl=disable&prepared_statement_cache_size=100"
        async with Database.opened(url) as database, open_hints(database) as hints:
            assert isinstance(hints, SharedHints)
            await asyncio.wait_for(hints.connected.wait(), 10)
    finally:
        server.remove()
