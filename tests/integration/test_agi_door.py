"""The FastAGI door: who comes in, what a call's end looks like, and what abuse costs."""

import asyncio
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from ivr.asterisk.agi import FastAgiDoor
from ivr.asterisk.header import parse_header
from ivr.asterisk.leg import AgiLeg
from ivr.asterisk.line import AgiLine
from ivr.asterisk.simulator import SimulatedCaller, SimulatedLine, header_bytes, header_lines
from ivr.asterisk.wire import Verb
from ivr.errors import HungUp, LineBroken, Misconfigured
from ivr.ports import Leg
from ivr.settings import FastAgi

TakeCall = Callable[[Leg], Awaitable[None]]


@pytest.fixture(autouse=True)
async def transports_close_before_the_loop() -> AsyncIterator[None]:
    yield
    for _ in range(3):
        await asyncio.sleep(0)


_taken: list[Leg] = []  # by `never`


async def never(leg: Leg) -> None:
    _taken.append(leg)


@pytest.fixture(autouse=True)
def nothing_was_taken_that_should_have_been_refused() -> Iterator[None]:
    _taken.clear()
    yield
    assert _taken == []


async def finish(leg: Leg) -> None:
    await leg.done()


@asynccontextmanager
async def opened(
    take_call: TakeCall, *, header_s: float = 0.3, **settings: object
) -> AsyncIterator[tuple[FastAgiDoor, int]]:
    door = FastAgiDoor(FastAgi(port=0, **settings), take_call, header_s=header_s)
    try:
        yield door, await door.start()
    finally:
        await door.stop(0)


async def outcome_of(verb: Awaitable[object]) -> object:
    try:
        return await verb
    except Exception as fault:
        return fault


class Waiting:
    """A call that waits for a key until something happens, and keeps what came of it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.came: object = None
        self.leg: AgiLeg | None = None

    async def __call__(self, leg: Leg) -> None:
        assert isinstance(leg, AgiLeg)
        self.leg = leg
        self.begun.set()
        try:
            self.came = await outcome_of(leg.wait(20))
        except asyncio.CancelledError as fault:
            self.came = fault
            raise
        finally:
            self.ended.set()


async def test_an_ordinary_call_is_taken_and_ends_politely() -> None:
    caller = SimulatedCaller(header_lines(name="Li Na", number="+8613800000000"))
    arrivals = []

    async def take(leg: Leg) -> None:
        arrivals.append(leg.arrival)
        await leg.done()

    async with opened(take) as (door, port):
        await caller.call(port)
        assert caller.done
        assert door.calls == 0
    assert (arrivals[0].caller_name, arrivals[0].ani) == ("Li Na", "+8613800000000")


@pytest.mark.fault("B6-B7", "FastAGI headers that are forged, repeated or not ours")
@pytest.mark.parametrize(
    "header",
    [
        b"\n\n",
        header_bytes(header_lines(script="other")),
        header_bytes(header_lines(script="../call")),
        header_bytes(header_lines(script="call%00")),
        header_bytes(header_lines(version="ringwise-0")),
        header_bytes([*header_lines(), "agi_callerid: 4711"]),
        header_bytes([line for line in header_lines() if "network_script" not in line]),
        b"GET / HTTP/1.1\r\nHost: x\r\n\n\n",
        b"\x16\x03\x01\x02\x00\n\n",
    ],
)
async def test_a_header_that_is_not_ours_is_closed_without_a_command(header: bytes) -> None:
    async with opened(never) as (_, port):
        line = await SimulatedLine.knock(port, header)
        assert await asyncio.wait_for(line.closed(), 20) == b""
        line.close()


async def test_the_doctor_may_look_in_without_making_a_call() -> None:
    async with opened(never) as (_, port):
        lines = [line for line in header_lines(script="doctor") if "_arg_" not in line]
        line = await SimulatedLine.knock(port, header_bytes(lines))
        assert await asyncio.wait_for(line.closed(), 20) == b""
        line.close()


@pytest.mark.parametrize("behind", [b"agi_dnid: 95500\n", b"200 result=0\n", b"200 result=1 (0)\nagi_dnid: x\n", b"\n"])
async def test_bytes_behind_the_empty_line_refuse_the_call(behind: bytes) -> None:
    async with opened(never) as (_, port):
        line = await SimulatedLine.knock(port, header_bytes(header_lines()) + behind)
        await asyncio.wait_for(line.closed(), 20)
        line.close()


@pytest.mark.fault("B13", "a connection to FastAGI from a foreign address")
async def test_a_foreign_address_is_refused() -> None:
    async with opened(never, peers=("192.0.2.1",)) as (_, port):
        line = await SimulatedLine.knock(port)
        assert await asyncio.wait_for(line.closed(), 20) == b""
        line.close()


async def test_a_network_of_peers_may_be_named() -> None:
    async with opened(finish, peers=("127.0.0.0/8",)) as (_, port):
        caller = SimulatedCaller()
        await caller.call(port)
        assert caller.done


async def test_a_port_that_is_taken_is_named_at_start() -> None:
    async with opened(never) as (_, port):
        with pytest.raises(Misconfigured, match=str(port)):
            await FastAgiDoor(FastAgi(port=port), never).start()


@pytest.mark.fault("B1", "1,000 connections to FastAGI that close at once")
async def test_a_thousand_connects_and_closes_do_not_hold_the_loop_up() -> None:
    gaps: list[float] = []  # in processor time: what else the machine does is not the loop's fault

    async def beat() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.005)
            now = time.thread_time()
            gaps.append(now - last)
            last = now

    async with opened(never) as (_, port):
        heart = asyncio.create_task(beat())
        for _ in range(20):
            lines = await asyncio.gather(*(SimulatedLine.knock(port, b"") for _ in range(50)))
            for line in lines:
                line.close()
        heart.cancel()
        caller = asyncio.create_task(SimulatedLine.knock(port))
        (await caller).close()
    assert max(gaps) < 1.0  # the stock library's gap is endless


@pytest.mark.fault("B16", "500 callers at once")
async def test_a_burst_of_five_hundred_callers_is_taken() -> None:
    async with opened(finish, header_s=10) as (_, port):
        callers = [SimulatedCaller(header_lines(call_id=f"17.{n}")) for n in range(500)]
        await asyncio.gather(*(caller.call(port) for caller in callers))
        assert all(caller.done for caller in callers)


@pytest.mark.fault("B2", "FastAGI clients that connect and say nothing")
async def test_silent_clients_leave_no_task_behind() -> None:
    async with opened(never, header_s=0.05) as (door, port):
        lines = [await SimulatedLine.knock(port, b"agi_") for _ in range(50)]
        await asyncio.gather(*(line.closed() for line in lines))
        assert not door._knocking
        for line in lines:
            line.close()


async def test_more_silent_clients_than_allowed_are_closed_at_once() -> None:
    door = FastAgiDoor(FastAgi(port=0), never, most_knocking=2)
    port = await door.start()
    lines = [await SimulatedLine.knock(port, b"") for _ in range(3)]
    done, waiting = await asyncio.wait(
        [asyncio.create_task(line.closed()) for line in lines], timeout=20, return_when=asyncio.FIRST_COMPLETED
    )
    assert (len(done), len(waiting)) == (1, 2)
    await door.stop(0)
    await asyncio.wait(waiting)
    for line in lines:
        line.close()


async def test_a_caller_who_left_before_the_first_command_is_not_taken() -> None:
    async with opened(never) as (_, port):
        line = await SimulatedLine.knock(port, header_bytes(header_lines()) + b"HANGUP\n")
        line.writer.write_eof()
        async with asyncio.timeout(20):
            await line.closed()
        line.close()


@pytest.mark.parametrize("how", ["hang up", "end of file", "reset"])
@pytest.mark.fault("B11", "the caller's line is cut in the midst of a command")
async def test_a_caller_who_leaves_during_a_command_has_hung_up(how: str) -> None:
    call = Waiting()
    async with opened(call) as (_, port):
        line = await SimulatedLine.knock(port)
        await line.prove()
        await line.command()
        if how == "hang up":
            line.send(b"200 result=-1\n")
            line.hang_up()
        elif how == "end of file":
            line.writer.write_eof()
        else:
            sock = line.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.writer.transport.abort()
        async with asyncio.timeout(20):
            await call.ended.wait()
        line.close()
    assert isinstance(call.came, HungUp)


async def test_a_caller_who_leaves_between_two_commands_is_noticed_at_once() -> None:
    noticed = asyncio.Event()
    afterwards = []

    async def take(leg: Leg) -> None:
        assert isinstance(leg, AgiLeg)
        await leg.gone.wait()
        noticed.set()
        afterwards.append(await outcome_of(leg.wait(1)))

    async with opened(take) as (_, port):
        line = await SimulatedLine.knock(port)
        await line.prove()
        line.hang_up()
        async with asyncio.timeout(20):
            await noticed.wait()
    assert isinstance(afterwards[0], HungUp)


async def test_a_call_that_the_switch_took_away_after_its_deadline_has_not_hung_up() -> None:
    came: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def take(leg: Leg) -> None:
        await leg.arm(0.05)
        came.set_result(await outcome_of(leg.wait(5)))

    async with opened(take) as (_, port):
        line = await SimulatedLine.knock(port)
        await line.prove()
        await line.command()
        line.send(b"200 result=1\n")
        await line.command()
        await asyncio.sleep(0.06)
        line.hang_up()
        assert isinstance(await asyncio.wait_for(came, 20), LineBroken)


@pytest.mark.fault("B10", "answers out of step")
@pytest.mark.parametrize(
    "answer",
    [
        b"\n",
        b"agi_dnid: unknown\n",
        b"200\n",
        b"510 Invalid or unknown command\n",
        b"520 Invalid command syntax.\n",
        b"520-Usage:\nx\n520 End of proper usage.\n",
        b"200 result=x\n",
        b"\x00\xff\xfe\n",
        b"x" * 200_000,
        b"200 result=1 (" + os.urandom(1_000).replace(b"\n", b"") + b"\n",
        b"200 result=0\n200 result=0\n",
    ],
)
async def test_an_answer_out_of_step_breaks_the_line_at_once(answer: bytes) -> None:
    came = []

    async def take(leg: Leg) -> None:
        came.append(await outcome_of(leg.wait(1)))
        came.append(await outcome_of(leg.wait(1)))

    async with opened(take) as (_, port):
        line = await SimulatedLine.knock(port)
        await line.prove()
        await line.command()
        line.send(answer)
        async with asyncio.timeout(20):
            await line.closed()
        line.close()
    assert any(isinstance(one, LineBroken) for one in came)


async def line_pair() -> tuple[AgiLine, SimulatedLine, asyncio.Server]:
    """Both ends of one connection, without a door."""
    header = parse_header(header_bytes(header_lines()))
    ours: asyncio.Future[AgiLine] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(
        lambda reader, writer: ours.set_result(AgiLine(None, header, reader, writer)), "127.0.0.1", 0
    )
    theirs = await SimulatedLine.knock(server.sockets[0].getsockname()[1], b"")
    return await ours, theirs, server


@pytest.mark.fault("B12", "an answer that never comes")
async def test_a_command_without_an_answer_ends_the_line_at_its_deadline() -> None:
    line, asterisk, server = await line_pair()
    listening = asyncio.create_task(line.listen())
    with pytest.raises(LineBroken, match="no answer to ANSWER"):
        await line.send_command(Verb.ANSWER, deadline_s=0.05)
    assert await asterisk.closed() == b"ANSWER\n"
    assert line.gone.is_set()
    with pytest.raises(LineBroken):
        await line.send_command(Verb.ANSWER, deadline_s=1)
    await listening
    asterisk.close()
    server.close()


@pytest.mark.fault("B14", "an exception in one call")
async def test_a_fault_of_one_call_stays_with_that_call() -> None:
    async def take(leg: Leg) -> None:
        if leg.arrival.call_id == "17.1":
            raise ZeroDivisionError
        await leg.done()

    async with opened(take) as (_, port):
        broken, whole = SimulatedCaller(header_lines(call_id="17.1")), SimulatedCaller(header_lines(call_id="17.2"))
        await asyncio.gather(broken.call(port), whole.call(port))
        assert (broken.done, whole.done) == (False, True)


async def test_draining_lets_calls_end_by_themselves_and_takes_no_new_one() -> None:
    call = Waiting()
    door = FastAgiDoor(FastAgi(port=0), call)
    port = await door.start()
    caller = SimulatedCaller(pace=1.0)
    calling = asyncio.create_task(caller.call(port))
    await call.begun.wait()
    stopping = asyncio.create_task(door.stop(10))
    await asyncio.sleep(0)
    with pytest.raises(OSError, match=r"."):
        await SimulatedLine.knock(port)
    caller.press("5")
    await asyncio.wait_for(asyncio.gather(stopping, calling), 20)
    assert call.came == "5"


@pytest.mark.fault("A6", "the engine is stopped with calls in progress")
async def test_a_call_that_outlasts_the_drain_is_cancelled_and_left_to_the_dialplan() -> None:
    call = Waiting()
    door = FastAgiDoor(FastAgi(port=0), call)
    caller = SimulatedCaller(pace=1.0)
    calling = asyncio.create_task(caller.call(await door.start()))
    await call.begun.wait()
    await asyncio.wait_for(door.stop(0.05), 20)
    caller.press("5")
    await asyncio.wait_for(calling, 20)
    assert isinstance(call.came, asyncio.CancelledError)
    assert not caller.done
