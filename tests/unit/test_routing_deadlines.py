"""When a case alarms before its deadline."""

from hypothesis import given
from hypothesis import strategies as st

from routing.deadlines import PASSED, Progress, reached

HOUR = 3600.0


def test_alarms_come_at_half_the_time_a_day_before_and_when_it_has_passed():
    def told(passed_h: float, left_h: float, is_over: bool = False) -> tuple[str, ...]:
        return reached(Progress(passed_h * HOUR, left_h * HOUR, is_over), [0.5], [8 * HOUR, 0])

    assert told(19, 21) == ()
    assert told(20, 20) == ("share:0.5",)
    assert told(32, 8) == ("share:0.5", "before:28800")
    assert told(40, 0, is_over=True) == ("share:0.5", "before:28800", PASSED)
    assert told(0, 0) == ("before:28800",)  # due outside all working time: its last day has begun


amounts = st.floats(0, 1e6)


@given(amounts, amounts, amounts, st.lists(st.floats(0.01, 0.99), max_size=3), st.lists(amounts, max_size=3))
def test_what_alarmed_once_still_alarms_later(passed, left, more, shares, before):
    moved = min(more, left)
    early = reached(Progress(passed, left, False), shares, before)
    late = reached(Progress(passed + moved, left - moved, False), shares, before)
    if moved < left:  # sums of floats: a share may be missed by the last bit
        assert set(early) <= set(late) | {one for one in early if one.startswith("share")}
