"""A caller's line in memory: says nothing aloud, takes its keys from a script, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from ivr.errors import EngineFault, HungUp, LineBroken
from ivr.ports import Arrival, Clip, ClipHeard, Dialled, DialStatus, Heard, OnAnswer, Recorded, TalkLimit, Waited
from ivr.testing.clock import FakeClock

#: Longest wait in one go, as on a real line.
LONGEST_WAIT_S = 20.0
#: How often others may run before a wait goes on: more than any twin needs.
TURNS = 20


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key while a prompt is heard (a third of it), or after so many seconds of silence."""

    key: str
    hearing: str | None = None  #: name of the prompt or option (`Clip.prompt`); None = when asked to wait
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class HangUp:
    """Leave while a prompt is heard, or after so many seconds of silence."""

    hearing: str | None = None
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Break:
    """The line to the switch breaks while a prompt is heard, or after so many seconds of silence."""

    hearing: str | None = None
    after_s: float = 0.0


Action = Press | HangUp | Break


def keys(text: str, *, hearing: str | None = None, after_s: float = 0.3) -> list[Action]:
    """Keys one after the other, the first while a prompt is heard if one is named."""
    return [Press(key, hearing if n == 0 else None, 0 if n == 0 and hearing else after_s) for n, key in enumerate(text)]


@dataclass
class ScriptedLeg:
    """`ivr.ports.Leg` for one scripted caller."""

    arrival: Arrival
    clock: FakeClock
    script: list[Action] = field(default_factory=list)
    dials: list[Dialled] = field(default_factory=list)  #: what each ring comes to; none left = answered
    says: list[Recorded] = field(default_factory=list)  #: what is said into each recording; none left = nothing
    recorded: list[str] = field(default_factory=list)  #: files recorded into, in order
    on_dial: Callable[[str], Awaitable[None]] | None = None  #: awaited while a phone rings; may raise HungUp
    on_join: Callable[[int], Awaitable[None]] | None = None  #: awaited while in a room; may raise HungUp
    joined: list[int] = field(default_factory=list)  #: rooms joined
    heard: list[str] = field(default_factory=list)  #: prompts heard, in order
    rung: list[str] = field(default_factory=list)  #: phones rung
    armed: list[float] = field(default_factory=list)
    limits: list[TalkLimit | None] = field(default_factory=list)  #: of each ring
    noted: str | None = None  #: what was agreed on recording
    tells: OnAnswer | None = None  #: what a customer hears who picks up
    agrees: bool | None = None  #: and what they have answered
    monitored: str | None = None  #: the file that conversations are recorded into
    is_done: bool = False
    answered: bool = False
    on_hold: bool = False
    most_waits: int = 2000  #: waits after which the caller gives up, so that a test cannot loop for ever
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _silent_s: float = 0.0  #: since the last act of the script
    _end: EngineFault | None = None

    def wake(self) -> None:
        """What `Switchboard.wake` does to this line."""
        self._woken.set()

    def hang_up(self) -> None:
        """The caller leaves, between two verbs."""
        self._end = HungUp()

    async def answer(self) -> None:
        """Pick up."""
        self._alive()
        self.answered = True

    async def arm(self, seconds: float) -> None:
        """Remember the deadline."""
        self._alive()
        self.armed.append(seconds)

    async def say(self, clips: Sequence[Clip], *, keys: str = "0123456789*#", wakeable: bool = False) -> Heard:
        """Hear clips in virtual time until the script acts."""
        parts: list[ClipHeard] = []
        for clip in clips:
            self._alive()
            if wakeable and self._woken.is_set():
                self._woken.clear()
                return Heard(tuple(parts), woken=True)
            self.heard.append(clip.prompt)
            left_s = clip.seconds
            if self.script and self.script[0].hearing == clip.prompt:
                self.clock.advance(clip.seconds / 3)
                left_s -= clip.seconds / 3
                key = self._act()
                if key in keys:
                    parts.append(ClipHeard(clip, clip.seconds / 3))
                    return Heard(tuple(parts), key)
            self.clock.advance(left_s)
            parts.append(ClipHeard(clip, clip.seconds))
            await asyncio.sleep(0)
        return Heard(tuple(parts))

    async def wait(self, seconds: float) -> str | Waited:
        """A scripted key, a wake, or the time is over; at most 20 s at a time."""
        self.most_waits -= 1
        if self.most_waits < 0:
            self.hang_up()
        left_s = min(seconds, LONGEST_WAIT_S)
        while True:
            for _ in range(TURNS):
                self._alive()
                if self._woken.is_set():
                    self._woken.clear()
                    return Waited.WOKEN
                await asyncio.sleep(0)
            acts_in_s = float("inf")
            if self.script and self.script[0].hearing is None:
                acts_in_s = self.script[0].after_s - self._silent_s
                if acts_in_s <= 0:
                    return self._act()
            if left_s <= 0:
                return Waited.TIMEOUT
            step_s = min(left_s, acts_in_s, self.clock.until_due())
            self.clock.advance(step_s)
            left_s -= step_s
            self._silent_s += step_s

    async def hold(self) -> None:
        """Music."""
        self._alive()
        self.on_hold = True

    async def unhold(self) -> None:
        """No music."""
        self._alive()
        self.on_hold = False

    async def dial(
        self,
        phone: str,
        *,
        ring_s: float,
        offer_id: int,
        limit: TalkLimit | None = None,
        auto_answer: bool | None = None,
    ) -> Dialled:
        """Ring a phone; the next of `dials` is what comes of it, cut at the limit."""
        await self.arm(0)
        self.rung.append(phone)
        await asyncio.sleep(0)
        if self.on_dial is not None:
            await self.on_dial(phone)
        outcome = self.dials.pop(0) if self.dials else Dialled(DialStatus.ANSWERED, 60.0)
        self.limits.append(limit)
        if limit is not None:
            outcome = replace(outcome, talked_s=min(outcome.talked_s, limit.most_s))
        self.clock.advance(ring_s if outcome.status is DialStatus.NO_ANSWER else outcome.talked_s)
        self._alive()
        return outcome

    async def join(self, room: int) -> None:
        """Talk in a room, as long as `on_join` takes."""
        await self.arm(0)
        self.joined.append(room)
        await asyncio.sleep(0)
        if self.on_join is not None:
            await self.on_join(room)
        self._alive()

    async def record(self, sound: str, *, longest_s: float, silence_s: float) -> Recorded:
        """The next of `says`: how long the caller speaks, and the key that ends it."""
        self._alive()
        await asyncio.sleep(0)
        said = self.says.pop(0) if self.says else Recorded(0.0)
        self.recorded.append(sound)
        self.clock.advance(min(said.seconds, longest_s) + (0 if said.key or said.hung_up else silence_s))
        self._alive()
        if said.hung_up:
            self.hang_up()
        return Recorded(min(said.seconds, longest_s), said.key, said.hung_up)

    async def agree(self, recording: str) -> None:
        """Note it on the line."""
        self._alive()
        self.noted = recording

    async def agreed(self) -> str | None:
        """What was noted."""
        self._alive()
        return self.noted

    async def on_answer(self) -> OnAnswer | None:
        """What a test says."""
        self._alive()
        return self.tells

    async def agrees_on_answer(self) -> bool | None:
        """What a test says."""
        self._alive()
        return self.agrees

    async def monitor(self, sound: str) -> None:
        """Remember the file."""
        self._alive()
        self.monitored = sound

    async def unmonitor(self) -> None:
        """No recording any more."""
        self._alive()
        self.monitored = self.noted = None

    async def transfer(self, number: str, *, ring_s: float) -> Dialled:
        """Ring an outside number; the next of `dials` is what comes of it."""
        return await self.dial(number, ring_s=ring_s, offer_id=0)

    async def done(self) -> None:
        """No further rung is needed."""
        self._alive()
        self.is_done = True

    def _act(self) -> str:
        action = self.script.pop(0)
        self._silent_s = 0.0
        if isinstance(action, Press):
            return action.key
        self._end = HungUp() if isinstance(action, HangUp) else LineBroken()
        raise self._end

    def _alive(self) -> None:
        """No verb reaches a caller who has left."""
        if self._end is not None:
            raise self._end
