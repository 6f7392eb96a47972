"""Each FastAGI defect of panoramisk (F1 to F15): shown on the stock library, cured in ours, by the same scenario.

Longer than other files because the defects are one list with one harness.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from panoramisk.fast_agi import Application, Request
from panoramisk.utils import parse_agi_result

from ivr.asterisk.agi import FastAgiDoor
from ivr.asterisk.errors import NoApplication, Refused
from ivr.asterisk.leg import AgiLeg
from ivr.asterisk.simulator import SimulatedLine, header_bytes, header_lines
from ivr.asterisk.wire import ReplyParser
from ivr.errors import HungUp, LineBroken
from ivr.ports import Clip, Leg
from ivr.settings import FastAgi

both = pytest.mark.parametrize("driver", ["ringwise", "panoramisk"])
STUCK = TimeoutError()


class Phone:
    """Two verbs over either library; what they raise is their answer, and so is getting stuck."""

    def __init__(self, way: Leg | Request) -> None:
        self.way = way

    async def wait(self, give_up_s: float = 2.0) -> Any:
        return await self._ask(
            lambda: (
                self.way.wait(1.0) if isinstance(self.way, AgiLeg) else self.way.send_command("WAIT FOR DIGIT 1000")
            ),
            give_up_s,
        )

    async def play(self, sound: str) -> Any:
        if isinstance(self.way, AgiLeg):
            return await self._ask(lambda: self.way.say([Clip(sound, "", 3.0)]), 2.0)
        return await self._ask(lambda: self.way.send_command(f"STREAM FILE {sound} 123"), 2.0)

    async def _ask(self, verb: Callable[[], Awaitable[Any]], give_up_s: float) -> Any:
        try:
            async with asyncio.timeout(give_up_s):
                return await verb()
        except TimeoutError:
            return STUCK
        except Exception as fault:
            return fault


@asynccontextmanager
async def served(driver: str, call: Callable[[Phone], Awaitable[Any]], **settings: Any) -> AsyncIterator[int]:
    """A FastAGI server of either library on a free port."""
    if driver == "ringwise":
        door = FastAgiDoor(FastAgi(port=0, **settings), lambda leg: call(Phone(leg)), header_s=0.2)
        yield await door.start()
        await door.stop(0)
        return
    app = Application(loop=asyncio.get_running_loop())

    async def route(request: Request) -> None:
        await call(Phone(request))

    app.add_route("call", route)
    handlers: list[asyncio.Task[Any]] = []
    writers: list[asyncio.StreamWriter] = []

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        handlers.append(asyncio.create_task(app.handler(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for handler in handlers:
        handler.cancel()
    await asyncio.gather(*handlers, return_exceptions=True)
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)


async def dialogue(
    driver: str, call: Callable[[Phone], Awaitable[Any]], *said: bytes, header: bytes | None = None
) -> Any:
    """Run one call; Asterisk answers its commands with these bytes in turn, then goes on listening."""
    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def run(phone: Phone) -> None:
        outcome.set_result(await call(phone))

    async with served(driver, run) as port:
        line = await SimulatedLine.knock(port, header)
        if driver == "ringwise":
            await line.prove()
        for answer in said:
            await line.command()
            line.send(answer)
        async with asyncio.timeout(30):
            result = await outcome
        line.close()
        return result


async def twice(phone: Phone) -> list[Any]:
    return [await phone.wait(), await phone.wait(0.3)]


BEATS = """
import asyncio, sys
sys.path.insert(0, {path!r})
async def main():
    if {driver!r} == "ringwise":
        from ivr.asterisk.agi import FastAgiDoor
        from ivr.settings import FastAgi
        port = await FastAgiDoor(FastAgi(port=0), None).start()
    else:
        from panoramisk.fast_agi import Application
        server = await asyncio.start_server(Application(loop=asyncio.get_running_loop()).handler, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
    print(port, flush=True)
    while True:
        print("beat", flush=True)
        await asyncio.sleep(0.01)
asyncio.run(main())
"""


@both
async def test_f1_connect_and_close_does_not_freeze_the_process(driver: str, request: pytest.FixtureRequest) -> None:
    code = BEATS.format(driver=driver, path=str(request.config.rootpath))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        await process.stdout.readline()
        for sent in (b"", b"agi_network: yes\n"):
            (await SimulatedLine.knock(port, sent)).close()
        beats = 0
        try:
            async with asyncio.timeout(0.7 if driver == "panoramisk" else 30):
                while beats < 60:
                    beats += bool(await process.stdout.readline())
        except TimeoutError:
            pass
        assert (beats == 60) is (driver == "ringwise")
    finally:
        process.kill()
        await process.communicate()


@both
async def test_f2_a_header_without_end_is_cut_off(driver: str) -> None:
    async with served(driver, Phone.wait) as port:
        line = await SimulatedLine.knock(port, b"agi_x: " + b"x" * 200_000)
        try:
            async with asyncio.timeout(0.4 if driver == "panoramisk" else 30):
                await line.closed()
            held = False
        except TimeoutError:
            held = True
    line.close()  # after the stock handler has ended: it would spin for ever at the end of file
    assert held is (driver == "panoramisk")


@both
async def test_f2_a_client_that_trickles_its_header_is_closed_at_the_deadline(driver: str) -> None:
    async with served(driver, Phone.wait) as port:
        line = await SimulatedLine.knock(port, b"agi_network: yes\n")
        try:
            async with asyncio.timeout(0.4 if driver == "panoramisk" else 30):
                await line.closed()
            held = False
        except TimeoutError:
            held = True
    line.close()
    assert held is (driver == "panoramisk")


@both
async def test_f2_open_calls_are_capped(driver: str) -> None:
    settings = {"most_calls": 1} if driver == "ringwise" else {}
    taken: list[Phone] = []

    async def call(phone: Phone) -> None:
        taken.append(phone)
        await phone.wait()

    async with served(driver, call, **settings) as port:
        lines = [await SimulatedLine.knock(port) for _ in range(2)]
        if driver == "ringwise":
            ends = [asyncio.ensure_future(line.closed()) for line in lines[1:]]
            await lines[0].prove()
            await lines[0].command()
            await asyncio.gather(*ends)
        else:
            for line in lines:
                await line.command()
        assert len(taken) == (1 if driver == "ringwise" else 2)
        for line in lines:
            line.close()


@both
async def test_f3_end_of_file_instead_of_an_answer_is_a_hang_up(driver: str) -> None:
    async def call(phone: Phone) -> None:
        answers.append(await phone.wait())
        finished.set()

    answers: list[Any] = []
    finished = asyncio.Event()
    async with served(driver, call) as port:
        line = await SimulatedLine.knock(port)
        if driver == "ringwise":
            await line.prove()
        await line.command()
        line.close()
        await asyncio.wait_for(finished.wait(), 20)
    assert isinstance(answers[0], HungUp if driver == "ringwise" else ValueError)


@both
@pytest.mark.fault("B9", "HANGUP where an answer should be")
async def test_f4_hangup_is_never_the_answer_of_a_command(driver: str) -> None:
    first, second = await dialogue(driver, twice, b"HANGUP\n200 result=49\n")
    if driver == "ringwise":
        assert first == "1"
        assert isinstance(second, HungUp)
    else:
        assert first["error"] == "AGIResultHangup"
        assert second["result"] == ("49", "")  # the answer of the command before


@both
async def test_f5_a_command_that_was_given_up_leaves_no_answer_to_the_next(driver: str) -> None:
    released = asyncio.Event()

    async def call(phone: Phone) -> list[Any]:
        first = await phone.wait(0.05)
        released.set()
        return [first, await phone.wait(0.5)]

    async def asterisk(line: SimulatedLine) -> None:
        await line.command()
        await released.wait()
        line.send(b"200 result=49\n")

    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def run(phone: Phone) -> None:
        outcome.set_result(await call(phone))

    async with served(driver, run) as port:
        line = await SimulatedLine.knock(port)
        if driver == "ringwise":
            await line.prove()
        await asterisk(line)
        first, second = await asyncio.wait_for(outcome, 30)
        line.close()
    assert first is STUCK
    if driver == "ringwise":
        assert isinstance(second, LineBroken)
    else:
        assert second["result"] == ("49", "")


def test_f6_a_timeout_is_not_an_empty_input() -> None:
    timeout, empty = "200 result= (timeout)", "200 result="
    assert parse_agi_result(timeout)["result"] == parse_agi_result(empty)["result"]
    assert ReplyParser().feed(timeout.encode() + b"\n") != ReplyParser().feed(empty.encode() + b"\n")


def test_f7_a_value_that_looks_like_a_hang_up_stays_data() -> None:
    line = "200 result=1 (hangup)"
    assert parse_agi_result(line)["error"] == "AGIResultHangup"
    reply = ReplyParser().feed(line.encode() + b"\n")
    assert reply is not None
    assert reply.value == "hangup"


def test_f8_a_result_of_minus_one_keeps_its_other_fields() -> None:
    line = "200 result=-1 endpos=4160"
    assert "endpos" not in parse_agi_result(line)
    reply = ReplyParser().feed(line.encode() + b"\n")
    assert reply is not None
    assert (reply.result, reply.fields["endpos"]) == ("-1", "4160")


@both
async def test_f8_a_dead_channel_is_a_typed_hang_up(driver: str) -> None:
    answer = await dialogue(driver, Phone.wait, b"511 Command Not Permitted on a dead channel\n")
    if driver == "ringwise":
        assert isinstance(answer, HungUp)
    else:
        assert answer["error"] == "AGIUnknownError"


@both
async def test_f8_a_missing_application_is_a_typed_error(driver: str) -> None:
    async def music(phone: Phone) -> Any:
        if isinstance(phone.way, AgiLeg):
            return await phone._ask(phone.way.hold, 1)
        return await phone.way.send_command("EXEC StartMusicOnHold default")

    answer = await dialogue(driver, music, b"200 result=-2\n")
    if driver == "ringwise":
        assert isinstance(answer, NoApplication)
    else:
        assert "error" not in answer


@both
async def test_f9_a_wrong_usage_in_one_line_is_answered_at_once(driver: str) -> None:
    answer = await dialogue(
        driver, lambda phone: phone.wait(0.5), b"520 Invalid command syntax.  Proper usage not available.\n"
    )
    if driver == "ringwise":
        assert isinstance(answer, LineBroken)
    else:
        assert answer is STUCK


@both
async def test_f9_a_wrong_usage_of_several_lines_is_one_answer(driver: str) -> None:
    block = b"520-Invalid command syntax.  Proper usage follows:\nWaits.\n520 End of proper usage.\n"
    if driver == "ringwise":
        first, second = await dialogue(driver, twice, block)
        assert isinstance(first, LineBroken)
        assert isinstance(second, LineBroken)
    else:
        _, second = await dialogue(driver, twice, block, b"200 result=49\n")
        assert second["status_code"] == 520  # the rest of the first answer


@both
async def test_f10_a_newline_in_a_value_sends_no_second_command(driver: str) -> None:
    call_is_over = asyncio.Event()

    async def call(phone: Phone) -> None:
        answers.append(await phone.play('hello" ""\nEXEC System "id'))
        call_is_over.set()

    answers: list[Any] = []
    async with served(driver, call) as port:
        line = await SimulatedLine.knock(port)
        if driver == "ringwise":
            await line.prove()
            await call_is_over.wait()
            assert isinstance(answers[0], Refused)
            assert await line.command() is None
        else:
            commands = [await line.command(), await line.command()]
            assert commands[1] is not None
            assert commands[1].starts("EXEC", "System")
            line.send(b"200 result=0\n")
            await call_is_over.wait()
        line.close()


@both
async def test_f11_two_commands_at_once_take_turns(driver: str) -> None:
    async def at_once(phone: Phone) -> list[Any]:
        return list(await asyncio.gather(phone.wait(), phone.wait()))

    if driver == "ringwise":
        assert await dialogue(driver, at_once, b"200 result=49\n", b"200 result=50\n") == ["1", "2"]
    else:
        answers = await dialogue(driver, at_once, b"", b"200 result=49\n")
        assert any(isinstance(answer, RuntimeError) for answer in answers)


@both
async def test_f12_cancellation_is_never_swallowed(driver: str) -> None:
    begun = asyncio.Event()

    async def call(phone: Phone) -> None:
        begun.set()
        await asyncio.Event().wait()

    handlers: list[asyncio.Task[Any]] = []
    loop = asyncio.get_running_loop()
    app: Any
    if driver == "ringwise":
        app = FastAgiDoor(FastAgi(port=0), lambda leg: call(Phone(leg)))
    else:
        app = Application(loop=loop)
        app.add_route("call", call)
    server = await asyncio.start_server(
        lambda reader, writer: handlers.append(loop.create_task(app.handler(reader, writer))), "127.0.0.1", 0
    )
    line = await SimulatedLine.knock(server.sockets[0].getsockname()[1])
    if driver == "ringwise":
        await line.prove()
    await begun.wait()
    handlers[0].cancel()
    await asyncio.wait(handlers)
    await line.closed()
    assert handlers[0].cancelled() is (driver == "ringwise")
    line.close()
    server.close()


@both
async def test_f13_a_caller_name_that_is_not_utf8_does_not_cost_the_call(driver: str) -> None:
    header = header_bytes(header_lines()).replace(b"agi_calleridname: unknown", b"agi_calleridname: \xff\xfeLi")
    reached = asyncio.Event()

    async def call(phone: Phone) -> None:
        reached.set()

    async with served(driver, call) as port:
        line = await SimulatedLine.knock(port, header)
        if driver == "ringwise":
            await line.prove()
            await asyncio.wait_for(reached.wait(), 20)
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reached.wait(), 0.3)
        line.close()
    assert reached.is_set() is (driver == "ringwise")


@both
async def test_f14_a_query_string_still_finds_its_route(driver: str) -> None:
    reached = asyncio.Event()

    async def call(phone: Phone) -> None:
        reached.set()

    async with served(driver, call) as port:
        line = await SimulatedLine.knock(port, header_bytes(header_lines(script="call?x=1")))
        if driver == "ringwise":
            await line.prove()
        await line.closed()
        line.close()
    assert reached.is_set() is (driver == "ringwise")


@both
async def test_f14_a_repeated_key_is_not_decided_by_its_place(driver: str) -> None:
    taken: list[Phone] = []

    async def call(phone: Phone) -> None:
        taken.append(phone)

    lines = header_lines()
    lines.insert(9, "agi_callerid: 4711")
    async with served(driver, call) as port:
        line = await SimulatedLine.knock(port, header_bytes(lines))
        await line.closed()
        line.close()
    if driver == "ringwise":
        assert taken == []
    else:
        assert taken[0].way.headers["agi_callerid"] == "4711"


@both
async def test_f14_a_hang_up_inside_the_header_is_noticed(driver: str) -> None:
    taken: list[Phone] = []

    async def call(phone: Phone) -> None:
        taken.append(phone)

    async with served(driver, call) as port:
        line = await SimulatedLine.knock(port, header_bytes([*header_lines(), "HANGUP"]))
        await line.closed()
        line.close()
    assert len(taken) == (0 if driver == "ringwise" else 1)


async def test_f15_any_callable_may_take_calls() -> None:
    with pytest.raises(AttributeError):
        Application(loop=asyncio.get_running_loop()).add_route("call", lambda request: None)
    taken = asyncio.Event()

    class Taker:
        async def __call__(self, leg: Leg) -> None:
            taken.set()

    door = FastAgiDoor(FastAgi(port=0), Taker())
    line = await SimulatedLine.knock(await door.start())
    await line.prove()
    await asyncio.wait_for(taken.wait(), 20)
    line.close()
    await door.stop(0)
