"""For every test: what a fault test injects goes into its report, where `bench/faults.py` finds it."""

import os

import pytest
from hypothesis import HealthCheck, settings

#: How many examples of each property: few while one works, more on demand (RINGWISE_EXAMPLES=1000).
settings.register_profile(
    "house",
    deadline=None,  # a loaded machine is no fault of the code
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("RINGWISE_EXAMPLES", "50")),
)
settings.load_profile("house")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of training that wait for each other beside other tests spin

_ACCEPTANCE, _BROWSER = "tests/acceptance/", "tests/integration/browser/"


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers: real calls to the shared site are one group, those to sites of their own another, and all
    that share a browser."""
    for item in items:
        group = path = item.path.as_posix()
        if _ACCEPTANCE in path:
            group = "shared site" if "_site" in getattr(item, "fixturenames", ()) else "sites of their own"
        elif _BROWSER in path:
            group = "browser"
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("fault"):
        case, what = marker.args
        item.user_properties += [("case", case), ("what", what)]
