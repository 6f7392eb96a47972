"""What several adapters' tests stand on: a database for the command line, a manager that plays Asterisk."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.asterisk.simulated_manager import SimulatedManager
from ivr.testing.databases import fresh_file


@pytest.fixture
def cli_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the migrated, empty database that `ivr` works on, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    address = asyncio.run(fresh_file(tmp_path / "ringwise.db"))
    monkeypatch.setenv("RINGWISE_DATABASE_URL", address)
    return address


@pytest.fixture
async def asterisk() -> AsyncIterator[SimulatedManager]:
    """A manager that says what Asterisk would."""
    manager = SimulatedManager()
    await manager.start()
    yield manager
    await manager.stop()
    for _ in range(3):
        await asyncio.sleep(0)
