"""Expected waits: the formulas of queueing theory, trees served as plain numbers, and ranges."""

import json
from dataclasses import replace

import pytest

from ivr.testing.waits import SIGHT
from routing.waits import (
    INPUTS,
    Ranges,
    Sight,
    Tree,
    WaitModel,
    by_length_and_patience_s,
    by_length_s,
    features,
    inputs,
)


def test_four_in_turn_with_four_agents_take_one_mean_service() -> None:
    assert by_length_s(SIGHT) == 200.0


def test_who_may_hang_up_makes_the_wait_shorter_and_endless_patience_does_not() -> None:
    assert by_length_and_patience_s(SIGHT, 3) < by_length_s(SIGHT)
    assert by_length_and_patience_s(replace(SIGHT, patience_s=1e12), 3) == pytest.approx(by_length_s(SIGHT))


def test_what_was_seen_is_the_same_after_it_was_kept_and_of_another_version_it_is_not_taken() -> None:
    row = json.loads(json.dumps(SIGHT.as_row()))
    assert Sight.from_row(row) == SIGHT
    assert Sight.from_row(row[:-1]) is None
    assert Sight.from_row([*row[:-1], "?"]) is None
    assert len(features(SIGHT)) == len(INPUTS)


def test_nobody_at_work_counts_as_one_agent() -> None:
    assert by_length_s(replace(SIGHT, agents=0)) == 800.0


# The wait is 100 s, and 60 s more when more than two wait; in the queue of cards 5 s more.
MODEL = WaitModel(
    queues=("cards", "loans"),
    base_s=100.0,
    trees=(
        Tree((INPUTS.index("waiting"), -1, -1), (2.0, 0.0, 60.0), (1, 0, 0), (2, 0, 0)),
        Tree((len(INPUTS), -1, -1), (0.5, 0.0, 5.0), (1, 0, 0), (2, 0, 0)),
    ),
    bands=((120.0, (0.5, 1.0, 1.5)), (float("inf"), (0.0, 1.0, 3.0))),
)


def test_trees_are_added_to_the_base_and_may_ask_for_the_queue() -> None:
    few = replace(SIGHT, waiting=2)
    assert [MODEL.mean_s(queue, sight) for queue in ("loans", "cards") for sight in (SIGHT, few)] == [
        160.0,
        100.0,
        165.0,
        105.0,
    ]
    assert inputs(MODEL.queues, "loans", SIGHT)[-2:] == (0.0, 1.0)


def test_a_range_is_as_wide_as_waits_were_off_for_estimates_of_this_size() -> None:
    few, many = MODEL.around(100.0, 1.0), MODEL.around(160.0, 1.0)
    assert (few.low_s, few.mean_s, few.high_s) == (50.0, 100.0, 150.0)
    assert (many.low_s, many.mean_s, many.high_s) == (0.0, 160.0, 480.0)
    half = MODEL.around(160.0, 0.5)
    assert (half.low_s, half.high_s) == (80.0, 320.0)


def test_an_estimate_is_never_negative() -> None:
    assert replace(MODEL, base_s=-500.0).mean_s("loans", SIGHT) == 0.0


def test_a_model_is_the_same_after_it_was_kept() -> None:
    assert WaitModel.from_json(json.loads(json.dumps(MODEL.as_json()))) == MODEL


@pytest.mark.parametrize("reach_s", [30, 150, 290])
def test_ranges_hold_their_share_also_when_waits_are_not_as_they_were(reach_s: int) -> None:
    """The model believes in waits from 0 to 600 s, spread evenly; they lie within `reach_s` of 300 s."""
    ratios = tuple(number / 100 for number in range(601))
    ranges = Ranges(replace(MODEL, bands=((float("inf"), ratios),)), 0.8)
    inside = []
    for number in range(6000):
        told, wait_s = ranges.around(100.0), 300 + reach_s * ((number * 37) % 300 - 150) / 150
        inside.append(told.low_s <= wait_s <= told.high_s)
        ranges.learn(told, wait_s)
    assert 0.77 <= sum(inside[2000:]) / 4000 <= 0.83
