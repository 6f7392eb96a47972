"""The FastAGI door: takes connections from Asterisk, reads their headers and gives each call its line.

panoramisk's Application is the frame; the header, its deadline and limits are ours, because the stock handler freezes
the process at a connect-and-close.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

import structlog
from panoramisk.fast_agi import Application

from ivr.asterisk.errors import BadHeader
from ivr.asterisk.header import Header, arrival, parse_header
from ivr.asterisk.leg import AgiLeg
from ivr.asterisk.line import MOST_HEADER_BYTES, AgiLine
from ivr.errors import EngineFault, Misconfigured
from ivr.ports import Leg
from ivr.settings import FastAgi, Outbound, Phones

log = structlog.get_logger()

#: A true header arrives within milliseconds.
HEADER_S: Final = 10.0
#: Connections that have not sent their header yet; Asterisk goes to its next rung when we are full.
MOST_KNOCKING: Final = 12_000
#: asyncio's 100 overflow in a burst, and each overflow costs a caller 2 s.
BACKLOG: Final = 1024
#: Route of calls, and the route by which `ivr doctor` lets Asterisk try the way.
CALL: Final = "call"
DOCTOR: Final = "doctor"


class FastAgiDoor(Application):  # type: ignore[misc]  # panoramisk has no types
    """Listens for Asterisk and runs `take_call` once for each caller. To be built inside the running loop.

    `answered_at` tells the loop time at which a phone was last answered for a call, or None: AGI does not. `outbound`
    says which outside numbers may be called, and how.
    """

    def __init__(
        self,
        settings: FastAgi,
        take_call: Callable[[Leg], Awaitable[None]],
        *,
        answered_at: Callable[[str], float | None] = lambda call_id: None,
        outbound: Outbound | None = None,
        phones: Phones | None = None,
        header_s: float = HEADER_S,
        most_knocking: int = MOST_KNOCKING,
    ) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._settings = settings
        self._take_call = take_call
        self._answered_at = answered_at
        self._outbound = outbound
        self._phones = phones
        self._header_s, self._most_knocking = header_s, most_knocking
        self._peers = settings.networks
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
            leg = AgiLeg(line, arrival(header), self._answered_at, self._outbound, self._phones)
            self._knocking.discard(task)
            self._calls.add(task)
            await self._serve(leg, line)
        except BadHeader as fault:
            log.warning("a connection was refused", peer=peer, why=str(fault))
        except OSError as fault:
            log.debug("a connection came to nothing", peer=peer, why=str(fault))
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
        if self._closing or len(self._knocking) > self._most_knocking:
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


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """Notice a switch whose machine is gone even during a conversation of hours, when neither side says anything."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
