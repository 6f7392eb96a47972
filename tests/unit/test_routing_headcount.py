"""Agents counted by kind."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from routing.headcount import Headcount
from routing.pool import bits


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 70)), max_size=60), st.integers(0, 1 << 71))
def test_kinds_are_counted_as_one_by_one(steps, some):
    """Held against a count of each kind."""
    found, plain = Headcount(), Counter[int]()
    for comes, kind in steps:
        if comes:
            found.add(kind)
            plain[kind] += 1
        elif plain[kind]:
            found.drop(kind)
            plain[kind] -= 1
    assert found.of(some) == sum(plain[kind] for kind in bits(some))
