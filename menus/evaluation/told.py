"""The report on menus in words and as plain JSON."""

from typing import Any

from menus.evaluation.figures import FIGURES, SWITCH, Figure, Unit
from menus.evaluation.intervals import LEVEL, REPETITIONS, Interval
from menus.evaluation.report import LEAST_CALLERS, Arm, ArmTold, Difference, Group, GroupTold, Report, Value

METHOD = (
    f"{LEVEL:.0%} intervals: bootstrap over callers with {REPETITIONS} repetitions and a fixed seed; Wilson and "
    f"Newcombe where a share is none or all; nothing is told of fewer than {LEAST_CALLERS} callers on either side"
)
TOO_FEW = "not enough calls to tell"


def amount(figure: Figure, value: float) -> str:
    """How much that is, with its unit."""
    if figure.unit is Unit.SHARE:
        return f"{value * 100:.1f} %"
    return f"{value:.2f} s" if figure.unit is Unit.SECONDS else f"{value:.2f}"


def span(figure: Figure, interval: Interval, to: str = "to") -> str:
    """From where to where."""
    scale, places, unit = (100, 1, " %") if figure.unit is Unit.SHARE else (1, 2, " s")
    unit = "" if figure.unit is Unit.COUNT else unit
    low, high = (round(value * scale, places) + 0.0 for value in (interval.low, interval.high))  # + 0: never -0.0
    return f"{low:.{places}f} {to} {high:.{places}f}{unit}"


def with_interval(figure: Figure, value: Value | Difference) -> str:
    """A value and its interval."""
    told = amount(figure, value.value)
    return told if value.interval is None else f"{told} ({span(figure, value.interval)})"


def verdict(figure: Figure, difference: Difference) -> str:
    """better, worse, the same, or that it cannot be told."""
    if difference.told == 0:
        return "the same" if difference.is_none else "cannot be told"
    return "better" if difference.told == figure.good else "worse"


def sentence(figure: Figure, difference: Difference) -> str:
    """What a difference between the arms says, as a plain sentence."""
    if difference.interval is None:
        return f"{figure.title}: {TOO_FEW}."
    if difference.is_none:
        return f"{figure.title}: the same."
    if difference.told == 0:
        where = span(figure, difference.interval, "and").replace(" %", " percentage points")
        return f"{figure.title}: {TOO_FEW}; personal less static lies between {where}."
    by = amount(figure, abs(difference.value)).replace(" %", " percentage points")
    by = f"{by} options" if figure.unit is Unit.COUNT else by
    where = span(figure, difference.interval).replace(" %", " points")
    does = figure.told(by, more=difference.told > 0)
    return f"With the personal order callers {does} (personal less static: {where})."


def switch_sentence(told: ArmTold) -> str:
    """What it costs a caller that other options come first than in the last call."""
    figure = next(figure for figure in FIGURES if figure.name == SWITCH[0])
    switch = told.switch
    if switch is None or switch.interval is None:
        return f"Switch cost: {TOO_FEW}."
    if switch.told == 0:
        where = span(figure, switch.interval, "and").replace(" %", " percentage points")
        return f"Switch cost: {TOO_FEW}; it lies between {where}."
    where = span(figure, switch.interval).replace(" %", " points")
    way = "more" if switch.told > 0 else "less"
    return (
        f"Switch cost: where other options came first than in the last call, {abs(switch.value) * 100:.1f} percentage "
        f"points {way} visits have a wrong key, a repeat or a choice taken back ({where})."
    )


def sentences(group: GroupTold) -> list[str]:
    """Everything that a part of the report says, the difference that is looked for first."""
    if len(group.arms) < len(Arm):
        only = " and ".join(group.arms)
        return [f"{TOO_FEW}: there are only calls with the {only} order."]
    told = [
        sentence(figure, group.differences[figure.name])
        for figure in FIGURES
        if figure.name in group.differences and figure.name not in SWITCH
    ]
    return [*told, switch_sentence(group.arms[Arm.PERSONAL])]


def title(group: Group) -> str:
    """What a part of the report is about."""
    return "all personal menus" if group.kind == "all" else f"{group.kind} {group.name}"


def rows(group: GroupTold) -> list[tuple[str, ...]]:
    """A line for each figure: personal, static, difference, what it means."""
    found = []
    for figure in FIGURES:
        values = [told.values.get(figure.name) if (told := group.arms.get(arm)) else None for arm in Arm]
        if any(values):
            cells = [with_interval(figure, value) if value else "–" for value in values]
            difference = group.differences.get(figure.name)
            last = ("–", "–")
            if difference:
                last = with_interval(figure, difference).replace(" %", " points"), verdict(figure, difference)
            found.append((figure.title, *cells, *last))
    return found


def to_json(report: Report) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "calls": report.calls,
        "callers": report.callers,
        "without_number": report.without_number,
        "without_menu": report.without_menu,
        "static_because": report.static_because,
        "method": METHOD,
        "figures": {figure.name: {"title": figure.title, "unit": figure.unit.value} for figure in FIGURES},
        "groups": [_group(group) for group in report.groups],
    }


def _group(group: GroupTold) -> dict[str, Any]:
    return {
        "kind": group.group.kind,
        "name": group.group.name,
        "arms": {arm.value: _arm(told) for arm, told in group.arms.items()},
        "difference": {name: _difference(one) for name, one in group.differences.items()},
        "says": sentences(group),
    }


def _arm(told: ArmTold) -> dict[str, Any]:
    return {
        "calls": told.calls,
        "callers": told.callers,
        "figures": {
            name: {"value": one.value, "of": one.of, "callers": one.callers, **_interval(one.interval)}
            for name, one in told.values.items()
        },
        "switch_cost": None if told.switch is None else _difference(told.switch),
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {"value": one.value, **_interval(one.interval), "told": ("lower", "not told", "higher")[one.told + 1]}


def _interval(interval: Interval | None) -> dict[str, float | None]:
    return {"low": interval.low if interval else None, "high": interval.high if interval else None}
