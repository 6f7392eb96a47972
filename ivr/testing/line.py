"""A caller's line in memory: says nothing aloud, takes its keys from a script, in virtual time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from ivr.errors import HungUp, LineBroken
from ivr.ports import Arrival, Clip, ClipHeard, Dialled, DialStatus, Heard, Waited
from ivr.testing.clock import FakeClock


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key while a prompt is heard (a third of it), or in the next silence."""

    key: str
    hearing: str | None = None  #: name of the prompt or option (`Clip.prompt`); None = when asked to wait


@dataclass(frozen=True, slots=True)
class HangUp:
    """Leave while a prompt is heard, or in the next silence."""

    hearing: str | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """The line to the switch breaks in the next silence."""

    hearing: str | None = None


Action = Press | HangUp | Break


@dataclass
class ScriptedLeg:
    """`ivr.ports.Leg` for one scripted caller."""

    arrival: Arrival
    clock: FakeClock
    script: list[Action] = field(default_factory=list)
    dials: list[Dialled] = field(default_factory=list)  #: what each ring comes to; none left = answered
    heard: list[str] = field(default_factory=list)  #: prompts heard, in order
    rung: list[str] = field(default_factory=list)  #: phones rung
    armed: list[float] = field(default_factory=list)
    is_done: bool = False
    answered: bool = False
    on_hold: bool = False
    most_waits: int = 2000  #: waits after which the caller gives up, so that a test cannot loop for ever
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """What `Switchboard.wake` does to this line."""
        self._woken.set()

    async def answer(self) -> None:
        """Pick up."""
        self.answered = True

    async def arm(self, seconds: float) -> None:
        """Remember the deadline."""
        self.armed.append(seconds)

    async def say(self, clips: Sequence[Clip], *, keys: str = "0123456789*#", wakeable: bool = False) -> Heard:
        """Hear clips in virtual time until the script acts."""
        parts: list[ClipHeard] = []
        for clip in clips:
            if wakeable and self._woken.is_set():
                self._woken.clear()
                return Heard(tuple(parts), woken=True)
            self.heard.append(clip.prompt)
            action = self.script[0] if self.script else None
            if action is not None and action.hearing == clip.prompt:
                self.clock.advance(clip.seconds / 3)
                key = self._act(self.script.pop(0))
                if key in keys:
                    parts.append(ClipHeard(clip, clip.seconds / 3))
                    return Heard(tuple(parts), key)
            self.clock.advance(clip.seconds)
            parts.append(ClipHeard(clip, clip.seconds))
            await asyncio.sleep(0)
        return Heard(tuple(parts))

    async def wait(self, seconds: float) -> str | Waited:
        """A scripted key, a wake, or the time is over."""
        self.most_waits -= 1
        if self.most_waits < 0:
            raise HungUp
        for _ in range(20):
            if self._woken.is_set():
                self._woken.clear()
                return Waited.WOKEN
            await asyncio.sleep(0)
        if self.script and self.script[0].hearing is None:
            return self._act(self.script.pop(0))
        self.clock.advance(seconds)
        return Waited.TIMEOUT

    async def hold(self) -> None:
        """Music."""
        self.on_hold = True

    async def unhold(self) -> None:
        """No music."""
        self.on_hold = False

    async def dial(self, phone: str, *, ring_s: float, offer_id: int) -> Dialled:
        """Ring a phone; the next of `dials` is what comes of it."""
        self.rung.append(phone)
        await asyncio.sleep(0)
        outcome = self.dials.pop(0) if self.dials else Dialled(DialStatus.ANSWERED, 60.0)
        self.clock.advance(ring_s if outcome.status is DialStatus.NO_ANSWER else outcome.talked_s)
        return outcome

    async def done(self) -> None:
        """No further rung is needed."""
        self.is_done = True

    def _act(self, action: Action) -> str:
        if isinstance(action, HangUp):
            raise HungUp
        if isinstance(action, Break):
            raise LineBroken
        return action.key
