"""The recording of a conversation while it lasts: what the agent wishes, and what the switch has confirmed."""

from dataclasses import dataclass
from enum import StrEnum


class RecordingState(StrEnum):
    """What an agent may rely on."""

    ON = "on"  # what is said is recorded
    PAUSING = "pausing"  # it is to be silent, and nobody has confirmed that it is: nothing secret may be said yet
    PAUSED = "paused"  # it hears silence from both sides
    RESUMING = "resuming"  # it is to go on, and nobody has confirmed that it does


@dataclass(frozen=True, slots=True)
class TalkRecording:
    """An open recording. Times are UTC seconds of the epoch."""

    recording: str  #: name of the file without folder and ending
    call_id: str
    began_at: float
    pause_until: float | None = None  #: it is to be silent until then
    muted: bool | None = False  #: as the switch confirmed it; None when that is not known
    version: int = 0  #: grows with every wish

    @property
    def state(self) -> RecordingState:
        """Paused only when it was confirmed."""
        if self.pause_until is not None:
            return RecordingState.PAUSED if self.muted is True else RecordingState.PAUSING
        return RecordingState.ON if self.muted is False else RecordingState.RESUMING

    def is_amiss(self, now: float) -> bool:
        """Whether something is to be done: a pause is over, or the switch has not confirmed what is wished."""
        over = self.pause_until is not None and self.pause_until <= now
        return over or self.state in (RecordingState.PAUSING, RecordingState.RESUMING)
