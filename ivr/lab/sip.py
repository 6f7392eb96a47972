"""As much SIP as a robot needs to call and be called (RFC 3261, UDP on loopback): messages, and one dialog."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Self

Address = tuple[str, int]
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP request or response; header values stay bytes, because hostile ones are sent on purpose."""

    start: str
    headers: Headers
    body: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self | None:
        """The message in a datagram, or None when it is none."""
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        if b"SIP/2.0" not in lines[0]:
            return None
        pairs = (line.partition(b":") for line in lines[1:])
        headers = tuple((name.decode("latin-1").strip().lower(), value.strip()) for name, _, value in pairs)
        return cls(lines[0].decode("latin-1"), headers, body)

    def bytes(self) -> bytes:
        """As it goes on the wire."""
        lines = [self.start.encode("latin-1")]
        lines += [name.encode("latin-1") + b": " + value for name, value in self.headers]
        lines.append(f"Content-Length: {len(self.body)}".encode())
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    @property
    def status(self) -> int:
        """The code of a response, 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """INVITE, BYE …; of a response, the method it answers."""
        return self.first("cseq").split()[-1]

    def first(self, name: str) -> str:
        """The first header of this name, empty when there is none."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")

    def kept(self, *names: str) -> Headers:
        """All headers of these names, in order, to be repeated in a response."""
        return tuple((name, value) for name, value in self.headers if name in names)


def response(
    request: Message, code: int, reason: str, *, tag: str = "", extra: Headers = (), body: bytes = b""
) -> Message:
    """The answer to a request."""
    to = request.first("to")
    if tag and "tag=" not in to:
        to = f"{to};tag={tag}"
    kept = request.kept("via", "from", "call-id", "cseq")
    return Message(f"SIP/2.0 {code} {reason}", (*kept, ("to", to.encode("latin-1")), *extra), body)


def offer_sound(address: Address) -> bytes:
    """An SDP body: µ-law, A-law and keys at this address."""
    host, port = address
    return (
        f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
    ).encode()


def sound_address(body: bytes) -> Address | None:
    """Where the other side wants its sound, as its SDP says."""
    text = body.decode("latin-1")
    host = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
    port = re.search(r"^m=audio (\d+) ", text, re.MULTILINE)
    return (host[1], int(port[1])) if host and port else None


def new_tag() -> str:
    """A fresh tag, branch or Call-ID."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class Dialog:
    """What both sides of one call must remember to send each other further requests."""

    here: Address
    local: bytes  #: our From value, tag and all
    remote: bytes  #: their To value, with their tag once known
    target: str  #: the URI that further requests go to
    call_id: str = field(default_factory=new_tag)
    sequence: int = 1

    @classmethod
    def called(cls, invite: Message, here: Address, tag: str) -> Self:
        """The dialog of a call that came to us."""
        remote, local = invite.first("from"), f"{invite.first('to')};tag={tag}"
        made = cls(here, local.encode("latin-1"), remote.encode("latin-1"), "", invite.first("call-id"))
        made.heard_contact(invite)
        return made

    def heard_contact(self, message: Message) -> None:
        """Further requests go to the address that the other side names."""
        uri = re.search(r"<([^>]+)>|(sip:\S+)", message.first("contact"))
        if uri is not None:
            self.target = uri[1] or uri[2]

    def request(self, method: str, *, extra: Headers = (), body: bytes = b"", branch: str = "") -> Message:
        """A request of this dialog; ACK and CANCEL repeat the number of the INVITE."""
        if method not in ("INVITE", "ACK", "CANCEL"):
            self.sequence += 1
        host, port = self.here
        headers = (
            ("Via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch or new_tag()}".encode()),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id.encode()),
            ("CSeq", f"{self.sequence} {method}".encode()),
            ("Contact", f"<sip:robot@{host}:{port}>".encode()),
            ("Max-Forwards", b"70"),
            *extra,
        )
        if body:
            headers = (*headers, ("Content-Type", b"application/sdp"))
        return Message(f"{method} {self.target} SIP/2.0", headers, body)
