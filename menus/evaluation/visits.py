"""A recorded call → its visits of personal menus: what was heard, pressed and chosen, and how long it took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from menus.schema import COMPLAINT_TASK

#: Kinds of events that visits are made of.
KINDS = ("menu", "prompts", "key", "no_input", "invalid", "repeated", "back", "gave_up", "frozen", "step")
#: Why somebody keeps the book's order, in records that do not say it.
UNSAID = "drawn"
_WHOLE_S = 0.05  #: a clip of which less than this is missing was heard to its end


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One ended call of a known caller."""

    id: str
    caller: str  #: customer:7 or number:+86…: always the same for the same caller
    result: str
    reason: str
    events: tuple[tuple[float, str, Mapping[str, Any]], ...]  #: at, kind, data, oldest first; of KINDS


@dataclass(slots=True)
class Visit:
    """One stay in a personal menu, from its first word until an option is chosen or the caller leaves it."""

    menu: str
    language: str
    segment: str
    held: str | None  #: why the caller kept the book's order; None when the order was their own
    promoted: tuple[str, ...]
    began_at: float
    seconds: float | None = None  #: from the first word to the key of the chosen option; None when none was chosen
    heard: int = 0  #: options that were begun, repeats included
    wrong: int = 0  #: keys without a meaning
    silent: int = 0  #: times that nothing was pressed
    repeated: int = 0  #: times that the caller asked to hear it again
    returned: bool = False  #: what was chosen was left by the key that leads back
    froze: bool = False  #: the caller froze the menu, or let it change again: the time is no time to a target
    complaint_due_s: float | None = None  #: seconds from the first word until complaint is said, if nobody presses
    complaint_heard_s: float | None = None  #: the same as it was heard to its end; None when the caller was quicker
    _order: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    _seconds: Mapping[str, float] = field(default_factory=dict, repr=False)
    _prompts_due: bool = True

    @property
    def trouble(self) -> bool:
        """Whether the menu was not understood at once: a wrong key, a repeat, or a choice that was taken back."""
        return self.wrong > 0 or self.repeated > 0 or self.returned


def visits_of(call: RecordedCall) -> tuple[Visit, ...]:
    """The visits of personal menus in this call, oldest first. A menu that was only typed through is none."""
    visits: list[Visit] = []
    now: Visit | None = None  # the one that the caller is in
    answered: Visit | None = None  # the one whose choice may yet be taken back
    for at, kind, data in call.events:
        menu = data.get("menu")
        if kind == "menu":
            if now is None or now.menu != menu:
                now = _begun(at, data)
                if now is not None:
                    visits.append(now)
            elif now is not None:
                now._prompts_due = True
        elif kind == "back":
            if answered is not None and menu != answered.menu:
                answered.returned = True
            now = answered = None
        elif kind == "step":
            now = now if now is not None and data.get("step") == now.menu else None
        elif now is None:
            answered = None if kind == "key" else answered
        elif kind == "prompts":
            if now._prompts_due:
                _listened(now, data.get("clips", ()))
        elif menu == now.menu:
            answered = now if kind == "key" else answered
            now = _pressed(now, at, kind, data)
    return tuple(visits)


def _begun(at: float, data: Mapping[str, Any]) -> Visit | None:
    record = data.get("record")
    if not record or not record.get("personal", True):  # a call that was made anonymous tells neither
        return None
    held = record.get("held") or (UNSAID if record.get("held_out") else None)
    return Visit(
        str(data.get("menu")),
        str(record.get("language", "")),
        str(record.get("segment") or ""),
        held,
        tuple(record.get("promoted", ())),
        at,
        _order=tuple(data.get("order", ())),
        _seconds=record.get("seconds", {}),
    )


def _listened(visit: Visit, clips: Iterable[Mapping[str, Any]]) -> None:
    """Takes in what was heard of the menu in one round; the first round tells when complaint comes."""
    mine = f"{visit.menu}."
    first, visit._prompts_due = visit.heard == 0 and visit.complaint_due_s is None, False
    complaint = {str(option["option"]) for option in visit._order if option.get("task") == COMPLAINT_TASK}
    greeting_s = heard_s = 0.0
    options = 0
    for clip in clips:
        prompt, heard, of = str(clip.get("prompt", "")), float(clip.get("heard_s", 0)), float(clip.get("of_s", 0))
        heard_s += heard
        if not prompt.startswith(mine):
            greeting_s += of if not options else 0.0
            continue
        options += heard > 0
        is_complaint = prompt.removeprefix(mine) in complaint
        if first and is_complaint and visit.complaint_heard_s is None and heard >= of - _WHOLE_S:
            visit.complaint_heard_s = heard_s
    visit.heard += options
    if first and complaint:
        visit.complaint_due_s = greeting_s + _due_s(visit, complaint)


def _due_s(visit: Visit, complaint: set[str]) -> float:
    due_s = 0.0
    for option in visit._order:
        due_s += visit._seconds.get(str(option["option"]), 0.0)
        if option["option"] in complaint:
            break
    return due_s


def _pressed(visit: Visit, at: float, kind: str, data: Mapping[str, Any]) -> Visit | None:
    """Takes in what the caller did; answers with the visit while it goes on."""
    match kind:
        case "key":
            visit.seconds = at - visit.began_at
            return None
        case "invalid":
            visit.wrong += 1
        case "no_input":
            visit.silent += 1
        case "repeated":
            visit.repeated += 1
        case "frozen":
            visit.froze = True
        case "gave_up":
            visit.wrong, visit.silent = (
                (visit.wrong + 1, visit.silent) if "key" in data else (visit.wrong, visit.silent + 1)
            )
            return None
    return visit
