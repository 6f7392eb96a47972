"""Why a task is likely today, in words, from what the model looked at."""

from collections.abc import Mapping


def reasons(inputs: Mapping[str, float], task: str) -> tuple[str, ...]:
    """Sentences on one task, what weighs most first; the figures are those that the model saw."""
    own = {name.removeprefix(f"{task}: "): value for name, value in inputs.items() if name.startswith(f"{task}: ")}
    if not own or not own["ever"]:
        return ("never done so far",)
    said: list[str] = []
    if own["just done"]:
        said.append("just done in this call")
    if own["six_months"]:
        said.append(f"done on this day of the month in {own['six_months']:.0f} of the last six months")
    elif own["share of near_day"] > 0.3:
        said.append(f"around this day of the month it is {own['share of near_day']:.0%} of all that is done")
    if own["ago_30"]:
        said.append("done just 30 days ago")
    if own["share of every_30"] > 0.3 and own["every_30"] > 1:
        said.append(f"every 30 days: {own['share of every_30']:.0%} of what follows that rhythm")
    if own["before_free"] > max(1.0, 2 * own["near_day"]):
        said.append("its usual day falls on a weekend or holiday and is brought forward to today")
    elif own["after_free"] > max(1.0, 2 * own["near_day"]):
        said.append("its usual day fell on a weekend or holiday and is put off to today")
    if own["quarterly"] > 1:
        said.append(f"about this day every third month ({own['quarterly']:.1f} times)")
    if own["yearly"] > 0.5:
        said.append("done about a year ago")
    if own["this_month"]:
        said.append(f"done {own['this_month']:.0f} times this month already")
    elif own["month_before"]:
        said.append("not done yet this month")
    said.append(
        f"done {own['ever']:.0f} times ({own['share of ever']:.0%} of all), last {own['days since']:.0f} days ago"
    )
    return tuple(said)
