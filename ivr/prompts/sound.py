"""Sound as Asterisk plays it: WAV in, 8 kHz mono 16-bit WAV out, trimmed and of even loudness."""

import io
import struct
import wave
from functools import lru_cache
from math import ceil, gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 8000
TAKES_RATES = range(8000, 192_001)

_HEADER_BYTES = 44
_ACTIVE_BELOW_PEAK = 10 ** (-40 / 20)  #: quieter than this, relative to the peak, is silence
_FRAME = RATE // 100
_MARGIN_FRAMES = 2  #: kept around what is heard, so that soft consonants are not cut
_LOUDNESS = 10 ** (-20 / 20)  #: RMS of what is heard, full scale 1; telephone prompts are mixed at -19 to -22 dBFS
_PEAK = 10 ** (-1 / 20)
_HALF_WIDTH = 24  #: of the resampling filter, in zero crossings; attenuation beyond 60 dB
_CUTOFF = 0.45  #: of the lower rate

Samples = npt.NDArray[np.float64]


class NotASound(ValueError):
    """These bytes are no WAV file with 16-bit samples."""


def from_wav(content: bytes) -> Samples:
    """Mono samples at 8 kHz, full scale 1. Headers without lengths, as programs write to a pipe, are read too.

    Raises NotASound.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise NotASound("this is not a WAV file")
    at, form = 12, None
    while at + 8 <= len(content):
        name, size = struct.unpack("<4sI", content[at : at + 8])
        body = content[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            form = struct.unpack("<HHIIHH", body[:16])
        elif name == b"data":
            return _mono(form, body)
        at += 8 + size + size % 2
    raise NotASound("this WAV file has no samples")


def _mono(form: Any, body: bytes) -> Samples:
    if form is None or form[0] not in (1, 0xFFFE) or form[5] != 16 or form[1] not in (1, 2):
        raise NotASound("samples must be PCM of 16 bits, one or two channels")
    _, channels, rate, *_ = form
    if rate not in TAKES_RATES:
        raise NotASound(f"{rate} samples a second are too few or too many")
    whole = len(body) - len(body) % (2 * channels)
    samples = np.frombuffer(body[:whole], dtype="<i2").astype(np.float64) / 32768
    return _resampled(samples.reshape(-1, channels).mean(axis=1), rate)


def _resampled(samples: Samples, rate: int) -> Samples:
    """To 8 kHz by a windowed sinc, evaluated only where the output needs it; it takes away what would alias."""
    if rate == RATE or not len(samples):
        return samples
    kernels, reach = _kernels(rate)
    padded = np.concatenate([np.zeros(reach), samples, np.zeros(reach + 1)])
    out = np.empty(len(samples) * RATE // rate)
    taps = np.arange(1, 2 * reach + 1)
    for begin in range(0, len(out), RATE):  # a second at a time bounds the memory
        places = np.arange(begin, min(begin + RATE, len(out)), dtype=np.int64) * rate
        phases = places % RATE * len(kernels) // RATE
        near = padded[(places // RATE)[:, np.newaxis] + taps[np.newaxis, :]]
        out[begin : begin + len(places)] = np.einsum("ij,ij->i", kernels[phases], near)
    return out


@lru_cache(maxsize=4)
def _kernels(rate: int) -> tuple[Samples, int]:
    """The filter for each of the places that an output sample can have between two input samples, and its reach."""
    phases = RATE // gcd(rate, RATE)
    reach = ceil(_HALF_WIDTH * rate / RATE)
    apart = np.arange(-reach + 1, reach + 1)[np.newaxis, :] - (np.arange(phases) / phases)[:, np.newaxis]
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(apart / reach, -1, 1))
    width = 2 * _CUTOFF * min(RATE / rate, 1.0)
    return width * np.sinc(width * apart) * window, reach


def trimmed(samples: Samples) -> Samples:
    """Without the silence before and after; nothing is left of a sound that is silent throughout."""
    whole = len(samples) - len(samples) % _FRAME
    loudest = np.abs(samples[:whole]).reshape(-1, _FRAME).max(axis=1, initial=0)
    heard = np.flatnonzero(loudest > max(loudest.max(initial=0) * _ACTIVE_BELOW_PEAK, 1e-4))
    if not len(heard):
        return samples[:0]
    begin = max(0, int(heard[0]) - _MARGIN_FRAMES) * _FRAME
    return samples[begin : (int(heard[-1]) + 1 + _MARGIN_FRAMES) * _FRAME]


def levelled(samples: Samples) -> Samples:
    """At the loudness of all prompts, as far as the peaks allow."""
    peak = np.abs(samples).max(initial=0)
    if peak == 0:
        return samples
    active = samples[np.abs(samples) > peak * _ACTIVE_BELOW_PEAK]
    gain = min(_LOUDNESS / float(np.sqrt(np.mean(active**2))), _PEAK / float(peak))
    return samples * gain


def to_wav(samples: Samples, pause_s: float = 0.0) -> bytes:
    """The file that Asterisk plays, with a pause at its end."""
    padded = np.concatenate([samples, np.zeros(int(pause_s * RATE))])
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(np.rint(padded * 32767), -32768, 32767).astype("<i2").tobytes())
    return content.getvalue()


def seconds_of(path: Path) -> float | None:
    """How long a file of ours is; None when it is missing, cut off, empty or no file of ours."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            size = file.seek(0, io.SEEK_END)
    except OSError:
        return None
    if len(header) < _HEADER_BYTES or size <= _HEADER_BYTES:
        return None
    riff, _, kind, _, _, form, channels, rate, _, _, bits, data, length = struct.unpack("<4sI4s4sIHHIIHH4sI", header)
    ours = (riff, kind, form, channels, rate, bits, data) == (b"RIFF", b"WAVE", 1, 1, RATE, 16, b"data")
    return length / 2 / RATE if ours and length == size - _HEADER_BYTES else None
