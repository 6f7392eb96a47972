"""A real Asterisk for the whole run, and robots to call it; every test must leave it without a channel."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from ivr.lab.asterisk import LabAsterisk
from ivr.lab.ports import free_ports
from ivr.lab.robots import RobotCaller, RobotPhone

CHANNELS_GONE_S = 5.0
DEAD_MAN_S = 2
STATIC_QUEUE_S = 2


@pytest.fixture(scope="session")
def _asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabAsterisk]:
    node_a, node_b = free_ports(2, socket.SOCK_STREAM)
    with LabAsterisk(
        tmp_path_factory.mktemp("asterisk"),
        node_a=f"127.0.0.1:{node_a}",
        node_b=f"127.0.0.1:{node_b}",
        robots=["agent-101"],
        softphones=["softphone"],
        dialplan_globals={"RINGWISE_DEAD_MAN_S": str(DEAD_MAN_S), "RINGWISE_STATIC_QUEUE_S": str(STATIC_QUEUE_S)},
    ) as asterisk:
        yield asterisk


@pytest.fixture
def asterisk(_asterisk: LabAsterisk) -> Iterator[LabAsterisk]:
    """A running Asterisk whose two engines are for the test to play; afterwards no channel is left."""
    yield _asterisk
    deadline = time.monotonic() + CHANNELS_GONE_S
    while (left := _asterisk.channels()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == 0, f"{left} channels outlived the test:\n{_asterisk.cli('core show channels concise')}"


@pytest.fixture
def node_ports(asterisk: LabAsterisk) -> tuple[int, int]:
    """Where the dialplan looks for engine A and engine B."""
    a, b = (int(node.rpartition(":")[2]) for node in (asterisk.plan.node_a, asterisk.plan.node_b))
    return a, b


@pytest.fixture
async def caller(asterisk: LabAsterisk) -> AsyncIterator[RobotCaller]:
    """Somebody who calls in."""
    async with RobotCaller(asterisk.sip) as robot:
        yield robot


@pytest.fixture
async def phone(asterisk: LabAsterisk) -> AsyncIterator[RobotPhone]:
    """The phone of agent-101; set `phone.manner` to tell it how to behave."""
    async with RobotPhone(asterisk.phone_address("agent-101")) as robot:
        yield robot
        async with asyncio.timeout(CHANNELS_GONE_S):
            await asyncio.gather(*(call.hang_up() for call in robot.calls))
