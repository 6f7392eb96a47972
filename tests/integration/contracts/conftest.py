"""The stores that the contracts are held to: the twins in memory, SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.testing.databases import POSTGRESQL, SQLITE
from ivr.testing.world import World, stored_world, twin_world


@pytest.fixture(params=["memory", SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield twin_world()
        return
    async with stored_world(request.param, tmp_path) as world:
        yield world
