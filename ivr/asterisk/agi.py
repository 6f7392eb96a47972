"""The FastAGI door: takes connections from Asterisk, reads their headers and gives each call its line.

panoramisk's Application and Request are the frame; reading, deadlines and hang-up are ours, because the stock ones
freeze the process at a connect-and-close and fall out of step at a hang-up.
"""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import structlog
from panoramisk.fast_agi import Application, Request

from ivr.asterisk.errors import BadHeader
from ivr.asterisk.header import Header, arrival, parse_header
from ivr.asterisk.leg import AgiLeg
from ivr.asterisk.wire import Reply, ReplyParser, Signal, Verb, encode
from ivr.errors import EngineFault, HungUp, LineBroken, Misconfigured
from ivr.ports import Leg
from ivr.settings import FastAgi

log = structlog.get_logger()

#: A true header arrives within milliseconds.
HEADER_S: Final = 10.0
#: A true header has about 1 kB; also the longest line that is read as an answer.
MOST_HEADER_BYTES: Final = 64 * 1024
#: Connections that have not sent their header yet; Asterisk goes to its next rung when we are full.
MOST_KNOCKING: Final = 12_000
#: asyncio's 100 overflow in a burst, and each overflow costs a caller 2 s.
BACKLOG: Final = 1024
#: How long a finished line may take to close politely.
CLOSE_S: Final = 1.0
#: Route of calls, and the route by which `ivr doctor` lets Asterisk try the way.
CALL: Final = "call"
DOCTOR: Final = "doctor"


class AgiLine(Request):  # type: ignore[misc]  # panoramisk has no types
    """One caller's FastAGI connection behind its header: one command at a time, each with a deadline."""

    def __init__(self, app: Application, header: Header, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        super().__init__(app, header.fields, reader, writer)
        self.gone = asyncio.Event()  #: set as soon as no command can reach the caller any more
        self.dead_man_at: float | None = None  #: loop time at which the switch takes the call away by itself
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._parser = ReplyParser()
        self._answer: asyncio.Future[Reply] | None = None
        self._end: EngineFault | None = HungUp() if header.hung_up else None
        if self._end is not None:
            self.gone.set()

    async def send_command(self, verb: Verb, *args: str, deadline_s: float | None) -> Reply:
        """One command and its answer. Raises HungUp or LineBroken; an answer that still came is not lost to a hang-up.

        A command that gets no answer in time, or is cancelled, breaks the line: its answer may come later and would be
        taken for that of the next command.
        """
        line = encode(verb, *args)
        async with self._turn:
            self._raise_if_over()
            self._answer = self._loop.create_future()
            try:
                async with asyncio.timeout(deadline_s):
                    self.writer.write(line)
                    reply = await self._answer
            except TimeoutError:
                self.break_off(f"no answer to {verb} within {deadline_s} s")
            except asyncio.CancelledError:
                self.break_off(f"{verb} was cancelled")
                raise
            finally:
                self._answer = None
            if isinstance(self._end, LineBroken):
                self._raise_if_over()
            return reply

    async def listen(self) -> None:
        """Read what the switch says until the line ends; a hang-up is noticed here even between two commands."""
        try:
            while True:
                said = await self._read_result()
                if said is Signal.HANGUP:
                    self._over(self._hang_up())
                elif self._answer is None or self._answer.done():
                    raise LineBroken("an answer that nobody asked for")
                else:
                    self._answer.set_result(said)
        except (asyncio.IncompleteReadError, OSError):
            self._over(self._hang_up())
            self._fail_answer()
        except asyncio.LimitOverrunError:
            self.break_off(f"an answer of more than {MOST_HEADER_BYTES} bytes")
        except LineBroken as fault:
            self.break_off(str(fault))

    async def _read_result(self) -> Reply | Signal:
        """The next thing the switch says."""
        while True:
            said = self._parser.feed(await self.reader.readuntil(b"\n"))
            if said is not None:
                return said

    async def prove(self) -> None:
        """Make sure that nothing stands between the header and the first answer. Raises HungUp or LineBroken.

        A name with an empty line in it ends the header early; the rest of the true header, and whatever the name
        forged, would be read as answers. Only Asterisk's echo of a word that nobody could know may come first.
        """
        word = secrets.token_hex(8)
        reply = await self.send_command(Verb.GET_FULL_VARIABLE, word, deadline_s=HEADER_S)
        if reply.value != word:
            self.break_off("bytes behind the empty line of the header")
            self._raise_if_over()

    def break_off(self, why: str) -> None:
        """Give the line up at once: half a command must not run, and the dialplan takes the call on."""
        if not isinstance(self._end, LineBroken):
            self._end = LineBroken(why)
        self.gone.set()
        self._fail_answer()
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close a line that is done with."""
        self.writer.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.writer.wait_closed()
        except (TimeoutError, OSError):
            self.writer.transport.abort()

    def _hang_up(self) -> EngineFault:
        """Why the switch ended the line: past its own deadline it was not the caller."""
        if self.dead_man_at is not None and self._loop.time() >= self.dead_man_at:
            return LineBroken("the switch took the call away after its deadline")
        return HungUp()

    def _over(self, why: EngineFault) -> None:
        if self._end is None:
            self._end = why
        self.gone.set()

    def _fail_answer(self) -> None:
        if self._answer is not None and not self._answer.done() and self._end is not None:
            self._answer.set_exception(self._end)

    def _raise_if_over(self) -> None:
        if self._end is not None:
            raise type(self._end)(str(self._end))


class FastAgiDoor(Application):  # type: ignore[misc]  # panoramisk has no types
    """Listens for Asterisk and runs `take_call` once for each caller. To be built inside the running loop.

    `answered_at` tells the loop time at which an agent's phone was last answered for a call, or None: AGI does not.
    """

    def __init__(
        self,
        settings: FastAgi,
        take_call: Callable[[Leg], Awaitable[None]],
        *,
        answered_at: Callable[[str], float | None] = lambda call_id: None,
        header_s: float = HEADER_S,
    ) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._settings = settings
        self._take_call = take_call
        self._answered_at = answered_at
        self._header_s = header_s
        self._peers = tuple(_network(peer) for peer in settings.peers)
        self._knocking: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._closing = False

    @property
    def calls(self) -> int:
        """How many calls are in progress."""
        return len(self._calls)

    async def start(self) -> int:
        """Listen; answers with the port. Raises Misconfigured when the address cannot be had."""
        host, port = self._settings.host, self._settings.port
        try:
            self._server = await asyncio.start_server(
                self.handler, host, port, backlog=BACKLOG, limit=MOST_HEADER_BYTES
            )
        except OSError as fault:
            raise Misconfigured(f"FastAGI cannot listen on {host}:{port}: {fault.strerror or fault}") from fault
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, drain_s: float) -> None:
        """Take no new call, let calls end by themselves for that long, then leave the rest to the dialplan."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        if self._calls:
            await asyncio.wait(self._calls, timeout=drain_s)
        rest = self._calls | self._knocking
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first byte to its last; its faults stay here, cancellation does not."""
        task = asyncio.current_task()
        assert task is not None
        self._knocking.add(task)
        peer = _peer(writer)
        try:
            header = await self._welcome(peer, reader)
            if header is None:
                return
            line = AgiLine(self, header, reader, writer)
            leg = AgiLeg(line, arrival(header), self._answered_at)
            self._knocking.discard(task)
            self._calls.add(task)
            await self._serve(leg, line)
        except BadHeader as fault:
            log.warning("a connection was refused", peer=peer, why=str(fault))
        except OSError as fault:
            log.info("a connection came to nothing", peer=peer, why=str(fault))
        except Exception:
            log.exception("a connection failed", peer=peer)
        finally:
            self._knocking.discard(task)
            self._calls.discard(task)
            writer.transport.abort()

    async def _welcome(self, peer: str, reader: asyncio.StreamReader) -> Header | None:
        """The header of a call that may come in; None when it may not or does not want to. Raises BadHeader."""
        if not self._allowed(peer):
            raise BadHeader("not among the peers")
        if self._closing or len(self._knocking) > MOST_KNOCKING:
            raise BadHeader("no connection is taken now")
        try:
            async with asyncio.timeout(self._header_s):
                raw = await reader.readuntil(b"\n\n")
        except TimeoutError:
            raise BadHeader(f"no header within {self._header_s} s") from None
        except asyncio.LimitOverrunError:
            raise BadHeader(f"a header of more than {MOST_HEADER_BYTES} bytes") from None
        except asyncio.IncompleteReadError as cut:
            raise ConnectionError(f"closed after {len(cut.partial)} bytes of header") from None
        header = parse_header(raw)
        if header.script == DOCTOR:
            log.info("the doctor looked in", peer=peer)
            return None
        if header.script != CALL:
            raise BadHeader("no such route")
        if self._closing or len(self._calls) >= self._settings.most_calls:
            raise BadHeader(f"no call is taken now; {len(self._calls)} are in progress")
        return header

    async def _serve(self, leg: AgiLeg, line: AgiLine) -> None:
        """One call: its reader beside its coroutine."""
        _keep_alive(line.writer)
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(line.listen())
            try:
                await line.prove()
                await self._take_call(leg)
            except asyncio.CancelledError:
                line.break_off("the engine stops")
                raise
            except EngineFault as fault:
                log.info("a line ended", call=leg.arrival.call_id, why=str(fault))
            except Exception:
                log.exception("a call failed", call=leg.arrival.call_id)
            finally:
                listener.cancel()
        await line.close()

    def _allowed(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._peers)


def _peer(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return str(name[0]).partition("%")[0] if name else ""


def _network(peer: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(peer)
    except ValueError as fault:
        raise Misconfigured(f"fastagi.peers: {peer!r} is no address or network: {fault}") from None


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """Notice a switch whose machine is gone even during a conversation of hours, when neither side says anything."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
