"""The caller's line, and the time.

Times named `…_at` and `now` are UTC seconds of the epoch, from `Clock.now()`. Nothing here knows AGI, AMI, SQL or HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from routing.call import Arrival

# --- time ------------------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """The time of day of this engine, and a clock for deadlines that no one can set."""

    def now(self) -> float:
        """UTC seconds of the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


# --- the caller's line -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clip:
    """One sound file and what it says."""

    sound: str  #: path as the switch sees it, without extension
    text: str
    seconds: float
    prompt: str = ""  #: name of the prompt or option in the book that it comes from


@dataclass(frozen=True, slots=True)
class ClipHeard:
    """How much of a clip the caller heard."""

    clip: Clip
    seconds: float  #: from 0 to clip.seconds


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of saying something: a key cut it short, or it was heard to the end."""

    clips: tuple[ClipHeard, ...]
    key: str | None = None  #: one of 0-9 * #
    woken: bool = False  #: cut short by `Switchboard.wake`


class Waited(StrEnum):
    """Why a wait ended when no key was pressed."""

    TIMEOUT = "timeout"
    WOKEN = "woken"  # a hint: something may have changed


class DialStatus(StrEnum):
    """How ringing an agent's phone ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Dialled:
    """What came of ringing a phone and, when it was answered, of the conversation."""

    status: DialStatus
    talked_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TalkLimit:
    """How long a conversation may last."""

    most_s: float
    warning_s: float  #: so long before its end the agent hears a tone; 0 is no tone


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that was made."""

    seconds: float  #: of what was said, trailing silence not counted
    key: str | None = None  #: that ended it
    hung_up: bool = False  #: the caller left; what was said until then is kept, and the next verb raises HungUp


class OnAnswer(StrEnum):
    """What a customer hears who picks up a callback with the agent first."""

    TOLD = "told"
    ASKED = "asked"  # and may answer by a key


class Leg(Protocol):
    """One caller's line. Any verb raises HungUp once the caller has left, LineBroken when the line is out of step."""

    @property
    def arrival(self) -> Arrival: ...

    async def answer(self) -> None:
        """Pick up."""
        ...

    async def arm(self, seconds: float) -> None:
        """Let the switch itself take the call to the next rung if we are silent for that long; 0 disarms."""
        ...

    async def say(self, clips: Sequence[Clip], *, keys: str = "0123456789*#", wakeable: bool = False) -> Heard:
        """Play the clips in order; any of `keys` stops them at once, and so does a wake if `wakeable`."""
        ...

    async def wait(self, seconds: float) -> str | Waited:
        """A key, or why none came. At most 20 s at a time; `Switchboard.wake` ends it early."""
        ...

    async def hold(self) -> None:
        """Start music."""
        ...

    async def unhold(self) -> None:
        """Stop music."""
        ...

    async def dial(
        self,
        phone: str,
        *,
        ring_s: float,
        offer_id: int,
        limit: TalkLimit | None = None,
        auto_answer: bool | None = None,
    ) -> Dialled:
        """Ring a phone with music to the caller; when answered, talk until the phone hangs up, or the limit that the
        switch itself keeps. Disarms before. `auto_answer`: whether the phone is asked to pick up by itself; None: as
        the settings say."""
        ...

    async def join(self, room: int) -> None:
        """Talk with whoever is in a room, until the last agent there has left or we are called back. Disarms before."""
        ...

    async def record(self, sound: str, *, longest_s: float, silence_s: float) -> Recorded:
        """Record what the caller says into `sound`.wav after a tone, until a key, silence or the longest time.

        Raises NotRecorded when the switch cannot write there."""
        ...

    async def agree(self, recording: str) -> None:
        """Note on the line itself, for whichever engine has it later, that its next conversation may be recorded
        under this name; empty: it must not be."""
        ...

    async def agreed(self) -> str | None:
        """What was noted: a name, empty for no, None when nothing was."""
        ...

    async def on_answer(self) -> OnAnswer | None:
        """Of a callback with the agent first: what becomes of what `call_out` was given to tell the customer when they
        pick up, before they are connected; None: nothing."""
        ...

    async def agrees_on_answer(self) -> bool | None:
        """What they have answered who were asked then; None while they have not."""
        ...

    async def monitor(self, sound: str) -> None:
        """Record both sides into `sound`.wav from now on, only while they talk. Begun already: nothing happens."""
        ...

    async def unmonitor(self) -> None:
        """Record no more, and forget what was agreed: the file is complete on return."""
        ...

    async def transfer(self, number: str, *, ring_s: float) -> Dialled:
        """Ring an outside E.164 number over the trunk; when answered, talk until it hangs up. Disarms before.

        Asked again for a call that another engine had, it tells what came of that engine's dialling."""
        ...

    async def done(self) -> None:
        """Tell the dialplan that this call needs no further rung. The engine's last act on the line."""
        ...
