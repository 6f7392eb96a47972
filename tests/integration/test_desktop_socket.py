"""The desktop's socket under honest and hostile use, over real connections."""

import asyncio
import contextlib
import json
import socket as sockets
import time

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ivr.clock import SystemClock
from ivr.desktop.hub import SIGNED_OUT
from ivr.desktop.server import LARGEST_MESSAGE
from ivr.desktop.window import BAD_MESSAGE, CROWDED, OTHER_VERSION, TICKET_REFUSED, TOO_MANY, TOO_SLOW, Limits
from ivr.ports.handling import Refusal
from ivr.testing.desktop import RunningDesktop, hear, running_desktop, say
from ivr.testing.pops import a_pop, an_agent, an_offer
from ivr.testing.roster import ScriptedRoster
from routing.agent import AgentState
from routing.call import PathStep

CLOCK = SystemClock()


def a_roster(**changes: object) -> ScriptedRoster:
    return ScriptedRoster(
        an_agent(CLOCK.now(), **changes),
        an_agent(CLOCK.now(), id=2, name="tom", full_name="Tom"),
        passwords={"grace": "right", "tom": "right"},
    )


async def closing(socket: ClientConnection) -> int:
    """The code that the server closes with."""
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


async def refused(desktop: RunningDesktop, cookie: str | None, origin: str | None = None) -> int:
    with pytest.raises(InvalidStatus) as refusal:
        await desktop.knock(cookie, origin)
    return refusal.value.response.status_code


@pytest.mark.fault("G3", "a WebSocket from a foreign origin")
@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://localhost"])
async def test_a_foreign_page_is_refused_before_the_handshake(origin: str) -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        cookie = await desktop.sign_in()
        assert await refused(desktop, cookie, origin) == 403


@pytest.mark.parametrize("cookie", [None, "ringwise_session=forged", "ringwise_session="])
async def test_a_browser_without_a_session_is_refused_before_the_handshake(cookie: str | None) -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        assert await refused(desktop, cookie) == 403


async def test_cookie_and_ticket_together_open_the_desktop() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop, await desktop.open(await desktop.sign_in()) as socket:
        state = await hear(socket, "state")
        assert state["v"] == 1
        assert state["agent"]["full_name"] == "Grace Chen"  # type: ignore[index]


@pytest.mark.parametrize("first", ["", "invented", "another"])
@pytest.mark.fault("G4", "a cookie without a ticket")
async def test_a_cookie_alone_is_not_enough(first: str) -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        cookie = await desktop.sign_in()
        ticket = await desktop.ticket(await desktop.sign_in("tom")) if first == "another" else first
        async with await desktop.knock(cookie) as socket:
            await say(socket, "hello", ticket=ticket)
            assert await closing(socket) == TICKET_REFUSED


@pytest.mark.fault("G4", "a ticket used twice")
async def test_a_ticket_cannot_be_used_twice() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        cookie = await desktop.sign_in()
        ticket = await desktop.ticket(cookie)
        async with await desktop.knock(cookie) as first, await desktop.knock(cookie) as second:
            await say(first, "hello", ticket=ticket)
            await hear(first, "state")
            await say(second, "hello", ticket=ticket)
            assert await closing(second) == TICKET_REFUSED


async def test_who_acts_before_saying_hello_is_closed() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop, await desktop.knock(await desktop.sign_in()) as socket:
        await say(socket, "ready")
        assert await closing(socket) == TICKET_REFUSED
        assert roster.cards[1].state is AgentState.PAUSED


async def test_who_says_nothing_is_closed() -> None:
    limits = Limits(hello_s=0.1)
    async with (
        running_desktop(a_roster(), CLOCK, limits=limits) as desktop,
        await desktop.knock(await desktop.sign_in()) as socket,
    ):
        assert await closing(socket) == TOO_SLOW


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nonsense", BAD_MESSAGE),
        ('{"v":1,"type":"listen_in","agent_id":2}', BAD_MESSAGE),
        ('{"v":1,"type":"hello","ticket":"again"}', BAD_MESSAGE),
        ('{"v":1,"type":"ready"' + ',"a":{"b":' * 1000 + "1" + "}" * 2001, BAD_MESSAGE),
        ('{"v":2,"type":"ready"}', OTHER_VERSION),
        ("x" * (LARGEST_MESSAGE + 1), 1009),
        ("x" * 1_000_000, 1009),
    ],
)
@pytest.mark.fault("G6", "messages that are none of ours")
async def test_what_is_no_message_of_ours_closes_the_socket(text: str, code: int) -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop, await desktop.open(await desktop.sign_in()) as socket:
        await hear(socket, "state")
        await socket.send(text)
        assert await closing(socket) == code


async def test_bytes_are_no_message() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop, await desktop.open(await desktop.sign_in()) as socket:
        await socket.send(b'{"v":1,"type":"ready"}')
        assert await closing(socket) == BAD_MESSAGE


async def test_compression_is_never_agreed_to() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop, await desktop.open(await desktop.sign_in()) as socket:
        assert socket.protocol.extensions == []


@pytest.mark.fault("G6", "a flood of messages of one browser")
async def test_a_flood_of_messages_closes_the_socket_and_leaves_others_alone() -> None:
    async with (
        running_desktop(a_roster(), CLOCK) as desktop,
        await desktop.open(await desktop.sign_in()) as flooding,
        await desktop.open(await desktop.sign_in("tom")) as other,
    ):
        await hear(other, "state")
        with contextlib.suppress(ConnectionClosed):
            for _ in range(10_000):
                await say(flooding, "alive")
        assert await closing(flooding) == TOO_MANY
        await say(other, "ready")
        assert (await hear(other, "state"))["agent"]["state"] == "ready"  # type: ignore[index]


async def test_an_agent_says_ready_and_pause() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop, await desktop.open(await desktop.sign_in()) as socket:
        await hear(socket, "state")
        await say(socket, "ready")
        assert (await hear(socket, "state"))["agent"]["state"] == "ready"  # type: ignore[index]
        await say(socket, "pause", reason="meal")
        assert (await hear(socket, "state"))["agent"]["pause_reason"] == "meal"  # type: ignore[index]


async def test_an_act_with_the_conversation_that_takes_long_stands_in_the_way_of_nothing_but_another_one() -> None:
    limits = Limits(act_s=0.05, ping_s=0.05, silence_s=0.4)
    async with (
        running_desktop(a_roster(), CLOCK, limits=limits) as desktop,
        await desktop.open(await desktop.sign_in()) as socket,
    ):
        desktop.handling.until = asyncio.Event()
        desktop.handling.refusal = Refusal.SWITCH_AWAY
        await say(socket, "handle", offer_id=7, do="hold")
        await say(socket, "handle", offer_id=7, do="hold")
        assert (await hear(socket, "error"))["code"] == "not_now"
        began = time.monotonic()
        while time.monotonic() - began < 2 * limits.silence_s:
            await say(socket, "alive")
            await hear(socket, "ping")
        desktop.handling.until.set()
        assert (await hear(socket, "error"))["code"] == "switch_away"
        assert len(desktop.handling.asked) == 1


async def test_to_say_ready_twice_is_no_error() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop, await desktop.open(await desktop.sign_in()) as socket:
        await say(socket, "ready")
        await say(socket, "ready")
        await say(socket, "pause", reason="meal")
        async with asyncio.timeout(30):
            while (message := json.loads(await socket.recv()))["type"] != "state" or message["agent"][
                "state"
            ] != "paused":
                assert message["type"] != "error"


async def test_a_move_that_the_state_does_not_allow_is_answered_not_punished() -> None:
    async with (
        running_desktop(a_roster(state=AgentState.BUSY), CLOCK) as desktop,
        await desktop.open(await desktop.sign_in()) as socket,
    ):
        await hear(socket, "state")
        await say(socket, "ready")
        assert (await hear(socket, "error"))["code"] == "not_now"
        await say(socket, "pause", reason="meal")
        assert (await hear(socket, "state"))["agent"]["pause_after"] == "meal"  # type: ignore[index]


async def test_an_outcome_is_stored_and_the_agent_ready_in_one_step() -> None:
    now = CLOCK.now()
    roster = a_roster(state=AgentState.WRAP_UP, wrap_up_until=now + 30)
    roster.offers[1] = an_offer(now, state="completed", answered_at=now - 60, closed_at=now)
    async with running_desktop(roster, CLOCK) as desktop, await desktop.open(await desktop.sign_in()) as socket:
        assert (await hear(socket, "state"))["wrap_up"]["offer_id"] == 7  # type: ignore[index]
        note = "first line\nsecond\u202e <b>"
        await say(socket, "wrap_up", offer_id=7, disposition="follow_up", note=note, then="ready")
        assert (await hear(socket, "saved"))["offer_id"] == 7
        assert (await hear(socket, "state"))["agent"]["state"] == "ready"  # type: ignore[index]
        assert roster.outcomes == [(1, 7, "follow_up", "first line\nsecond <b>")]


@pytest.mark.fault("G5", "an agent acts on another agent's call")
async def test_another_agents_call_cannot_be_touched() -> None:
    roster = a_roster()
    roster.offer(2, an_offer(CLOCK.now(), offer_id=9), state=AgentState.OFFERED)
    async with (
        running_desktop(roster, CLOCK) as desktop,
        await desktop.open(await desktop.sign_in()) as mine,
        await desktop.open(await desktop.sign_in("tom")) as theirs,
    ):
        await hear(mine, "state")
        await hear(theirs, "state")
        popping = asyncio.create_task(desktop.hub.pop(2, a_pop(CLOCK.now(), offer=roster.offers[2]), deadline_s=5))
        await hear(theirs, "pop")
        await say(mine, "shown", offer_id=9, fence=3)
        await say(mine, "wrap_up", offer_id=9, disposition="resolved", note="", then="ready")
        assert (await hear(mine, "error"))["code"] == "not_yours"
        assert not popping.done()
        assert roster.outcomes == []
        await say(theirs, "shown", offer_id=9, fence=3)
        assert await popping is True


async def test_signs_of_life_reach_the_roster_and_silence_closes() -> None:
    roster = a_roster()
    limits = Limits(ping_s=0.05, silence_s=0.3, seen_every_s=0.0)
    async with (
        running_desktop(roster, CLOCK, limits=limits) as desktop,
        await desktop.open(await desktop.sign_in()) as socket,
    ):
        roster.signs_of_life.clear()
        for _ in range(3):
            await hear(socket, "ping")
            await say(socket, "alive")
        await hear(socket, "ping")
        assert set(roster.signs_of_life) == {1}
        assert await closing(socket) == TOO_SLOW


async def test_an_expired_session_closes_its_socket() -> None:
    class Movable(SystemClock):
        ahead = 0.0

        def now(self) -> float:
            return super().now() + self.ahead

    clock = Movable()
    async with (
        running_desktop(a_roster(), clock, limits=Limits(ping_s=0.05)) as desktop,
        await desktop.open(await desktop.sign_in()) as socket,
    ):
        await hear(socket, "state")
        clock.ahead = 13 * 3600
        assert await closing(socket) == SIGNED_OUT


async def test_signing_out_closes_every_window_of_the_agent() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        cookie = await desktop.sign_in()
        async with await desktop.open(cookie) as first, await desktop.open(await desktop.sign_in()) as second:
            await hear(first, "state")
            await hear(second, "state")
            await desktop.request("POST", "/sign-out", cookie=cookie)
            assert [await closing(first), await closing(second)] == [SIGNED_OUT, SIGNED_OUT]


async def test_the_windows_of_one_agent_are_bounded() -> None:
    async with running_desktop(a_roster(), CLOCK, limits=Limits(windows=2)) as desktop:
        cookie = await desktop.sign_in()
        async with await desktop.open(cookie) as first, await desktop.open(cookie) as second:
            await hear(first, "state")
            await hear(second, "state")
            async with await desktop.open(cookie) as third:
                assert await closing(third) == CROWDED


async def unread_socket(desktop: RunningDesktop, cookie: str) -> sockets.socket:
    """A browser that completes the handshake, says hello, and then never reads."""
    raw = sockets.socket()  # closed by the caller
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", desktop.port))
    request = (
        f"GET /socket HTTP/1.1\r\nHost: 127.0.0.1:{desktop.port}\r\nOrigin: {desktop.origin}\r\nCookie: {cookie}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await loop.sock_sendall(raw, request.encode())
    assert b" 101 " in await loop.sock_recv(raw, 1024)
    hello = json.dumps({"v": 1, "type": "hello", "ticket": await desktop.ticket(cookie)}).encode()
    await loop.sock_sendall(raw, bytes([0x81, 0xFE]) + len(hello).to_bytes(2, "big") + bytes(4) + hello)
    return raw


@pytest.mark.fault("G1", "a browser that does not read its socket")
async def test_a_browser_that_does_not_read_is_cut_off_and_costs_the_others_nothing() -> None:
    roster = a_roster()
    limits = Limits(ping_s=0.2, silence_s=8.0, burst=10_000)
    async with contextlib.AsyncExitStack() as stack, running_desktop(roster, CLOCK, limits=limits) as desktop:
        stack.enter_context(await unread_socket(desktop, await desktop.sign_in("tom")))
        big = a_pop(CLOCK.now(), path=tuple(PathStep(CLOCK.now(), "x" * 200) for _ in range(50)))
        took = []
        async with await desktop.open(await desktop.sign_in()) as other:
            await hear(other, "state")
            while desktop.hub.windows(2) == 0:
                await hear(other, "ping")
                await say(other, "alive")
            for round_ in range(200):
                await desktop.hub.pop(2, big, deadline_s=0)
                started = time.perf_counter()
                await say_and_show(desktop, other, round_)
                took.append(time.perf_counter() - started)
                if desktop.hub.windows(2) == 0:
                    break
            async with asyncio.timeout(30):
                while desktop.server.connections > 1:
                    await hear(other, "ping")
                    await say(other, "alive")
        assert sorted(took)[len(took) // 2] < 1.0  # as long as the deaf one is waited for, it would be seconds


async def say_and_show(desktop: RunningDesktop, socket: ClientConnection, round_: int) -> None:
    """One pop to a healthy browser, acknowledged."""
    offer = an_offer(CLOCK.now(), offer_id=1000 + round_)
    popping = asyncio.create_task(desktop.hub.pop(1, a_pop(CLOCK.now(), offer=offer), deadline_s=30))
    while (await hear(socket, "pop"))["offer"]["offer_id"] != offer.offer_id:  # type: ignore[index]
        pass
    await say(socket, "shown", offer_id=offer.offer_id, fence=offer.fence)
    assert await popping is True


async def test_a_server_that_stops_tells_its_browsers_at_once() -> None:
    roster = a_roster()
    async with running_desktop(roster, CLOCK) as desktop:
        socket = await desktop.open(await desktop.sign_in())
        await hear(socket, "state")
        raw = await unread_socket(desktop, await desktop.sign_in("tom"))
        started = time.perf_counter()
    assert time.perf_counter() - started < 30  # the one that does not read delays it by no more than this
    assert await closing(socket) == 1012
    raw.close()


async def test_who_pings_without_end_and_reads_nothing_is_cut_off() -> None:
    async with running_desktop(a_roster(), CLOCK) as desktop:
        raw = await unread_socket(desktop, await desktop.sign_in())
        ping = bytes([0x89, 0xFD]) + bytes(4) + b"x" * 125

        async def flood() -> None:
            for _ in range(1000):  # 130 MB in all
                await asyncio.get_running_loop().sock_sendall(raw, ping * 1000)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(flood(), 10)
        raw.close()


@pytest.mark.parametrize("reason", ["desk_lost", "coffee"])  # the engine's own, and one that the site does not have
async def test_a_pause_for_a_reason_that_the_site_does_not_have_is_no_message(reason: str) -> None:
    roster = a_roster(state=AgentState.READY)
    async with running_desktop(roster, CLOCK) as desktop, await desktop.open(await desktop.sign_in()) as socket:
        await say(socket, "pause", reason=reason)
        assert await closing(socket) == BAD_MESSAGE
        assert roster.cards[1].pause_reason != reason
