"""A UDP socket that speaks SIP for many robots' calls: repeats what is not answered, answers repeats again."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Self, cast

from ivr.lab.sip import Address, Message

_FIRST_REPEAT_S, _LAST_REPEAT_S = 0.5, 4.0  #: T1 and a cap, RFC 3261 section 17
_REMEMBERED = 200  #: answers kept to be repeated

#: What a robot does with a message of one of its calls.
Receiver = Callable[[Message, Address], None]


class SipSocket(asyncio.DatagramProtocol):
    """Sends and receives; hands each message to the call it belongs to, and new INVITEs to `on_call`."""

    def __init__(self, on_call: Receiver | None = None) -> None:
        self._on_call = on_call
        self._calls: dict[str, Receiver] = {}
        self._answered: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, address: Address, on_call: Receiver | None = None) -> Self:
        """A socket on this address; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        _, made = await loop.create_datagram_endpoint(lambda: cls(on_call), local_addr=address)
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio has made the socket."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    @property
    def address(self) -> Address:
        """Where it listens."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        return str(host), int(port)

    def close(self) -> None:
        """Stop repeating and give the port back."""
        for task in self._tasks:
            task.cancel()
        if self._transport is not None:
            self._transport.close()

    def follow(self, call_id: str, receiver: Receiver) -> None:
        """Messages of this call go to the receiver from now on."""
        self._calls[call_id] = receiver

    def send(self, message: Message, to: Address) -> None:
        """Send once; a response is kept and given again when its request comes again."""
        data = message.bytes()
        if message.status:
            self._answered[message.first("via"), message.first("cseq")] = data
            while len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        self._put(data, to)

    def send_until(self, message: Message, to: Address, answered: asyncio.Event) -> None:
        """Send, and repeat with growing pauses until the event is set or it has been tried for long enough."""
        self.send(message, to)

        async def repeat() -> None:
            pause = _FIRST_REPEAT_S
            while pause <= _LAST_REPEAT_S and not answered.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await answered.wait()
                        return
                self._put(message.bytes(), to)
                pause *= 2

        task = asyncio.get_running_loop().create_task(repeat())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _put(self, data: bytes, to: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """One message from Asterisk."""
        message = Message.parse(data)
        if message is None:
            return
        repeated = None if message.status else self._answered.get((message.first("via"), message.first("cseq")))
        if repeated is not None:
            self._put(repeated, addr)
        elif (receiver := self._calls.get(message.first("call-id"))) is not None:
            receiver(message, addr)
        elif message.start.startswith("INVITE ") and self._on_call is not None:
            self._on_call(message, addr)

    def error_received(self, exc: Exception) -> None:
        """The other side has no port there (it was killed): the deadlines of the calls deal with it."""
