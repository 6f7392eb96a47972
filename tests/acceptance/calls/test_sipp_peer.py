"""A whole call whose caller and agent's phone are both SIPp: nothing rests on the SIP and RTP of our own robots."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.tables import AgentRow, NeedRow

pytestmark = pytest.mark.live

SCENARIOS = Path(__file__).parent / "sipp"
CHEN_WEI = "+8613800000003"
WHOLE_CALL_S = 60


def raw_sockets() -> bool:
    """Whether we may send RTP the way SIPp's `play_dtmf` does."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        return False
    return True


@asynccontextmanager
async def sipp(scenario: str, folder: Path, *arguments: str) -> AsyncIterator["Peer"]:
    """SIPp with one of our scenarios, for one call; what it complains about is in the folder."""
    program = shutil.which("sipp")
    assert program, "SIPp is missing: apt-get install sip-tester"
    errors = folder / f"{scenario}.errors"
    process = await asyncio.create_subprocess_exec(
        program,
        *("-sf", str(SCENARIOS / f"{scenario}.xml"), "-m", "1", "-nostdin"),
        *("-timeout", f"{WHOLE_CALL_S}s", "-timeout_error", "-trace_err", "-error_file", str(errors)),
        *arguments,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Peer(process, errors)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Peer:
    """A running SIPp."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self._process, self._errors = process, errors

    async def went_well(self) -> None:
        """Its call went to the end exactly as its scenario says."""
        async with asyncio.timeout(WHOLE_CALL_S + 5):
            status = await self._process.wait()
        assert status == 0, self._errors.read_text() if self._errors.exists() else f"SIPp ended with {status}"


@pytest.mark.skipif(not raw_sockets(), reason="SIPp sends keys through a raw socket, which needs root or CAP_NET_RAW")
async def test_a_foreign_caller_presses_a_key_and_talks_to_a_foreign_agents_phone(hotline: Any, tmp_path: Path) -> None:
    host, port = await hotline.unplug("grace")
    await hotline.make_ready("grace")
    switch = "{}:{}".format(*hotline.site.asterisk.sip)
    trunk = hotline.site.asterisk.trunk_address
    async with (
        sipp("agent", tmp_path, "-i", host, "-mi", host, "-p", str(port)) as agent,
        sipp(
            "caller", tmp_path, switch, "-i", trunk, "-mi", trunk, "-s", "95599", "-key", "number", CHEN_WEI
        ) as caller,
    ):
        await agent.went_well()
        await caller.went_well()
    assert await hotline.ended(CHEN_WEI) == "served/agent"
    pressed = [(one["key"], one["option"]) for one in await hotline.events(CHEN_WEI, "key")]
    assert pressed == [("7", "complaint"), ("0", "other")]
    (offer,) = await hotline.offers(CHEN_WEI)
    async with hotline.database.read() as session:
        need = await session.get_one(NeedRow, offer.need_id)
        served_by = await session.scalar(select(AgentRow.name).where(AgentRow.id == offer.agent_id))
    assert (need.queue, need.outcome, served_by) == ("complaints", "served", "grace")
    assert offer.state == "completed"
    assert 2 < offer.closed_at - offer.answered_at < 6
