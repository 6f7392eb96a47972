"""One call of a robot, in either direction, from INVITE to BYE."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.lab.ear import Ear
from ivr.lab.sip import Address, Dialog, Headers, Message, new_tag, offer_sound, response, sound_address
from ivr.lab.sip_socket import SipSocket

BYE_TIMEOUT_S = 2.0


class EndedBy(StrEnum):
    """How a call ended."""

    ROBOT = "robot"  # the robot hung up
    SWITCH = "switch"  # the other side hung up, or cancelled before the answer
    REFUSED = "refused"  # it was never answered


@dataclass(slots=True, eq=False)
class RobotCall:
    """What a robot knows of its call. Times are UTC seconds of the epoch, None until it happened."""

    dialog: Dialog
    ear: Ear
    socket: SipSocket
    far: Address
    invited_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: EndedBy | None = None
    status: int = 0  #: the last response to the INVITE
    settled: asyncio.Event = field(default_factory=asyncio.Event)  #: answered, refused or acknowledged
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _responded: asyncio.Event = field(default_factory=asyncio.Event)
    _bye_answered: asyncio.Event = field(default_factory=asyncio.Event)
    _invite: Message | None = None
    _branch: str = field(default_factory=new_tag)
    _tag: str = ""

    async def wait_ended(self, *, deadline_s: float) -> None:
        """Until either side has hung up. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s):
            await self.ended.wait()

    def vanish(self) -> None:
        """As if the cable were pulled: nothing is sent any more, not even that it is over."""
        self._end(EndedBy.ROBOT)

    async def hang_up(self) -> None:
        """End the call. Does nothing when it has ended."""
        if self.ended.is_set():
            return
        if self.answered_at is None:
            self.give_up()
            return
        self._end(EndedBy.ROBOT)
        self.socket.send_until(self.dialog.request("BYE"), self.far, self._bye_answered)
        with contextlib.suppress(TimeoutError):  # the switch is gone: then the call is over in any case
            async with asyncio.timeout(BYE_TIMEOUT_S):
                await self._bye_answered.wait()

    # --- calling --------------------------------------------------------------------------------------------------

    def invite(self, extra: Headers) -> None:
        """Ask for the call."""
        self.socket.follow(self.dialog.call_id, self.receive)
        message = self.dialog.request("INVITE", extra=extra, body=offer_sound(self.ear.address), branch=self._branch)
        self.socket.send_until(message, self.far, self._responded)

    def give_up(self) -> None:
        """Take the request back before it was answered."""
        if self._responded.is_set() and not self.settled.is_set():
            self.socket.send(self.dialog.request("CANCEL", branch=self._branch), self.far)
        self._end(EndedBy.REFUSED)

    def asked(self, header: str) -> str:
        """What a header of the request for this call says; empty when it is not there."""
        return self._invite.first(header.lower()) if self._invite is not None else ""

    # --- being called ---------------------------------------------------------------------------------------------

    def ring(self, invite: Message, tag: str) -> None:
        """Say that it rings."""
        self._invite, self._tag = invite, tag
        self.socket.follow(self.dialog.call_id, self.receive)
        self.socket.send(response(invite, 180, "Ringing", tag=tag), self.far)

    def answer(self, message: Message, offered: bytes) -> None:
        """Pick up."""
        self.status = message.status
        self.answered_at = time.time()
        self._listen(offered)
        self.socket.send_until(message, self.far, self.settled)

    def refuse(self, message: Message) -> None:
        """Turn the call down."""
        self.status = message.status
        self.socket.send_until(message, self.far, self.settled)
        self._end(EndedBy.REFUSED)

    # --- what the other side says -----------------------------------------------------------------------------------

    def receive(self, message: Message, addr: Address) -> None:
        """One message of this call."""
        if message.status:
            if message.method == "INVITE":
                self._invite_answered(message)
            elif message.method == "BYE":
                self._bye_answered.set()
            return
        match message.start.split()[0]:
            case "ACK":
                self.settled.set()
            case "BYE":
                self.socket.send(response(message, 200, "OK"), addr)
                self._end(EndedBy.SWITCH)
            case "CANCEL" if self._invite is not None:
                self.socket.send(response(message, 200, "OK", tag=self._tag), addr)
                if self.status < 200:
                    terminated = response(self._invite, 487, "Request Terminated", tag=self._tag)
                    self.status = terminated.status
                    self.socket.send_until(terminated, addr, self.settled)
                    self._end(EndedBy.SWITCH)
            case "INVITE":  # the switch renews the session: the same sound again
                extra = (("Content-Type", b"application/sdp"), ("Contact", f"<{self._contact()}>".encode()))
                body = offer_sound(self.ear.address)
                self.socket.send(response(message, 200, "OK", extra=extra, body=body), addr)
                self._listen(message.body)
            case _:
                self.socket.send(response(message, 200, "OK"), addr)

    def _invite_answered(self, message: Message) -> None:
        self._responded.set()
        self.status = max(self.status, message.status)
        if message.status < 200:
            return
        self.dialog.remote = message.first("to").encode("latin-1")
        if message.status >= 300:
            self.socket.send(self.dialog.request("ACK", branch=self._branch), self.far)
            self._end(EndedBy.REFUSED)
            self.settled.set()
            return
        self.dialog.heard_contact(message)
        self.socket.send(self.dialog.request("ACK"), self.far)
        if self.answered_at is None and not self.ended.is_set():
            self.answered_at = time.time()
            self._listen(message.body)
        elif self.answered_at is None:  # answered after it was taken back
            self.socket.send(self.dialog.request("BYE"), self.far)
        self.settled.set()

    def _contact(self) -> str:
        host, port = self.dialog.here
        return f"sip:robot@{host}:{port}"

    def _listen(self, sdp: bytes) -> None:
        far = sound_address(sdp)
        if far is not None:
            self.ear.connect(far)

    def _end(self, by: EndedBy) -> None:
        if not self.ended.is_set():
            self.ended_at, self.ended_by = time.time(), by
            self.ended.set()
            self.ear.close()
