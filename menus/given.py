"""What steps give: the values of a call that later steps speak, use and ask for."""

from collections.abc import Mapping

from menus.operations import OPERATIONS
from menus.schema import Callback, Collect, Dip, OpenCase, Record, Set, Step, Transact
from menus.values import ValueKind


def gives(step: Step) -> Mapping[str, ValueKind | None]:
    """Every value that a step may give with its kind, secrets included; the kind of what `set` works out is None."""
    if isinstance(step, Collect):
        return {step.into: ValueKind(step.type)}
    if isinstance(step, Record):
        return {step.into: ValueKind.TEXT}
    if isinstance(step, Set):
        return dict.fromkeys(step.values)
    if isinstance(step, Dip):
        return {name: ValueKind(kind) for name, kind in step.into.items()}
    if isinstance(step, Transact) and step.do in OPERATIONS:
        return OPERATIONS[step.do].gives
    if isinstance(step, OpenCase):
        return {"case_number": ValueKind.DIGITS, "case_due": ValueKind.DATE}
    if isinstance(step, Callback):
        return {"callback_on": ValueKind.DATE, "callback_at": ValueKind.TIME}
    return {}
