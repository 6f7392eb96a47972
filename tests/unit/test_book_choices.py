"""Who hears which version: the share is exact for given callers, sticks to them, and changes in few ways only."""

from itertools import pairwise

import pytest

from ivr.testing.books import small_book
from ivr.testing.line import HangUp
from ivr.testing.stage import Stage
from models.choices import Choice, NoSuchChoice, canary_share, for_everybody, for_share, promote, stop

CALLERS = [f"+86138{number:08}" for number in range(10_000)]


def _canaries(choice: Choice) -> set[str]:
    return {caller for caller in CALLERS if choice.version_for(caller) == choice.canary}


@pytest.mark.parametrize(("share", "count"), [(0.01, 84), (0.1, 989), (0.25, 2488), (0.5, 4985), (1.0, 10_000)])
def test_so_many_of_ten_thousand_callers_hear_the_canary(share: float, count: int) -> None:
    assert len(_canaries(Choice(1, 2, share))) == count


def test_whoever_hears_the_canary_keeps_it_while_its_share_grows() -> None:
    shares = [_canaries(Choice(1, 2, share)) for share in (0.01, 0.1, 0.25, 0.5, 1.0)]
    assert all(fewer < more for fewer, more in pairwise(shares))


def test_the_next_canary_is_tried_with_other_callers() -> None:
    assert len(_canaries(Choice(1, 2, 0.1)) & _canaries(Choice(1, 3, 0.1))) == 81  # as chance has it


def test_without_a_canary_everybody_hears_the_same() -> None:
    assert {Choice(4).version_for(caller) for caller in CALLERS} == {4}


def test_a_canary_is_begun_grows_and_is_promoted_or_stopped() -> None:
    running = for_share(2, 0.1)(Choice(1))
    assert (running.versions, running.share) == ((1, 2), 0.1)
    assert canary_share(0.5)(running).share == 0.5
    assert promote(running).versions == (2,)
    assert stop(running).versions == (1,)
    assert for_share(3, 0.2)(running).versions == (1, 3)
    assert for_everybody(3)(running).versions == (3,)


@pytest.mark.parametrize("change", [promote, stop, canary_share(0.2)])
def test_a_canary_that_is_not_running_cannot_be_changed(change) -> None:
    with pytest.raises(NoSuchChoice, match="no canary is running: everybody hears version 1"):
        change(Choice(1))


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
def test_a_share_is_above_nothing_and_at_most_everybody(share: float) -> None:
    with pytest.raises(NoSuchChoice, match="above 0 and at most 100"):
        for_share(2, share)(Choice(1))


def _two_books() -> Stage:
    stage = Stage()
    stage.editions[2] = Stage(small_book()).editions[1].__class__.of(2, small_book(), stage.editions[1].catalogue)
    stage.choice = Choice(1, 2, 0.1)
    return stage


async def _version(stage: Stage, call_id: str, ani: str | None) -> int:
    return (await stage.take(stage.leg(HangUp(hearing="main"), call_id=call_id, ani=ani))).book_version


async def test_a_caller_hears_the_same_version_in_every_call() -> None:
    stage = _two_books()
    callers = CALLERS[:40]
    first = [await _version(stage, f"a-{caller}", caller) for caller in callers]
    second = [await _version(stage, f"b-{caller}", caller) for caller in callers]
    assert first == second == [Choice(1, 2, 0.1).version_for(caller) for caller in callers]
    assert sorted(set(first)) == [1, 2]


async def test_callers_who_hide_their_number_are_drawn_by_call() -> None:
    stage = _two_books()
    versions = [await _version(stage, f"call-{number}", None) for number in range(40)]
    assert versions == [Choice(1, 2, 0.1).version_for(f"call-{number}") for number in range(40)]
    assert sorted(set(versions)) == [1, 2]
