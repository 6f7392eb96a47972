"""What an earlier call was about, from its events."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from menus.facts import RecentCall

#: How far back calls of a number count, seconds.
RECENT_S = 7 * 86400.0
#: Kinds of event that tell it.
TELLING = ("key", "step")
#: Kinds of step that a call only passes, and those that it ends or chooses in: nobody is taken back to them.
PASSED = frozenset({"menu", "goodbye", "say", "goto", "set", "language", "matters", "survey"})


def call_of(
    at: float, result: str | None, events: Iterable[tuple[str, Mapping[str, Any]]], zone: ZoneInfo
) -> RecentCall:
    """An earlier call with the last task chosen in it and where it stood then; events (kind, data), oldest first."""
    task: str | None = None
    step: str | None = None
    for kind, data in events:
        if kind == "key" and isinstance(data.get("task"), str):
            task, step = data["task"], None  # another matter begins
        elif kind == "step" and data.get("does") not in PASSED and isinstance(data.get("step"), str):
            step = data["step"]
    return RecentCall(datetime.fromtimestamp(at, zone), task, step, result or "")
