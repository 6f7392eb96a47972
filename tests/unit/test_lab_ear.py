"""The ear on a line: sound stands where its sender's count says, however late it comes."""

import struct
from collections.abc import Iterable

import numpy as np
import pytest

from ivr.lab import ear
from ivr.lab.ear import Ear
from ivr.lab.g711 import PCMU, RATE, Samples, encode_ulaw

PACKET = 160
SPOKEN = (np.sin(np.arange(RATE * 2) / 5) * 8000).astype(np.int16)  #: two seconds


class Heard:
    """What is sent to an ear, each packet at a time of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ear, self._now = Ear(), 0.0
        monkeypatch.setattr(ear.time, "time", lambda: self._now)

    def packets(self, comes_at: Iterable[float], *, counted_from: int = 0) -> Samples:
        """Take packets of what is spoken; the sound on the line."""
        coded = encode_ulaw(SPOKEN)
        for number, self._now in enumerate(comes_at):
            at = number * PACKET
            header = struct.pack("!BBHII", 0x80, PCMU, number, counted_from + at, 7)
            self.ear.datagram_received(header + coded[at : at + PACKET], ("127.0.0.1", 1))
        return self.ear.sound()[1]


def in_time(count: int, begins_at: float = 10.0) -> list[float]:
    return [begins_at + number * 0.02 for number in range(count)]


def test_sound_that_is_read_late_after_a_stall_is_not_torn(monkeypatch: pytest.MonkeyPatch) -> None:
    smooth = Heard(monkeypatch).packets(in_time(100))
    late = [max(at, 10.9) if 10.5 <= at < 10.9 else at for at in in_time(100)]  # 0.4 s in which nobody looked
    assert np.array_equal(Heard(monkeypatch).packets(late), smooth)


def test_a_stream_that_pauses_and_counts_on_as_if_it_had_not_stands_where_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses = in_time(50) + in_time(50, begins_at=11.5)
    line = Heard(monkeypatch).packets(pauses)
    assert len(line) == pytest.approx(RATE * 2.5, abs=2)
    assert not line[RATE + 10 : int(RATE * 1.5) - 10].any(), "half a second of silence"


def test_a_count_that_begins_anew_far_away_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    heard.packets(in_time(10))
    line = heard.packets(in_time(10, begins_at=10.2), counted_from=2_000_000_000)
    assert len(line) == pytest.approx(RATE * 0.4, abs=2)
