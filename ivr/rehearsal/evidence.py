"""What is on record of a call, as scenarios ask for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from ivr.desktop.views import pop_part
from ivr.rehearsal.node import CALL_ID, Rehearsal
from menus.spoken.money import Money
from menus.values import Value, from_json


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the call."""

    at_s: float  #: since the beginning of the call
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The record so far."""

    events: tuple[Event, ...] = ()
    messages: tuple[tuple[str, str], ...] = ()  #: number and text
    cases: tuple[tuple[str, str], ...] = ()  #: number and subject
    callbacks: tuple[tuple[str, str], ...] = ()  #: queue and number
    pops: tuple[str, ...] = ()  #: everything that stands in each, line by line
    values: Mapping[str, str] = field(default_factory=dict)
    ending: str | None = None  #: result/reason

    def of(self, *kinds: str) -> list[Event]:
        """Events of these kinds, oldest first."""
        return [event for event in self.events if event.kind in kinds]


def evidence_of(rehearsal: Rehearsal) -> Evidence:
    """What the twins hold of their call."""
    store, began = rehearsal.stage.store, rehearsal.clock.now() - rehearsal.clock.monotonic()
    call = store.calls.get(CALL_ID)
    return Evidence(
        events=tuple(Event(row.at - began, row.kind, row.data) for row in store.events if row.call_id == CALL_ID),
        messages=tuple((message.to, message.text) for message in store.messages),
        cases=tuple((opened.number, case.subject) for case, opened in store.cases if case.call_id == CALL_ID),
        callbacks=tuple((wish.queue, wish.number) for wish in store.callbacks.values() if wish.call_id == CALL_ID),
        pops=tuple(pop_text(pop_part(pop).model_dump()) for _, pop in rehearsal.stage.desk.pops),
        values=spelled_values(call.position if call is not None else None),
        ending=f"{call.result}/{call.reason}" if call is not None and call.ended_at is not None else None,
    )


def pop_text(pop: Mapping[str, Any]) -> str:
    """A pop as the desktop is sent it, one line for each thing that stands there."""
    return "\n".join(dict.fromkeys(_lines(pop)))


def _lines(part: Mapping[str, Any]) -> Iterator[str]:
    """What stands in one part of a pop on one line, and what stands in the parts within it below."""
    told = [_told(name, value) for name, value in part.items() if not isinstance(value, Mapping | list | tuple)]
    if any(told):
        yield " · ".join(filter(None, told))
    for value in part.values():
        inner = value if isinstance(value, list | tuple) else [value]
        for one in inner:
            if isinstance(one, Mapping):
                yield from _lines(one)
            elif isinstance(value, list | tuple) and one:
                yield " ".join(map(str, one)) if isinstance(one, list | tuple) else str(one)


def _told(name: str, value: Any) -> str:
    if value in (None, "") or isinstance(value, bool) or name in ("offer_id", "id") or name.endswith("_at"):
        return ""
    if name.endswith("_cents"):
        return f"{value / 100:,.2f}"
    return "" if name in ("at", "churn_risk", "tier") else str(value)


def spelled_values(position: Mapping[str, Any] | None) -> dict[str, str]:
    """The values of a call as text."""
    kept = (position or {}).get("values", {})
    return {name: spelled(from_json(value)) for name, value in kept.items()}


def spelled(value: Value) -> str:
    """A value as scenarios write it: 150.00, 2026-12-24, 14:30, true, or its text."""
    if isinstance(value, Money):
        return f"{value.cents / 100:.2f}"
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
