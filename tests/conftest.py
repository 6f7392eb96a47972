"""For every test: what a fault test injects goes into its report, where `bench/faults.py` finds it."""

import os

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: How many examples of each property: few while one works, more on demand (RINGWISE_EXAMPLES=1000).
settings.register_profile(
    "house",
    deadline=None,  # a loaded machine is no fault of the code
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("RINGWISE_EXAMPLES", "50")),
)
settings.load_profile("house")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of training that wait for each other beside other tests spin


class ByFile(LoadScopeScheduling):
    """Tests of one file go to one worker, as they share what was made for them; all that share a browser, too. Real
    calls go to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/acceptance/"):
            return nodeid
        return "browser" if nodeid.startswith("tests/integration/browser/") else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """With several workers. Groups of xdist 3.8 have no effect with pytest 9: they need what an item has no more."""
    return ByFile(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("fault"):
        case, what = marker.args
        item.user_properties += [("case", case), ("what", what)]
