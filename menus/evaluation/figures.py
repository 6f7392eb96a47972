"""The figures of the report on menus: what each counts, of what, and which way is better."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from menus.evaluation.visits import RecordedCall, Visit
from menus.schema import AGENT_TASK


class Unit(StrEnum):
    """What a figure is measured in."""

    SECONDS = "s"
    COUNT = "options"
    SHARE = "share"


#: How what callers do differs, by the unit: when the figure is lower and when it is higher; {} stands for by how much.
LESS_MORE: Mapping[Unit, tuple[str, str]] = {
    Unit.SECONDS: ("{} sooner", "{} later"),
    Unit.COUNT: ("{} less", "{} more"),
    Unit.SHARE: ("less often, by {}", "more often, by {}"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: a sum over how many."""

    name: str
    title: str
    unit: Unit
    good: int  #: -1 less is better, 1 more is better
    does: str = ""  #: what callers do, {} stands for how it differs; empty where the two of SWITCH are told together

    def told(self, by: str, *, more: bool) -> str:
        """What callers do whose figure is lower or higher by so much."""
        return self.does.format(LESS_MORE[self.unit][more].format(by))


FIGURES = (
    Figure("target_s", "seconds to the wanted option", Unit.SECONDS, -1, "reach what they want {}"),
    Figure("options_heard", "options heard before the choice", Unit.COUNT, -1, "hear {} before they choose"),
    Figure("wrong_key", "visits with a wrong key", Unit.SHARE, -1, "press a wrong key {}"),
    Figure("repeated", "visits with a repeat", Unit.SHARE, -1, "ask for a repeat {}"),
    Figure("silent", "visits with silence", Unit.SHARE, -1, "press nothing {}"),
    Figure("returned", "choices taken back", Unit.SHARE, -1, "take a choice back {}"),
    Figure("complaint_due_s", "seconds until complaint is said", Unit.SECONDS, -1, "could hear complaint {}"),
    Figure("complaint_heard_s", "seconds until complaint was heard", Unit.SECONDS, -1, "heard complaint {}"),
    Figure("trouble_moved", "trouble where the order had moved", Unit.SHARE, -1),
    Figure("trouble_stayed", "trouble where it had stayed", Unit.SHARE, -1),
    Figure("agent", "calls that asked for an agent", Unit.SHARE, -1, "ask for an agent {}"),
    Figure("contained", "calls served by the menu alone", Unit.SHARE, 1, "are served by the menu alone {}"),
    Figure("left_in_menu", "calls left in the menu", Unit.SHARE, -1, "hang up in the menu {}"),
)

#: Share of trouble on the first calls after the order moved, less that where it stayed.
SWITCH = ("trouble_moved", "trouble_stayed")


def of_visit(visit: Visit, moved: bool | None) -> Iterator[tuple[str, float]]:
    """What one visit adds: figure, value. `moved`: whether other options were promoted in the caller's last call."""
    if visit.seconds is not None:
        if not visit.froze:
            yield "target_s", visit.seconds
        yield "options_heard", visit.heard
        yield "returned", visit.returned
    yield "wrong_key", visit.wrong > 0
    yield "repeated", visit.repeated > 0
    yield "silent", visit.silent > 0
    if visit.complaint_due_s is not None:
        yield "complaint_due_s", visit.complaint_due_s
    if visit.complaint_heard_s is not None:
        yield "complaint_heard_s", visit.complaint_heard_s
    if moved is not None:
        yield "trouble_moved" if moved else "trouble_stayed", visit.trouble


def of_call(call: RecordedCall) -> Mapping[str, float]:
    """What one call adds."""
    asked = any(kind == "key" and data.get("task") == AGENT_TASK for _, kind, data in call.events)
    return {
        "agent": asked,
        "contained": (call.result, call.reason) == ("served", "self_service"),
        "left_in_menu": (call.result, call.reason) == ("left", "in_menu"),
    }
