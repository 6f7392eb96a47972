"""The way a caller walked through the menus, told in short lines for an agent's screen."""

from collections.abc import Iterable, Mapping
from typing import Any

from routing.call import PathStep

#: Kinds of events that become a step.
KINDS = (
    "key", "menu", "no_input", "invalid", "entered", "verification", "order", "need", "offer_closed", "resumed", "talk"
)  # fmt: skip


def path_of(events: Iterable[tuple[float, str, Mapping[str, Any]]]) -> tuple[PathStep, ...]:
    """Steps from a call's events (at, kind, data), oldest first; kinds that an agent need not see are left out."""
    steps: list[PathStep] = []
    for at, kind, data in events:
        step = _step(at, kind, data)
        if step is not None:
            steps.append(step)
    return tuple(steps)


def _step(at: float, kind: str, data: Mapping[str, Any]) -> PathStep | None:
    match kind:
        case "key":
            return PathStep(at, _text(data, "label") or _text(data, "option"), _text(data, "key") or None)
        case "menu":
            promoted = [
                _text(option, "option")
                for option in data.get("order", ())
                if isinstance(option, Mapping) and option.get("promoted")
            ]
            said = f" – {', '.join(promoted)} first" if promoted else ""
            return PathStep(at, f"menu {_text(data, 'menu')}{said}")
        case "no_input":
            return PathStep(at, f"pressed nothing in {_text(data, 'menu')}")
        case "invalid" if "why" in data:
            return PathStep(at, f"typed what does not fit in {_text(data, 'menu')}: {_text(data, 'why')}")
        case "entered" if data.get("value"):
            return PathStep(at, f"typed {_text(data, 'into')}: {_text(data, 'value')}")
        case "verification":
            return PathStep(at, f"verification by {_text(data, 'by')}: {_text(data, 'result')}")
        case "order":
            said = f", {_text(data, 'refusal')}" if data.get("refusal") else ""
            return PathStep(at, f"asked the bank for {_text(data, 'operation')}: {_text(data, 'result')}{said}")
        case "invalid":
            return PathStep(at, f"pressed a key without meaning in {_text(data, 'menu')}", _text(data, "key") or None)
        case "need":
            return PathStep(at, f"asked for {_text(data, 'queue')}: {_text(data, 'reason')}")
        case "offer_closed":
            return PathStep(at, f"{_text(data, 'agent')}: {_text(data, 'how')}")
        case "talk":
            to = f": {_text(data, 'to')}" if data.get("to") else ""
            return PathStep(at, f"{_text(data, 'agent')} – {_text(data, 'does')}{to}")
        case "resumed":
            return PathStep(at, "came back on another line of the engine")
    return None


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return "" if value is None else str(value)
