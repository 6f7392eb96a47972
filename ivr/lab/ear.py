"""An ear on the line: takes the sound that Asterisk sends, and can press keys and speak from the same socket."""

import asyncio
import contextlib
import random
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

import numpy as np

from ivr.lab.g711 import PCMA, PCMU, RATE, Samples, decode, encode_ulaw

PACKET_S = 0.02
TELEPHONE_EVENT = 101  #: the payload type that nearly all phones use for keys (RFC 4733)
KEYS = "0123456789*#ABCD"  #: in the order of RFC 4733
KEY_S = 0.1  #: how long a key is held; Asterisk takes 80 ms at least
KEY_GAP_S = 0.1
_SAMPLES = int(RATE * PACKET_S)
_SOUND_LEVEL = 200.0  #: root mean square of 20 ms above which there is sound; µ-law silence is 0, speech 1000 and more
#: A stream whose own time strays further from the clock than this, for so many packets in a row, has been restarted:
#: who looks late, or sends late, after a stall is in time again before.
_JUMP_S, _JUMP_PACKETS = 0.1, 25
#: Further than this it has been restarted anyway.
_FAR_S = 1.0
_SILENCE = b"\xff"  #: of µ-law
_HEADER = struct.Struct("!BBHII")


@dataclass(slots=True)
class _Chunk:
    """What one packet carried, at its place on the line's time axis."""

    at: float  #: seconds of the epoch, by the sender's pace
    samples: Samples


class Ear(asyncio.DatagramProtocol):
    """One end of a sound connection. Times are UTC seconds of the epoch."""

    def __init__(self) -> None:
        self.first_packet_at: float | None = None
        self.first_sound_at: float | None = None
        self._sounded = asyncio.Event()
        self._chunks: list[_Chunk] = []
        self._stream: tuple[int, int, float] | None = None  # SSRC, first timestamp, its time
        self._strayed: list[tuple[_Chunk, float]] = []  # the newest, as long as all stray: how far each
        self._transport: asyncio.DatagramTransport | None = None
        self._far: tuple[str, int] | None = None
        self._ssrc = random.getrandbits(32)
        self._sequence = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)
        self._packets: deque[_Packet | asyncio.Future[None]] = deque()
        self._waiting: set[asyncio.Future[None]] = set()
        self._pacer: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, host: str) -> Self:
        """An ear on a free port of this address."""
        loop = asyncio.get_running_loop()
        _, ear = await loop.create_datagram_endpoint(cls, local_addr=(host, 0))
        return ear

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio has made the socket."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    @property
    def address(self) -> tuple[str, int]:
        """Where Asterisk must send its sound."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        return str(host), int(port)

    def close(self) -> None:
        """Give the port back; who still presses or speaks is done with it."""
        if self._pacer is not None:
            self._pacer.cancel()
        for done in self._waiting:
            if not done.done():
                done.set_result(None)
        if self._transport is not None:
            self._transport.close()

    # --- hearing --------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One packet of sound."""
        now = time.time()
        if len(data) <= _HEADER.size:
            return
        first, kind, _, timestamp, ssrc = _HEADER.unpack_from(data)
        payload_type = kind & 0x7F
        if first >> 6 != 2 or payload_type not in (PCMU, PCMA):
            return
        samples = decode(data[_HEADER.size + 4 * (first & 0x0F) :], payload_type)
        chunk = _Chunk(now, samples)
        self._place(chunk, ssrc, timestamp, now)
        self._chunks.append(chunk)
        if self.first_packet_at is None:
            self.first_packet_at = now
        if self.first_sound_at is None and _level(samples) > _SOUND_LEVEL:
            self.first_sound_at = now
            self._sounded.set()

    def _place(self, chunk: _Chunk, ssrc: int, timestamp: int, now: float) -> None:
        """Where the packet belongs: by the sender's own count, so that late arrival does not tear the sound apart."""
        if self._stream is not None and self._stream[0] == ssrc:
            chunk.at = self._stream[2] + ((timestamp - self._stream[1]) & 0xFFFFFFFF) / RATE
            astray_s = now - chunk.at
            if abs(astray_s) < _JUMP_S:
                self._strayed.clear()
                return
            if abs(astray_s) < _FAR_S:
                self._strayed.append((chunk, astray_s))
                if len(self._strayed) == _JUMP_PACKETS:
                    self._jump()
                return
        self._stream, chunk.at = (ssrc, timestamp, now), now
        self._strayed.clear()

    def _jump(self) -> None:
        """The stream has been restarted: what came since moves to where the packet that was least late belongs."""
        assert self._stream is not None
        by_s = min(astray_s for _, astray_s in self._strayed)
        for chunk, _ in self._strayed:
            chunk.at += by_s
        self._stream = (*self._stream[:2], self._stream[2] + by_s)
        self._strayed.clear()

    def sound(self) -> tuple[float, Samples]:
        """Everything heard so far as one stretch of 8 kHz samples, and when it began; silence where nothing came."""
        if not self._chunks:
            return 0.0, np.zeros(0, dtype=np.int16)
        start = min(chunk.at for chunk in self._chunks)
        end = max(chunk.at + len(chunk.samples) / RATE for chunk in self._chunks)
        line = np.zeros(round((end - start) * RATE) + 1, dtype=np.int16)
        for chunk in self._chunks:
            at = round((chunk.at - start) * RATE)
            line[at : at + len(chunk.samples)] = chunk.samples[: len(line) - at]
        return start, line

    async def hear_sound(self, *, deadline_s: float) -> float:
        """When the first sound came. Raises TimeoutError when none comes in time."""
        async with asyncio.timeout(deadline_s):
            await self._sounded.wait()
        assert self.first_sound_at is not None
        return self.first_sound_at

    async def hear_sound_begin(self, *, deadline_s: float) -> float:
        """When sound comes next, whatever was heard before. Raises TimeoutError when none comes in time."""
        self.first_sound_at = None
        self._sounded.clear()
        return await self.hear_sound(deadline_s=deadline_s)

    # --- keys and speech --------------------------------------------------------------------------------------------

    def connect(self, far: tuple[str, int]) -> None:
        """Begin to send where the other side's SDP says: silence, unless there are keys or speech. Phones do the same,
        and Asterisk's Answer() waits for it."""
        self._far = far
        if self._pacer is None:
            self._pacer = asyncio.get_running_loop().create_task(self._pace())

    async def press(self, keys: str) -> None:
        """Press keys one after the other, as RFC 4733 events; returns when the last has been let go."""
        await self._do([_key_packets(KEYS.index(key)) for key in keys])

    async def speak(self, samples: Samples) -> None:
        """Say this; returns when it has been said."""
        coded = encode_ulaw(samples)
        spoken = (coded[start : start + _SAMPLES] for start in range(0, len(coded), _SAMPLES))
        await self._do([[_Packet(PCMU, piece.ljust(_SAMPLES, _SILENCE)) for piece in spoken]])

    async def _do(self, acts: Sequence[Sequence["_Packet"]]) -> None:
        if self._transport is None or self._transport.is_closing():
            return  # the call is over
        done = asyncio.get_running_loop().create_future()
        self._waiting.add(done)
        self._packets.extend(packet for act in acts for packet in act)
        self._packets.append(done)
        try:
            await done
        finally:
            self._waiting.discard(done)

    async def _pace(self) -> None:
        """One packet each 20 ms, whatever it holds."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._send_next()
            due = max(due + PACKET_S, loop.time() - PACKET_S)  # after a stall go on; do not flood
            await asyncio.sleep(due - loop.time())

    def _send_next(self) -> None:
        while self._packets and isinstance(self._packets[0], asyncio.Future):
            done = self._packets.popleft()
            if isinstance(done, asyncio.Future) and not done.done():
                done.set_result(None)
        packet = self._packets.popleft() if self._packets else _Packet(PCMU, _SILENCE * _SAMPLES)
        assert isinstance(packet, _Packet)
        for _ in range(packet.times):
            self._send(packet)
        self._timestamp = (self._timestamp + _SAMPLES) & 0xFFFFFFFF

    def _send(self, packet: "_Packet") -> None:
        if self._transport is None or self._far is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        timestamp = (self._timestamp - packet.since * _SAMPLES) & 0xFFFFFFFF
        kind = (0x80 if packet.marker else 0) | packet.payload_type
        header = _HEADER.pack(0x80, kind, self._sequence, timestamp, self._ssrc)
        with contextlib.suppress(OSError):  # the far side is gone: nobody to speak to
            self._transport.sendto(header + packet.payload, self._far)


@dataclass(frozen=True, slots=True)
class _Packet:
    """What goes out in one 20 ms slot."""

    payload_type: int
    payload: bytes
    marker: bool = False
    since: int = 0  #: slots since the event began that it belongs to
    times: int = 1


def _key_packets(code: int) -> list[_Packet]:
    """A key held for KEY_S and let go; the end is said three times, as RFC 4733 wants, and a pause follows."""
    slots = round(KEY_S / PACKET_S)
    held = [
        _Packet(TELEPHONE_EVENT, struct.pack("!BBH", code, 10, (slot + 1) * _SAMPLES), slot == 0, slot)
        for slot in range(slots)
    ]
    end = _Packet(TELEPHONE_EVENT, struct.pack("!BBH", code, 0x80 | 10, slots * _SAMPLES), since=slots, times=3)
    pause = [_Packet(PCMU, _SILENCE * _SAMPLES)] * round(KEY_GAP_S / PACKET_S)
    return [*held, end, *pause]


def _level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0
