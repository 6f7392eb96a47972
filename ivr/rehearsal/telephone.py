"""A caller's telephone without a switch: prompts take their time, keys may be pressed at any moment.

Time is that of the running loop: real in a terminal, virtual in tests. Who holds the receiver (a script, a person)
presses, speaks and hangs up from another coroutine, and reads `pieces` and `happened`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from ivr.errors import HungUp
from ivr.ports import (
    Arrival,
    Clip,
    ClipHeard,
    Dialled,
    DialStatus,
    Heard,
    OnAnswer,
    PhoneAnswered,
    PhoneRinging,
    Recorded,
    SwitchEvent,
    TalkLimit,
    Waited,
)

LONGEST_WAIT_S = 20.0  #: in one go, as on a real line
BETWEEN_KEYS_S = 0.25  #: of who presses several


@dataclass(slots=True)
class Piece:
    """One prompt or option as it was said. Times are seconds from the beginning of the call."""

    prompt: str
    text: str
    at_s: float
    seconds: float
    heard_s: float | None = None  #: None while it is being said

    @property
    def whole(self) -> bool:
        """Whether it was heard to its end."""
        return self.heard_s is not None and self.heard_s >= self.seconds - 0.01


class Sign(StrEnum):
    """What else a caller notices."""

    MUSIC = "music"
    QUIET = "quiet"  # the music has stopped
    RINGING = "ringing"  # a phone rings for the caller
    TALKING = "talking"  # it was answered
    OVER = "over"  # the other side has hung up, or nobody answered
    TONE = "tone"  # what the caller says is recorded from now on
    RECORDED = "recorded"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Manner:
    """What comes of ringing a phone."""

    status: DialStatus = DialStatus.ANSWERED
    rings_s: float = 2.0
    talks_s: float = 20.0


@dataclass
class Telephone:
    """`ivr.ports.Leg` for somebody who listens and presses."""

    arrival: Arrival
    phones: Mapping[str, Manner] = field(default_factory=dict)  #: phone or outside number → how it behaves
    tell: Callable[[SwitchEvent], None] = lambda event: None  #: what the switch would tell the engine
    pace: float = 1.0  #: seconds that a second of speech, of music and of conversation takes
    pieces: list[Piece] = field(default_factory=list)
    happened: list[tuple[float, Sign, str]] = field(default_factory=list)
    notice: Callable[[], None] = lambda: None  #: called after each change of `pieces` and `happened`
    ended: bool = False
    _keys: deque[str] = field(default_factory=deque)
    _speech: deque[float] = field(default_factory=deque)
    _left: bool = False
    _woken: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _noticed: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _began: float = 0.0
    _noted: str | None = None

    def __post_init__(self) -> None:
        self._began = self._loop.time()

    # --- in the caller's hand -----------------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """Press a key; it counts when the engine listens next, as on a real line."""
        self._keys.append(key)
        self._changed.set()

    def speak(self, seconds: float) -> None:
        """Say something into the next recording."""
        self._speech.append(seconds)
        self._changed.set()

    def hang_up(self) -> None:
        """Leave."""
        self._left = True
        self._changed.set()

    def now_s(self) -> float:
        """Seconds since the call began."""
        return self._loop.time() - self._began

    async def noticed(self, seconds: float) -> None:
        """Until there is something new to notice, or the time is over."""
        self._noticed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._noticed.wait()
        except TimeoutError:
            return

    @property
    def recording(self) -> bool:
        """Whether what the caller says now is recorded."""
        last = next((sign for _, sign, _ in reversed(self.happened) if sign in (Sign.TONE, Sign.RECORDED)), None)
        return last is Sign.TONE

    def end(self) -> None:
        """The engine has done with the call."""
        self.ended = True
        self._happens(Sign.ENDED)

    # --- as the engine sees it ----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """What `Switchboard.wake` does to this line."""
        self._woken = True
        self._changed.set()

    async def answer(self) -> None:
        """Pick up."""
        self._alive()

    async def arm(self, seconds: float) -> None:
        """No switch watches over us."""
        self._alive()

    async def say(self, clips: Sequence[Clip], *, keys: str = "0123456789*#", wakeable: bool = False) -> Heard:
        """Say clips; those in a row that come from one prompt are one piece."""
        parts: list[ClipHeard] = []
        for prompt, group in groupby(clips, key=lambda clip: clip.prompt):
            said = list(group)
            piece = Piece(prompt, joined(clip.text for clip in said), self.now_s(), sum(clip.seconds for clip in said))
            self.pieces.append(piece)
            self._tell_caller()
            try:
                for clip in said:
                    began, key = self.now_s(), await self._while(clip.seconds * self.pace, keys, wakeable=wakeable)
                    stopped = key is not None or (wakeable and self._woken)
                    whole = not stopped or not self.pace
                    parts.append(ClipHeard(clip, clip.seconds if whole else min(self.now_s() - began, clip.seconds)))
                    if stopped:
                        woken, self._woken = key is None, False
                        return Heard(tuple(parts), key, woken)
            finally:
                whole = bool(parts) and parts[-1].clip is said[-1] and parts[-1].seconds == said[-1].seconds
                piece.heard_s = piece.seconds if whole else min(self.now_s() - piece.at_s, piece.seconds)
                self._tell_caller()
        return Heard(tuple(parts))

    async def wait(self, seconds: float) -> str | Waited:
        """A key, a wake, or the time is over."""
        key = await self._while(min(seconds, LONGEST_WAIT_S), "0123456789*#", wakeable=True)
        if key is not None:
            return key
        woken, self._woken = self._woken, False
        return Waited.WOKEN if woken else Waited.TIMEOUT

    async def hold(self) -> None:
        """Music."""
        self._alive()
        self._happens(Sign.MUSIC)

    async def unhold(self) -> None:
        """No music."""
        self._alive()
        self._happens(Sign.QUIET)

    async def join(self, room: int) -> None:
        """Nobody waits in a room: agents of rehearsals put no caller on hold."""

    async def dial(
        self,
        phone: str,
        *,
        ring_s: float,
        offer_id: int,
        limit: TalkLimit | None = None,
        auto_answer: bool | None = None,
    ) -> Dialled:
        """Ring an agent's phone and talk."""
        channel, call_id = f"{phone}-{offer_id}", self.arrival.call_id
        self.tell(PhoneRinging(call_id, phone, channel))
        return await self._ring(phone, ring_s, lambda: self.tell(PhoneAnswered(call_id, phone, channel)))

    async def transfer(self, number: str, *, ring_s: float) -> Dialled:
        """Ring an outside number and talk."""
        return await self._ring(number, ring_s, lambda: None)

    async def record(self, sound: str, *, longest_s: float, silence_s: float) -> Recorded:
        """Take what the caller says after the tone, until a key, silence or the longest time."""
        self._alive()
        self._keys.clear()
        self._happens(Sign.TONE)
        spoken_s, until_s = 0.0, self.now_s() + silence_s
        key: str | None = None
        try:
            while key is None and self.now_s() < until_s and spoken_s < longest_s:
                key = await self._while(until_s - self.now_s(), "0123456789*#", until=self._speech)
                if key is None and self._speech:
                    began, words_s = self.now_s(), min(self._speech.popleft(), longest_s - spoken_s)
                    try:
                        key = await self._while(words_s, "0123456789*#")
                    finally:
                        spoken_s += min(words_s, self.now_s() - began)
                        until_s = self.now_s() + silence_s
        except HungUp:  # what was said until then is kept; the next verb tells that the caller has left
            return Recorded(spoken_s, hung_up=True)
        self._happens(Sign.RECORDED, f"{spoken_s:.1f} s")
        return Recorded(spoken_s, key)

    async def agree(self, recording: str) -> None:
        """Nothing is recorded in a rehearsal, whatever was agreed; it is remembered all the same."""
        self._alive()
        self._noted = recording

    async def agreed(self) -> str | None:
        """What was agreed."""
        self._alive()
        return self._noted

    async def on_answer(self) -> OnAnswer | None:
        """Nobody is called in a rehearsal."""
        self._alive()
        return None

    async def agrees_on_answer(self) -> bool | None:
        """Nobody is called in a rehearsal."""
        self._alive()
        return None

    async def monitor(self, sound: str) -> None:
        """Nothing is recorded in a rehearsal."""
        self._alive()

    async def unmonitor(self) -> None:
        """Nothing is recorded in a rehearsal."""
        self._alive()
        self._noted = None

    async def done(self) -> None:
        """No further rung is needed."""
        self._alive()

    # --- within -------------------------------------------------------------------------------------------------------

    async def _ring(self, phone: str, ring_s: float, answered: Callable[[], None]) -> Dialled:
        self._alive()
        manner = self.phones.get(phone, Manner())
        self._happens(Sign.RINGING, phone)
        if manner.status is not DialStatus.ANSWERED or manner.rings_s > ring_s:
            never = manner.status in (DialStatus.ANSWERED, DialStatus.NO_ANSWER)
            await self._while((ring_s if never else manner.rings_s) * self.pace, "")
            self._happens(Sign.OVER, "no answer")
            return Dialled(DialStatus.NO_ANSWER if never else manner.status)
        await self._while(manner.rings_s * self.pace, "")
        answered()
        self._happens(Sign.TALKING, phone)
        for _ in range(5):  # the engine hears of the answer before the conversation is over, however short
            await asyncio.sleep(0)
        await self._while(manner.talks_s * self.pace, "")
        self._keys.clear()  # the agent has heard them
        self._happens(Sign.OVER, "the other side has hung up")
        return Dialled(DialStatus.ANSWERED, manner.talks_s)

    async def _while(
        self, seconds: float, keys: str, *, wakeable: bool = False, until: Sequence[object] = ()
    ) -> str | None:
        """A key of these ends the time, else None; other keys are lost. So does a wake, or something in `until`."""
        deadline = self._loop.time() + seconds
        while True:
            self._alive()
            while keys and self._keys:
                key = self._keys.popleft()
                if key in keys:
                    return key
            if (wakeable and self._woken) or until or self._loop.time() >= deadline:
                return None
            self._changed.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _happens(self, sign: Sign, about: str = "") -> None:
        self.happened.append((self.now_s(), sign, about))
        self._tell_caller()

    def _tell_caller(self) -> None:
        self._noticed.set()
        self.notice()

    def _alive(self) -> None:
        """No verb reaches a caller who has left."""
        if self._left:
            raise HungUp


def joined(texts: Iterable[str]) -> str:
    """Pieces of a sentence as one line; Chinese has no spaces between words."""
    line = ""
    for text in texts:
        apart = line and line[-1].isascii() and text[:1].isascii() and text[:1] not in ".,;:!?"
        line += f" {text}" if apart else text
    return line
