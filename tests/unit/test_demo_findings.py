"""What the demonstration of two nodes measures and demands."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ivr.demo.evidence import OfferMade, doubles
from ivr.demo.findings import judge
from ivr.demo.hearing import longest_silence_s
from ivr.demo.witnessed import Caller, Witnessed
from ivr.lab.g711 import RATE, Samples


def sound(*parts: tuple[bool, float]) -> Samples:
    """A line of loud and silent stretches, seconds each."""
    return np.concatenate(
        [np.full(round(seconds * RATE), 5000 if loud else 0, dtype=np.int16) for loud, seconds in parts]
    )


@pytest.mark.parametrize(
    ("begin", "end", "longest"),
    [(100.0, 105.0, 0.5), (101.2, 105.0, 0.3), (102.0, 105.0, 0.0), (104.0, 106.0, 1.0), (99.0, 101.0, 1.0)],
)
def test_the_longest_silence_is_that_of_the_stretch_that_is_asked_for(begin: float, end: float, longest: float) -> None:
    line = sound((True, 1.0), (False, 0.5), (True, 3.5))
    assert longest_silence_s(100.0, line, begin, end) == pytest.approx(longest, abs=0.03)


@pytest.mark.parametrize(
    ("other", "overlap"),
    [(("ann", 5.0, 6.0), 0), (("ann", 4.9, 6.0), 1), (("bob", 1.0, 2.0), 0), (("ann", 2.0, None), 1)],
)
def test_two_at_once_is_what_overlaps_for_one_and_the_same(
    other: tuple[str, float, float | None], overlap: int
) -> None:
    assert doubles([("ann", 1.0, 5.0), other]) == overlap


def an_offer(id_: int, ani: str, agent: str, made_at: float, **changes: object) -> OfferMade:
    made = OfferMade(id_, ani, agent, "node-b", "completed", 0.0, made_at, made_at, made_at + 2, made_at + 7)
    return replace(made, **changes)  # type: ignore[arg-type]


def seen() -> Witnessed:
    """A kill at 100 that went well, told by engines whose clock is 1000 s ahead."""
    dead = an_offer(
        1, "+861", "chris", 1099.9, node="node-a", state="expired", answered_at=None, closed_at=1100.4, since=1
    )
    return Witnessed(
        killed_at=100.0,
        callers=[Caller("Li Na", "+861", "en", "waited", None, silence_s=0.4)],  # type: ignore[arg-type]
        caught=dead,
        queue_before=[("+861", 1.0), ("+862", 2.0)],
        offers=[
            dead,
            an_offer(2, "+861", "chris", 1100.5, since=1.0),
            an_offer(3, "+862", "carol", 1101.0, since=2.0),
            an_offer(4, "+863", "chris", 1110.0, since=1105.0),
        ],
        page_back_s={"chris": 0.8},
        talked_on_s=20.0,
        newcomer_on="node-a",
        newcomer=an_offer(5, "+861", "carol", 1130.0),
        leads_s={2: 0.05, 3: 0.04, 4: 0.06, 5: 0.03},
        phone_calls=[("chris", 101.0, 108.0), ("chris", 110.0, 117.0), ("carol", 101.0, 108.0)],
    )


def test_a_kill_that_nobody_suffered_from_has_only_good_findings() -> None:
    assert [finding.words for finding in judge(seen(), ahead_s=1000) if not finding.holds] == []


def _dropped(told: Witnessed) -> None:
    told.hung_up = ["Li Na"]


def _silent(told: Witnessed) -> None:
    told.callers[0].silence_s = 4.0


def _overtaken(told: Witnessed) -> None:
    told.offers = [*told.offers[:2], replace(told.offers[2], answered_at=1100.6), *told.offers[3:]]


def _aged_anew(told: Witnessed) -> None:
    told.offers = [*told.offers[:2], replace(told.offers[2], since=1100.0), *told.offers[3:]]


def _held_too_long(told: Witnessed) -> None:
    assert told.caught is not None
    told.caught = replace(told.caught, closed_at=1130.0)


def _offered_twice(told: Witnessed) -> None:
    told.offers = [*told.offers, an_offer(9, "+869", "carol", 1102.0)]


def _rung_twice(told: Witnessed) -> None:
    told.phone_calls = [*told.phone_calls, ("chris", 107.0, None)]


def _popped_late(told: Witnessed) -> None:
    told.leads_s[3] = -0.1


def _never_popped(told: Witnessed) -> None:
    told.leads_s[3] = None


def _stayed_away(told: Witnessed) -> None:
    told.newcomer_on = "node-b"


def _page_lost(told: Witnessed) -> None:
    told.page_back_s = {}


@pytest.mark.parametrize(
    "spoil",
    [
        _dropped,
        _silent,
        _overtaken,
        _aged_anew,
        _held_too_long,
        _offered_twice,
        _rung_twice,
        _popped_late,
        _never_popped,
        _stayed_away,
        _page_lost,
    ],
)
def test_each_harm_is_found(spoil: Callable[[Witnessed], None]) -> None:
    told = seen()
    spoil(told)
    assert len([finding for finding in judge(told, ahead_s=1000) if not finding.holds]) == 1
