"""`ivr report waits`: how many of the ranges held, on which side others were missed, how far the estimates were off."""

from ivr.reports.waits import kept, rows, to_json
from routing.wait_ranges import Told, WaitRange

TOLD = [
    Told("cards", WaitRange(2, 5), 200.0, 230.0, True),
    Told("cards", WaitRange(2, 5), 200.0, 60.0, True),
    Told("cards", WaitRange(2, 5), 200.0, 400.0, False),
    Told("cards", WaitRange(0, 10), 200.0, 30.0, False),
    Told("general", WaitRange(30, None), 2400.0, 10.0, False),
]


def test_each_queue_tells_how_many_ranges_held_and_how_far_the_estimates_were_off():
    cards, general = kept(TOLD)
    assert (cards.told, cards.known, cards.held, cards.sooner, cards.later) == (4, 3, 1, 1, 1)
    assert (cards.share, cards.bias_s, cards.width_min) == (1 / 3, -55.0, 4.75)
    assert (general.share, general.bias_s, general.width_min) == (None, None, None)
    assert rows([cards, general]) == [
        ("queue", "basis", "told", "known", "held", "sooner", "later", "off by", "RMSE", "width"),
        ("cards", "formula", "4", "3", "33%", "1", "1", "-55 s", "101 s", "4.8 min"),
        ("general", "formula", "1", "0", "", "0", "0", "", "", ""),
    ]
    assert to_json([general])[0]["share"] is None


def test_ranges_of_fitted_models_stand_beside_those_of_the_formula():
    told = [*TOLD, Told("cards", WaitRange(2, 5), 200.0, 230.0, True, basis="0123456789ab")]
    found = [(one.queue, one.basis, one.told) for one in kept(told)]
    assert found == [("cards", "formula", 4), ("cards", "model", 1), ("general", "formula", 1)]
