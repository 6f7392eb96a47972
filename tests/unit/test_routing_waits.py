"""Expected waits: the formulas of queueing theory, trees served as plain numbers, and ranges."""

import json
from dataclasses import replace

import pytest

from routing.waits import (
    MOST_SERVICE_S,
    USUAL_SERVICE_S,
    Ranges,
    Sight,
    Tree,
    WaitModel,
    by_length_and_patience_s,
    by_length_s,
    features,
    mean_service_s,
)

SIGHT = Sight(
    ahead=3,
    ahead_by_place=2,
    agents=4,
    service_s=200.0,
    services=20,
    last_wait_s=50.0,
    head_wait_s=60.0,
    mean_wait_s=30.0,
    recent_wait_s=40.0,
    starts_5=5,
    starts_15=15,
)


def test_four_in_turn_with_four_agents_take_one_mean_service() -> None:
    assert by_length_s(SIGHT) == 200.0


def test_who_may_hang_up_makes_the_wait_shorter_and_endless_patience_does_not() -> None:
    assert by_length_and_patience_s(SIGHT, 300.0) < by_length_s(SIGHT)
    assert by_length_and_patience_s(SIGHT, 1e12) == pytest.approx(by_length_s(SIGHT))


def test_a_mean_of_few_services_is_not_believed_and_a_wild_one_is_kept_within_limits() -> None:
    assert mean_service_s(replace(SIGHT, services=2)) == USUAL_SERVICE_S
    assert mean_service_s(replace(SIGHT, service_s=9_000.0)) == MOST_SERVICE_S


def test_nobody_at_work_counts_as_one_agent() -> None:
    assert by_length_s(replace(SIGHT, agents=0)) == 800.0


# The wait is 100 s, and 60 s more when more than two are ahead.
MODEL = WaitModel(
    patience_s=300.0,
    base_s=100.0,
    trees=(Tree((7, -1, -1), (2.0, 0.0, 60.0), (1, 0, 0), (2, 0, 0)),),
    bands=((120.0, (0.5, 1.0, 1.5)), (float("inf"), (0.0, 1.0, 3.0))),
)


def test_trees_are_added_to_the_base() -> None:
    assert features(SIGHT, 300.0)[7] == 3
    assert (MODEL.mean_s(SIGHT), MODEL.mean_s(replace(SIGHT, ahead=2))) == (160.0, 100.0)


def test_a_range_is_as_wide_as_waits_were_off_for_estimates_of_this_size() -> None:
    few, many = MODEL.expect(replace(SIGHT, ahead=1), 1.0), MODEL.expect(SIGHT, 1.0)
    assert (few.low_s, few.mean_s, few.high_s) == (50.0, 100.0, 150.0)
    assert (many.low_s, many.mean_s, many.high_s) == (0.0, 160.0, 480.0)
    half = MODEL.expect(SIGHT, 0.5)
    assert (half.low_s, half.high_s) == (80.0, 320.0)


def test_an_estimate_is_never_negative() -> None:
    assert replace(MODEL, base_s=-500.0).mean_s(SIGHT) == 0.0


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
