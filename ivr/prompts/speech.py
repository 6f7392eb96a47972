"""Text → sound: the port, and espeak-ng as a process behind it."""

import re
import subprocess
from collections.abc import Mapping
from typing import Protocol

from ivr.errors import EngineFault
from menus.spoken import LANGUAGES

SPEAK_TIMEOUT_S = 15.0  #: for one prompt; espeak-ng needs 0.02 s


class CannotSpeak(EngineFault):
    """The speech program is missing or did not make a sound of this text."""


class Speech(Protocol):
    """Makes sounds of texts. Threads may call it at the same time."""

    def identity(self, language: str) -> str:
        """Program, version and voice: sounds of the same text and identity are the same. Raises CannotSpeak."""
        ...

    def speak(self, text: str, language: str) -> bytes:
        """A WAV file with 16-bit samples. Raises CannotSpeak."""
        ...


#: Voices of espeak-ng by language.
VOICES: Mapping[str, str] = {language: module.VOICE for language, module in LANGUAGES.items()}

#: Chinese words with a sign that espeak-ng 1.51 reads another way, the sign replaced by its pinyin.
READINGS: Mapping[str, str] = {
    "银行": "银hang2",
    "还款": "huan2款",
    "还分期": "huan2分期",
    "偿还": "偿huan2",
    "归还": "归huan2",
    "重听": "chong2听",
    "重复": "chong2复",
    "重新": "chong2新",
    "调整": "tiao2整",
}


class EspeakSpeech:
    """espeak-ng as a process of its own for each text; the text comes on standard input, no shell is involved."""

    def __init__(
        self,
        program: str = "espeak-ng",
        voices: Mapping[str, str] = VOICES,
        words_per_minute: int = 165,
        timeout_s: float = SPEAK_TIMEOUT_S,
    ) -> None:
        self._program = program
        self._voices = voices
        self._speed = words_per_minute
        self._timeout_s = timeout_s
        self._version: str | None = None

    def identity(self, language: str) -> str:
        """Program, version, voice, speed and readings."""
        if self._version is None:
            found = re.search(rb"text-to-speech: *(\S+)", self._run(["--version"], b""))
            self._version = found[1].decode("ascii", "replace") if found else "unknown"
        readings = "|".join(READINGS.values()) if language == "zh" else ""
        return f"espeak-ng {self._version} {self._voice(language)} {self._speed} {readings}".rstrip()

    def speak(self, text: str, language: str) -> bytes:
        """A WAV file of the text."""
        if language == "zh":
            for word, reading in READINGS.items():
                text = text.replace(word, reading)
        line = " ".join(text.split())
        arguments = ["-v", self._voice(language), "-s", str(self._speed), "-b", "1", "--stdin", "--stdout"]
        sound = self._run(arguments, line.encode("utf-8"))
        if not sound:
            raise CannotSpeak(f"{self._program} made no sound of {text!r}")
        return sound

    def _voice(self, language: str) -> str:
        try:
            return self._voices[language]
        except KeyError:
            raise CannotSpeak(f"no voice is set for the language {language!r}") from None

    def _run(self, arguments: list[str], given: bytes) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 - a list of fixed arguments; the text comes on standard input
                [self._program, *arguments], input=given, capture_output=True, timeout=self._timeout_s, check=False
            )
        except FileNotFoundError as fault:
            raise CannotSpeak(
                f"{self._program} is not installed (Debian, Ubuntu: apt-get install espeak-ng)"
            ) from fault
        except OSError as fault:
            raise CannotSpeak(f"{self._program} cannot be started: {fault.strerror}") from fault
        except subprocess.TimeoutExpired as fault:
            raise CannotSpeak(f"{self._program} was not done after {self._timeout_s:g} s") from fault
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise CannotSpeak(f"{self._program} failed ({done.returncode}): {said[-1] if said else 'no message'}")
        return done.stdout
