"""The place of a need, or of a wish to be called back, in its queue: `routing.need.Need.place` in SQL."""

from sqlalchemy import ColumnElement, func

from models.tables import CallbackRow, NeedRow


def place(row: type[NeedRow] | type[CallbackRow]) -> ColumnElement[float]:
    """Sorts rows, most overdue first; of equals the one stated first is before."""
    return row.since - row.credit_s + func.coalesce(row.terms["goal_s"].as_float(), 0.0)
