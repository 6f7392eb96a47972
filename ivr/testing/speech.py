"""Speech without a speech program: a tone per text, as long as the words would take."""

from hashlib import sha256

import numpy as np

from ivr.prompts.sound import RATE, to_wav
from ivr.prompts.speech import CannotSpeak
from menus.pace import estimated_s


class ToneSpeech:
    """Beeps; each text has a pitch of its own. Keeps what it was asked to say."""

    def __init__(self, version: str = "1", mute: frozenset[str] = frozenset()) -> None:
        self.version = version
        self.mute = mute  #: texts that make it fail
        self.said: list[tuple[str, str]] = []

    def identity(self, language: str) -> str:
        """Version and language."""
        return f"tone {self.version} {language}"

    def speak(self, text: str, language: str) -> bytes:
        """A tone between 300 and 1300 Hz."""
        if text in self.mute:
            raise CannotSpeak(f"told not to say {text!r}")
        self.said.append((text, language))
        pitch = 300 + int.from_bytes(sha256(text.encode()).digest()[:2]) % 1000
        places = np.arange(int(estimated_s(text) * RATE)) / RATE
        return to_wav(0.5 * np.sin(2 * np.pi * pitch * places))
