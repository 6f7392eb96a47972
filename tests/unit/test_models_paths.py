"""What an agent reads of the way a caller came: what they typed, proved and had done, and no secret."""

from typing import Any

import pytest

from models.paths import KINDS, path_of


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        ("entered", {"step": "to", "into": "to", "digits": 12, "value": "…0309"}, "typed to: …0309"),
        ("entered", {"step": "code", "into": "code", "digits": 6, "value": ""}, None),
        ("invalid", {"menu": "to", "why": "too_short"}, "typed what does not fit in to: too_short"),
        ("invalid", {"menu": "main", "key": "9"}, "pressed a key without meaning in main"),
        ("verification", {"by": "pin", "attempt": 1, "result": "failed"}, "verification by pin: failed"),
        ("order", {"operation": "transfer", "result": "done", "refusal": None}, "asked the bank for transfer: done"),
        (
            "order",
            {"operation": "transfer", "result": "refused", "refusal": "daily_limit"},
            "asked the bank for transfer: refused, daily_limit",
        ),
    ],
)
def test_a_step_of_self_service_is_told_in_a_line(kind: str, data: dict[str, Any], line: str | None) -> None:
    assert kind in KINDS
    assert [step.text for step in path_of([(1.0, kind, data)])] == ([] if line is None else [line])
