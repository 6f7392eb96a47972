"""Faults that are planted, to show that a state machine finds what it looks for."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from ivr.testing.turmoil.machine import Turmoil

M = TypeVar("M", bound=Turmoil)
Fault = tuple[object, str, object]  #: where it is planted, under which name, and what stands there then

SEARCH = settings(
    max_examples=400,
    stateful_step_count=40,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
    deadline=None,
    database=None,
)


def assert_found_by_chance(
    machine: type[Turmoil],
    fault: Fault,
    patch: pytest.MonkeyPatch,
    *,
    errors: tuple[type[Exception], ...] = (AssertionError,),
) -> None:
    """Whatever happens in a centre at random brings the fault out, as one of `errors`."""
    patch.setattr(*fault)
    with pytest.raises(errors):
        run_state_machine_as_test(seed(2)(machine), settings=SEARCH)


def assert_found_by(
    what: Callable[[M], None], machine: type[M], fault: Fault, patch: pytest.MonkeyPatch, **begin: Any
) -> None:
    """Nothing is wrong after `what` without the fault, and something is with it; `begin`: how the centre begins."""
    _play(what, machine, begin)
    patch.setattr(*fault)
    with pytest.raises(AssertionError):
        _play(what, machine, begin)


def _play(what: Callable[[M], None], kind: type[M], begin: dict[str, Any]) -> None:
    machine = kind()
    try:
        machine.begin(**begin)
        what(machine)
        machine.nothing_is_wrong()
    finally:
        machine.teardown()
