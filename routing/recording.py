"""The recording of a conversation while it lasts: what the agent wishes, what the customer allows, and what the switch
has confirmed.
"""

from dataclasses import dataclass
from enum import StrEnum


class RecordingState(StrEnum):
    """What an agent may rely on."""

    ON = "on"  # what is said is recorded
    PAUSING = "pausing"  # it is to be silent, and nobody has confirmed that it is: nothing secret may be said yet
    PAUSED = "paused"  # it hears silence from both sides
    RESUMING = "resuming"  # it is to go on, and nobody has confirmed that it does
    ASKING = "asking"  # the customer has not said yet whether they agree: it hears silence
    REFUSED = "refused"  # they do not: it hears silence, and is deleted with the end of the conversation


class Consent(StrEnum):
    """Of a recording that begins silent: what the customer has said to it. Whoever has agreed is recorded as others."""

    ASKED = "asked"  # nothing yet
    REFUSED = "refused"  # no, or no key


@dataclass(frozen=True, slots=True)
class TalkRecording:
    """An open recording. Times are UTC seconds of the epoch."""

    recording: str  #: name of the file without folder and ending
    call_id: str
    began_at: float
    pause_until: float | None = None  #: it is to be silent until then
    muted: bool | None = False  #: as the switch confirmed it; None when that is not known
    version: int = 0  #: grows with every wish
    consent: Consent | None = None  #: what is lacking of the customer's

    @property
    def is_silent(self) -> bool:
        """Whether it is to hear silence."""
        return self.pause_until is not None or self.consent is not None

    @property
    def state(self) -> RecordingState:
        """Silent only when it was confirmed."""
        if not self.is_silent:
            return RecordingState.ON if self.muted is False else RecordingState.RESUMING
        if self.muted is not True:
            return RecordingState.PAUSING
        if self.consent is None:
            return RecordingState.PAUSED
        return RecordingState.ASKING if self.consent is Consent.ASKED else RecordingState.REFUSED

    def is_amiss(self, now: float) -> bool:
        """Whether something is to be done: a pause is over, the switch has not confirmed what is wished, or the
        customer may have answered."""
        over = self.pause_until is not None and self.pause_until <= now
        return over or self.consent is Consent.ASKED or self.muted is not self.is_silent
