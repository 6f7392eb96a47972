"""What an ear made of a line: stretches of silence, as a caller would notice them."""

import numpy as np

from ivr.lab.g711 import RATE, Samples

#: Root mean square of 20 ms above which there is sound, and the length of a block.
LOUD, BLOCK = 100.0, RATE // 50


def longest_silence_s(start: float, line: Samples, begin: float, end: float) -> float:
    """Seconds of the longest silence on a line that began at `start`, between two moments (seconds of the epoch).

    What was not on the line, before its beginning or behind its end, counts as silence.
    """
    first, last = round((begin - start) * RATE), round((end - start) * RATE)
    heard = np.zeros(max(0, last - first), dtype=np.int16)
    cut = line[max(0, first) : max(0, last)]
    at = max(0, -first)
    heard[at : at + len(cut)] = cut
    blocks = heard[: len(heard) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    loud = np.flatnonzero(np.sqrt(np.mean(blocks**2, axis=1)) > LOUD)
    edges = np.concatenate(([-1], loud, [len(blocks)]))
    return float(np.max(np.diff(edges)) - 1) * BLOCK / RATE
