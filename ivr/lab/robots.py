"""Robots on the telephone: callers that dial in, press keys and listen; phones that ring, answer and speak."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Literal, Self

from ivr.lab.ear import Ear
from ivr.lab.g711 import Samples
from ivr.lab.robot_call import EndedBy, RobotCall
from ivr.lab.sip import Address, Dialog, Headers, Message, new_tag, offer_sound, response
from ivr.lab.sip_socket import SipSocket
from ivr.lab.switch_files import TRUNK_ADDRESS

ANSWER_TIMEOUT_S = 10.0

#: One act of a caller: wait that many seconds, press these keys, or hear sound begin within so many seconds.
Act = tuple[Literal["wait"], float] | tuple[Literal["press"], str] | tuple[Literal["hear"], float]


class NotAnswered(Exception):
    """The call was refused, or not answered in time."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the call was not answered: {status or 'no final response'}")
        self.status = status


class RobotCaller:
    """Somebody who calls in over the trunk; may have several calls at a time."""

    def __init__(self, switch: Address, host: str = TRUNK_ADDRESS) -> None:
        self._switch = switch
        self._host = host
        self._socket: SipSocket | None = None

    async def __aenter__(self) -> Self:
        self._socket = await SipSocket.open((self._host, 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._socket is not None
        self._socket.close()
        await asyncio.sleep(0)  # asyncio closes the socket in its next round

    async def dial(
        self,
        dnis: str,
        *,
        number: str | None = None,
        name: str = "",
        from_value: bytes | None = None,
        extra: Headers = (),
        deadline_s: float = ANSWER_TIMEOUT_S,
    ) -> RobotCall:
        """Call and return once answered. `from_value` and `extra` send headers of any bytes. Raises NotAnswered."""
        assert self._socket is not None
        local = from_value if from_value is not None else _from_value(number, name, self._host)
        host, port = self._switch
        target = f"sip:{dnis}@{host}:{port}"
        here = self._socket.address
        dialog = Dialog(here, local + b";tag=" + new_tag().encode(), f"<{target}>".encode(), target)
        ear = await Ear.open(self._host)
        call = RobotCall(dialog, ear, self._socket, self._switch, invited_at=time.time())
        call.invite(extra)
        try:
            async with asyncio.timeout(deadline_s):
                await call.settled.wait()
        except TimeoutError:
            call.give_up()
            raise NotAnswered(call.status) from None
        except asyncio.CancelledError:
            call.give_up()
            raise
        if call.answered_at is None:
            raise NotAnswered(call.status)
        return call

    async def call(
        self,
        dnis: str,
        *,
        number: str | None = None,
        name: str = "",
        script: Sequence[Act] = (),
        hang_up_after_s: float = 0.0,
    ) -> RobotCall:
        """A whole call: dial, do the script, stay for so many seconds more, hang up. Raises NotAnswered."""
        call = await self.dial(dnis, number=number, name=name)
        try:
            await perform(call, (*script, ("wait", hang_up_after_s)))
        finally:
            await call.hang_up()
        return call


async def perform(call: RobotCall, script: Sequence[Act]) -> None:
    """Do one act after the other until the other side hangs up. Raises TimeoutError when nothing is heard."""
    for act in script:
        if call.ended.is_set():
            return
        match act:
            case ("press", keys):
                await call.ear.press(str(keys))
            case ("wait", seconds):
                with contextlib.suppress(TimeoutError):
                    await call.wait_ended(deadline_s=float(seconds))
            case ("hear", deadline_s):
                await call.ear.hear_sound_begin(deadline_s=float(deadline_s))


def _from_value(number: str | None, name: str, host: str) -> bytes:
    if number is None:
        return b'"Anonymous" <sip:anonymous@anonymous.invalid>'
    shown = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}" <sip:{number}@{host}>'.encode() if name else f"<sip:{number}@{host}>".encode()


class Answer(Enum):
    """What a phone does after it has rung: the response it gives."""

    ANSWER = (200, "OK")
    BUSY = (486, "Busy Here")
    DECLINE = (603, "Decline")
    NEVER = (0, "")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a phone behaves when it is called; times in seconds."""

    answer: Answer = Answer.ANSWER
    ring_s: float = 1.0
    sentence: Samples | None = None  #: said once answered
    talk_s: float = 4.0  #: from answer to hanging up


class RobotPhone:
    """An agent's phone. `manner` may be changed between calls; `calls` has every call it was given."""

    def __init__(self, address: Address, manner: Manner | None = None) -> None:
        self._address = address
        self.manner = manner or Manner()
        self.calls: list[RobotCall] = []
        self._rang = asyncio.Condition()
        self._socket: SipSocket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._socket = await SipSocket.open(self._address, self._invited)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up and give the port back; may be called twice."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._socket is not None
        self._socket.close()
        await asyncio.sleep(0)  # asyncio closes the socket in its next round

    async def vanish(self) -> None:
        """As if its cable were pulled in the midst of a call: nothing is sent any more, nothing is answered."""
        assert self._socket is not None
        self._socket.close()
        for call in self.calls:
            call.vanish()
        await self.close()

    async def rang(self, count: int = 1, *, deadline_s: float) -> RobotCall:
        """The call that was the count-th to ring here. Raises TimeoutError when it does not come."""
        async with asyncio.timeout(deadline_s), self._rang:
            await self._rang.wait_for(lambda: len(self.calls) >= count)
        return self.calls[count - 1]

    def _invited(self, invite: Message, far: Address) -> None:
        task = asyncio.get_running_loop().create_task(self._take(invite, far, time.time()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, invite: Message, far: Address, invited_at: float) -> None:
        """One call from its first ring to its end."""
        assert self._socket is not None
        manner, tag = self.manner, new_tag()
        dialog = Dialog.called(invite, self._socket.address, tag)
        ear = await Ear.open(self._address[0])
        call = RobotCall(dialog, ear, self._socket, far, invited_at=invited_at)
        try:
            call.ring(invite, tag)
            async with self._rang:
                self.calls.append(call)
                self._rang.notify_all()
            with contextlib.suppress(TimeoutError):
                await call.wait_ended(deadline_s=manner.ring_s)
            if manner.answer is Answer.NEVER:
                await call.ended.wait()
            if call.ended.is_set():
                return
            code, reason = manner.answer.value
            if manner.answer is not Answer.ANSWER:
                call.refuse(response(invite, code, reason, tag=tag))
                return
            contact = f"<sip:robot@{self._address[0]}:{self._address[1]}>".encode()
            extra = (("Contact", contact), ("Content-Type", b"application/sdp"))
            call.answer(
                response(invite, code, reason, tag=tag, extra=extra, body=offer_sound(ear.address)), invite.body
            )
            await self._talk(call, manner)
        finally:
            await call.hang_up()

    async def _talk(self, call: RobotCall, manner: Manner) -> None:
        speech = None
        if manner.sentence is not None:
            speech = asyncio.get_running_loop().create_task(call.ear.speak(manner.sentence))
        try:
            with contextlib.suppress(TimeoutError):
                await call.wait_ended(deadline_s=manner.talk_s)
        finally:
            if speech is not None:
                speech.cancel()
                await asyncio.gather(speech, return_exceptions=True)


__all__ = ["Act", "Answer", "EndedBy", "Manner", "NotAnswered", "RobotCall", "RobotCaller", "RobotPhone", "perform"]
