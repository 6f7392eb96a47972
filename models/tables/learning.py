"""What is learned from: habits of customers, counted as calls end."""

from typing import Any

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.root import Table


class HabitRow(Table):
    """The latest days of each task of one customer, as menus/learning/habits.py keeps them: one read for a call."""

    __tablename__ = "habits"
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    tasks: Mapped[list[Any]]  # names, one for each row of days
    days: Mapped[bytes] = mapped_column(LargeBinary)
    first: Mapped[int]  # ordinal of the first event ever
    events: Mapped[int]  # how many there were ever
