"""The ear's memory for clips, on made sounds of which everything is known."""

import numpy as np
import pytest

from ivr.lab.g711 import PCMU, RATE, Samples, decode, encode_ulaw
from ivr.lab.recognise import recognise


def clip(seed: int, seconds: float) -> Samples:
    """A sound like no other: noise that is louder and softer as speech is."""
    chance = np.random.default_rng(seed)
    count = int(seconds * RATE)
    loudness = np.repeat(chance.uniform(0.2, 1.0, count // 800 + 1), 800)[:count]
    return (chance.normal(0, 4000, count) * loudness).clip(-32000, 32000).astype(np.int16)


def over_the_line(*parts: Samples) -> Samples:
    return decode(encode_ulaw(np.concatenate(parts)), PCMU)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), dtype=np.int16)


CLIPS = {name: clip(seed, seconds) for seed, (name, seconds) in enumerate([("a", 1.4), ("b", 2.2), ("c", 0.6)])}


def test_clips_are_found_in_their_order_and_at_their_second() -> None:
    line = over_the_line(silence(0.5), CLIPS["b"], silence(0.2), CLIPS["c"], CLIPS["a"])
    found = recognise(line, CLIPS)
    assert [one.name for one in found] == ["b", "c", "a"]
    assert [one.at_s for one in found] == pytest.approx([0.5, 2.9, 3.5], abs=0.001)
    assert [one.heard_s for one in found] == pytest.approx([2.2, 0.6, 1.4], abs=0.001)


def test_clip_that_is_cut_short_says_how_much_of_it_was_heard() -> None:
    line = over_the_line(CLIPS["b"][: int(1.3 * RATE)], silence(2))
    (found,) = recognise(line, CLIPS)
    assert found.name == "b"
    assert found.heard_s == pytest.approx(1.3, abs=0.1)


def test_clip_spoken_twice_is_found_twice() -> None:
    line = over_the_line(CLIPS["c"], silence(1), CLIPS["c"])
    assert [one.at_s for one in recognise(line, CLIPS)] == pytest.approx([0, 1.6], abs=0.001)


def test_of_two_clips_with_the_same_beginning_the_one_that_goes_on_is_found() -> None:
    start = clip(10, 1.2)
    alike = {"short": np.concatenate([start, clip(11, 0.5)]), "long": np.concatenate([start, clip(12, 1.5)])}
    assert [one.name for one in recognise(over_the_line(alike["long"]), alike)] == ["long"]
    assert [one.name for one in recognise(over_the_line(alike["short"], silence(1)), alike)] == ["short"]


def test_quieter_line_is_the_same_clip_and_foreign_sound_is_none() -> None:
    quiet = (CLIPS["a"] // 6).astype(np.int16)
    assert [one.name for one in recognise(over_the_line(quiet, clip(99, 3)), CLIPS)] == ["a"]


def test_silent_or_empty_line_has_no_clip() -> None:
    assert recognise(silence(3), CLIPS) == ()
    assert recognise(silence(0), CLIPS) == ()
