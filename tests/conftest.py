"""For every test: what a fault test injects goes into its report, where `bench/faults.py` finds it."""

import os

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # training beside other tests must not spin


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("fault"):
        case, what = marker.args
        item.user_properties += [("case", case), ("what", what)]
