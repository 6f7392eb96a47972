"""Pure tones on the line: who of several people hears whom."""

import asyncio
import time
from collections.abc import Collection

import numpy as np

from ivr.lab.g711 import RATE, Samples
from ivr.lab.robot_call import RobotCall

LOUD = 300.0  #: amplitude of a tone above which it is heard; another tone leaves less than 50
SPOKEN = 9000  #: amplitude with which tones are spoken


def tone(hz: float, seconds: float) -> Samples:
    """A tone of that pitch."""
    at = np.arange(int(seconds * RATE)) / RATE
    samples: Samples = np.rint(SPOKEN * np.sin(2 * np.pi * hz * at)).astype(np.int16)
    return samples


def level(samples: Samples, hz: float) -> float:
    """The amplitude of one tone in some sound."""
    at = np.arange(len(samples)) / RATE
    return float(2 * np.abs(np.mean(samples * np.exp(-2j * np.pi * hz * at)))) if len(samples) else 0.0


def heard(call: RobotCall, hz: float, since: float, until: float) -> float:
    """The amplitude of one tone on a line between two moments of the epoch."""
    start, line = call.ear.sound()
    return level(line[max(0, int((since - start) * RATE)) : int((until - start) * RATE)], hz)


async def hears(call: RobotCall, tones: Collection[float], *, s: float = 0.4) -> set[float]:
    """Which of these tones are on a line in a while from now on."""
    begins = time.time()
    await asyncio.sleep(s + 0.1)
    return {hz for hz in tones if heard(call, hz, begins + 0.05, begins + s) > LOUD}
