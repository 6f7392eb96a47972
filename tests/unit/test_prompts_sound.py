"""Sound: any WAV in, the one form that Asterisk plays out."""

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.prompts.sound import RATE, NotASound, Samples, from_wav, levelled, to_wav, trimmed


def tone(pitch: float, rate: int, seconds: float = 1.0, loudness: float = 0.5) -> Samples:
    return loudness * np.sin(2 * np.pi * pitch * np.arange(int(rate * seconds)) / rate)


def wav(samples: Samples, rate: int, channels: int = 1, width: int = 2) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        whole = np.repeat(np.rint(samples * 32767).astype("<i2"), channels).tobytes()
        file.writeframes(whole if width == 2 else bytes(len(samples) * channels * width))
    return content.getvalue()


def decibels(samples: Samples) -> float:
    inner = samples[400:-400]
    return float(20 * np.log10(np.sqrt(np.mean(inner**2)) + 1e-9))


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
def test_speech_frequencies_pass_unchanged_at_any_rate(rate: int) -> None:
    for pitch in (300.0, 1000.0, 3000.0):
        heard = from_wav(wav(tone(pitch, rate), rate))
        assert len(heard) == pytest.approx(RATE, abs=1)
        assert decibels(heard) == pytest.approx(decibels(tone(pitch, RATE)), abs=0.3)
        strongest = np.argmax(np.abs(np.fft.rfft(heard * np.hanning(len(heard)))))
        assert strongest == pytest.approx(pitch, abs=2)


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_what_the_telephone_cannot_carry_does_not_fold_back(rate: int) -> None:
    for pitch in (4500.0, 6000.0, 7500.0):
        assert decibels(from_wav(wav(tone(pitch, rate), rate))) < -60


def test_stereo_becomes_mono() -> None:
    assert decibels(from_wav(wav(tone(1000, 16000), 16000, channels=2))) == pytest.approx(-9.0, abs=0.3)


def test_a_header_without_lengths_is_read() -> None:
    whole = bytearray(wav(tone(500, 22050), 22050))
    whole[4:8] = whole[40:44] = struct.pack("<I", 0x7FFFFFFF)
    assert len(from_wav(bytes(whole))) == pytest.approx(RATE, abs=1)


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"OggS" + bytes(100), wav(tone(500, 8000), 8000)[:40],
     wav(tone(500, 8000), 8000, width=1), wav(tone(500, 4000), 4000), wav(tone(500, 8000), 8000, channels=4)],
)  # fmt: skip
def test_what_is_no_sound_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(NotASound):
        from_wav(content)


@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_bytes_make_the_reader_fall_over(noise: bytes, at: int) -> None:
    content = wav(tone(500, 8000, 0.01), 8000)
    try:
        heard = from_wav(content[:at] + noise + content[at:])
    except NotASound:
        return
    assert np.isfinite(heard).all()


def test_silence_is_trimmed_and_soft_edges_are_kept() -> None:
    padded = np.concatenate([np.zeros(4000), tone(500, RATE, 0.5), np.zeros(8000)])
    assert len(trimmed(padded)) == pytest.approx(4000, abs=400)
    assert len(trimmed(np.zeros(8000))) == 0
    assert len(trimmed(np.zeros(0))) == 0


def test_quiet_and_loud_speech_are_levelled_without_clipping() -> None:
    loud, quiet = (levelled(tone(500, RATE, loudness=by)) for by in (0.9, 0.01))
    assert decibels(loud) == pytest.approx(decibels(quiet), abs=0.1)
    click = np.zeros(RATE)
    click[100] = 0.5
    assert np.abs(levelled(click)).max() <= 0.9
    assert len(levelled(np.zeros(0))) == 0


def test_the_file_has_the_one_form_that_asterisk_plays() -> None:
    with wave.open(io.BytesIO(to_wav(tone(500, RATE), pause_s=0.25))) as file:
        form = (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes())
    assert form == (1, 2, RATE, RATE + RATE // 4)
