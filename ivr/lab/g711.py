"""G.711, the telephone's own sound coding, as tables; and WAV files as 8 kHz samples."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE = 8000  #: samples per second
PCMU, PCMA = 0, 8  #: RTP payload types of µ-law and A-law


def _ulaw_table() -> Samples:
    """ITU-T G.711, table 2: the value of each code."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 0x07)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> Samples:
    """ITU-T G.711, table 1: the value of each code."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code >> 4) & 0x07
    step = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_VALUES = {PCMU: _ulaw_table(), PCMA: _alaw_table()}


def decode(payload: bytes, payload_type: int) -> Samples:
    """Coded bytes as samples. Raises KeyError for a payload type that is not G.711."""
    return _VALUES[payload_type][np.frombuffer(payload, dtype=np.uint8)]


def encode_ulaw(samples: Samples) -> bytes:
    """Samples as µ-law, each by its nearest code."""
    values = _VALUES[PCMU].astype(np.int32)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    right = np.clip(np.searchsorted(ordered, samples), 1, 255)
    wide = samples.astype(np.int32)
    nearer_left = wide - ordered[right - 1] <= ordered[right] - wide
    return bytes(order[np.where(nearer_left, right - 1, right)].astype(np.uint8))


def read_wav(path: Path) -> Samples:
    """A mono 16-bit WAV of 8 kHz, or of a multiple of it, as 8 kHz samples. Raises ValueError for another kind."""
    with wave.open(str(path), "rb") as file:
        channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
        frames = file.readframes(file.getnframes())
    if channels != 1 or width != 2 or rate % RATE:
        raise ValueError(
            f"{path}: need mono, 16 bit, a multiple of {RATE} Hz; it has {channels} × {8 * width} bit, {rate} Hz"
        )
    samples = np.frombuffer(frames, dtype="<i2")
    step = rate // RATE
    if step > 1:
        taps = np.arange(-16 * step, 16 * step + 1)
        low_pass = np.sinc(taps / step) / step * np.hanning(len(taps))
        samples = np.clip(np.convolve(samples, low_pass, mode="same")[::step], -32768, 32767)
    return samples.astype(np.int16)
