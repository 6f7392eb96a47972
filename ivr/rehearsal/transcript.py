"""A call as people read it: line by line what was said, done and decided, and where it was not as expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ivr.rehearsal.evidence import Event
from ivr.rehearsal.player import Played
from ivr.rehearsal.schema import Step

WIDTH = 12  #: of the second column
MOST_AFTER = 12  #: lines that are shown after the place where the call departed
_FEW = 6
#: Of what happens at one moment, what is told first.
_ORDER = {"number": 0, "caller": 1, "chooses": 2, "hears": 4, "ended": 5}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript."""

    at_s: float
    what: str  #: hears, presses, menu, queue …
    about: str

    def __str__(self) -> str:
        return f"{self.at_s:8.1f} s  {self.what:<{WIDTH}} {self.about}".rstrip()


def transcript(played: Played) -> list[Entry]:
    """Everything that happened in a call, in order."""
    entries = [Entry(piece.at_s, "hears", piece.text + _cut(piece.heard_s, piece.seconds)) for piece in played.pieces]
    entries += [Entry(at_s, "caller", what) for at_s, what in played.acts]
    entries += [Entry(event.at_s, *told) for event in played.evidence.events if (told := tell(event))]
    return sorted(entries, key=lambda entry: (round(entry.at_s, 3), _ORDER.get(entry.what, 3)))


def _cut(heard_s: float | None, seconds: float) -> str:
    return "" if heard_s is None or heard_s >= seconds - 0.05 else f"  (cut short after {heard_s:.1f} s)"


def tell(event: Event) -> tuple[str, str] | None:
    """What an event is, and about what; None for what needs no words (prompts and keys are told by themselves)."""
    data = event.data
    match event.kind:
        case "identified":
            who = {0: "nobody we know", 1: "one customer"}.get(data["matches"], f"{data['matches']} customers")
            return "number", f"belongs to {who}; language {data['language']}"
        case "menu":
            return "order", f"{data['menu']}: {', '.join(option['option'] for option in data['order'])}"
        case "key":
            return "chooses", f"{data['option']} (key {data['key']})"
        case "no_input" | "invalid" | "repeated" | "back" | "gave_up" | "frozen":
            return "menu", event.kind.replace("_", " ")
        case "need":
            return "queue", f"waits in {data['queue']} ({data['reason']})"
        case "offer":
            return "agent", f"offered to {data['agent']}"
        case "answered":
            return "agent", f"talks to {data['agent']}"
        case "offer_closed":
            return "agent", f"{data['agent']}: {str(data['how']).replace('_', ' ')}"
        case "fault":
            return "FAULT", "the conversation failed"
        case "ended":
            return "ended", f"{data.get('result')}/{data.get('reason')}"
        case "prompts" | "step" | "arrived" | "popped" | "ringing" | "resumed" | "branch":
            return None
    return event.kind.replace("_", " "), ", ".join(f"{name} {value}" for name, value in _shown(data))


def _shown(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((name, value) for name, value in data.items() if isinstance(value, str | int | float) and value != "")


def spelled_step(step: Step) -> str:
    """A step as its file has it, more or less."""
    value = getattr(step, step.kind)
    told = ", ".join(value) if isinstance(value, tuple) else value
    if isinstance(value, Mapping):
        told = ", ".join(f"{name}: {one}" for name, one in value.items())
    more = f", while: {step.while_}" if step.while_ else ""
    return f"{step.kind}: {str(told).lower() if told is True else told}{more}"


def why_order(data: Mapping[str, Any]) -> str:
    """Why a menu was spoken in its order, from what was recorded of it."""
    record, order = data.get("record", {}), data["order"]
    early = [f"{one['option']} ({_why_early(one)})" for one in order if one.get("promoted")]
    told = f"{', '.join(early)} before the others" if early else "the order of the book"
    if record.get("held_out"):
        told += "; this caller is held out for comparison"
    elif not early and record.get("scores"):
        likely = sorted(record["scores"].items(), key=lambda one: -one[1])[:3]
        told += f"; nothing is likely enough: {', '.join(f'{task} {score:.0%}' for task, score in likely)}"
    elif not early:
        told += "; no habits are known" if record.get("ranker") else ""
    return f"{data['menu']}: {told}"


def _why_early(option: Mapping[str, Any]) -> str:
    likely = f"{option['score']:.0%} likely today"
    return likely if option.get("why") in (None, "habit") else f"by {option['why']}"


def story(played: Played) -> list[str]:
    """Why a scenario failed: the call up to the place where it departed, the expectation, and what came instead."""
    departure, part = played.departure, played.part
    if departure is None:
        return [line for fault in played.faults for line in fault.splitlines()]
    entries = transcript(played)
    before = [entry for entry in entries if entry.at_s <= departure.at_s + 1e-6]
    after = [entry for entry in entries if entry.at_s > departure.at_s + 1e-6]
    expected = spelled_step(part.scenario.steps[departure.step])
    lines = [str(entry) for entry in before]
    lines.append(f"  ✘ {part.file}:{part.lines[departure.step]}: {expected}")
    lines.append(f"    {departure.why}")
    shown = after if len(after) <= MOST_AFTER + _FEW else after[:MOST_AFTER]
    lines += [str(entry) for entry in shown]
    if len(shown) < len(after):
        lines += [f"             … {len(after) - MOST_AFTER - 1} more", str(after[-1])]
    for fault in played.faults:
        lines += ["    the engine said:", *(f"      {line}" for line in fault.splitlines())]
    return lines
