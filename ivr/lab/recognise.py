"""Which known clips were heard on a line, in which order and when: by matched filter, from the sound alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ivr.lab.ear import Ear
from ivr.lab.g711 import RATE, Samples

_Line = NDArray[np.float64]

TEMPLATE_S = 1.0  #: how much of a clip's beginning is searched for; a clip cut short by a key before that is not found
ALIKE = 0.7  #: correlation above which the beginning is this clip; µ-law leaves 0.99, another sentence about 0.2
_BLOCK_S = 0.1  #: the step in which a found clip is followed to where it was cut
_BLOCK_ALIKE = 0.5
_QUIET = 30.0  #: root mean square below which a block of a clip says nothing about being heard
_LISTEN_AGAIN_S = 0.2
_OVERLAP_S = 0.05  #: by which two clips in a row may seem to overlap


@dataclass(frozen=True, slots=True)
class ClipFound:
    """One clip on the line."""

    name: str
    at_s: float  #: from the beginning of the line to the beginning of the clip
    heard_s: float  #: how much of it was played
    alike: float  #: correlation of its beginning, up to 1


def recognise(line: Samples, clips: Mapping[str, Samples]) -> tuple[ClipFound, ...]:
    """The known clips on the line, in order of time; where two fit the same place, the one that goes on longer."""
    sound = line.astype(np.float64)
    found: list[ClipFound] = []
    size = 1 << (len(sound) + int(TEMPLATE_S * RATE)).bit_length()
    spectrum = np.fft.rfft(sound, size)
    power = np.concatenate(([0.0], np.cumsum(sound**2)))
    for name, samples in clips.items():
        clip = samples.astype(np.float64)
        silence = _leading_silence(clip)
        template = clip[silence : silence + int(TEMPLATE_S * RATE)]
        if len(template) < int(_BLOCK_S * RATE) or len(template) > len(sound):
            continue
        for start, alike in _peaks(_alike(spectrum, power, template, size, len(sound))):
            began = start - silence
            heard = _heard(sound, clip, began)
            found.append(ClipFound(name, max(began, 0) / RATE, heard, alike))
    return _one_at_a_time(found)


def _alike(spectrum: NDArray[np.complex128], power: _Line, template: _Line, size: int, length: int) -> _Line:
    """The normalised correlation of the template with the line, at each place where it could begin."""
    places = length - len(template) + 1
    product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(template, size)), size)[:places]
    energy = power[len(template) :][:places] - power[:places]
    floor = len(template) * _QUIET**2
    return product / np.sqrt(np.maximum(energy, floor) * float(np.sum(template**2)))


def _peaks(alike: _Line) -> list[tuple[int, float]]:
    """The best place of each stretch that is alike enough."""
    places = np.flatnonzero(alike > ALIKE)
    if not len(places):
        return []
    stretches = np.split(places, np.flatnonzero(np.diff(places) > RATE // 4) + 1)
    return [(best, float(alike[best])) for best in (int(group[np.argmax(alike[group])]) for group in stretches)]


def _heard(sound: _Line, clip: _Line, began: int) -> float:
    """Seconds of the clip that stand on the line from this place on, until it differs."""
    block = int(_BLOCK_S * RATE)
    heard = 0
    for start in range(0, len(clip), block):
        told = clip[start : start + block]
        at = began + start
        if float(np.sqrt(np.mean(told**2))) > _QUIET:
            here = sound[max(at, 0) : at + len(told)]
            told = told[len(told) - len(here) :] if at < 0 else told[: len(here)]
            size = float(np.sqrt(np.sum(told**2) * np.sum(here**2)))
            if size == 0.0 or float(np.dot(told, here)) / size < _BLOCK_ALIKE:
                break
        heard = min(start + block, len(clip))
    return heard / RATE


def _one_at_a_time(found: list[ClipFound]) -> tuple[ClipFound, ...]:
    kept: list[ClipFound] = []
    for clip in sorted(found, key=lambda one: (one.heard_s, one.alike), reverse=True):
        end = clip.at_s + clip.heard_s
        if all(end <= one.at_s + _OVERLAP_S or clip.at_s >= one.at_s + one.heard_s - _OVERLAP_S for one in kept):
            kept.append(clip)
    return tuple(sorted(kept, key=lambda one: one.at_s))


def _leading_silence(clip: _Line) -> int:
    loud = np.flatnonzero(np.abs(clip) > 2 * _QUIET)
    return int(loud[0]) if len(loud) else 0


async def hear_clip(ear: Ear, clips: Mapping[str, Samples], name: str, *, deadline_s: float) -> float:
    """Until this clip has begun on the line; gives when, in UTC seconds of the epoch. Raises TimeoutError."""
    async with asyncio.timeout(deadline_s):
        while True:
            began, line = ear.sound()
            for clip in recognise(line, clips):
                if clip.name == name:
                    return began + clip.at_s
            await asyncio.sleep(_LISTEN_AGAIN_S)
