"""The root of all tables. Times are UTC seconds of the epoch (`…_at`), dates of the calendar are dates (`…_on`)."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
#: A key of a table that grows with every key pressed. SQLite numbers only plain INTEGER keys (of 64 bits anyway).
MANY = BigInteger().with_variant(Integer, "sqlite")


class Table(DeclarativeBase):
    """The declarative root: one naming rule for every constraint."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, list[Any]: JSON}
