"""The reference of the menu language, from its models: the book, kinds of step, facts, operations of the bank."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ivr.settings import SHIPPED
from menus.conditions import FACTS, QUEUE_FACTS
from menus.operations import OPERATIONS
from menus.schema import AnyStep, MenuBook

#: Keys that mean the same in every kind of step, told once in the text.
_EVERYWHERE = frozenset({"kind"})
_WORDS: Mapping[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def book_tables() -> str:
    """Every key of a book, and of the parts that it is made of, steps aside."""
    parts: dict[str, type[BaseModel]] = {}
    told = ["### The book", "", *_table(MenuBook, parts)]
    return "\n".join([*told, *_parts(parts)])


def steps_tables() -> str:
    """Every kind of step with its keys, and the parts that steps are made of."""
    parts: dict[str, type[BaseModel]] = {}
    told: list[str] = []
    for step in get_args(AnyStep):
        (kind,) = get_args(step.model_fields["kind"].annotation)
        told += [f"### `kind: {kind}`", "", documented(step), "", *_table(step, parts), ""]
    return "\n".join([*told[:-1], *_parts(parts)])


def facts_table() -> str:
    """Everything that conditions may ask for."""
    lines = ["| Fact | Kind | Meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {_cel(fact.type)} | {fact.meaning} |" for name, fact in FACTS.items()]
    lines += [f"| `queue.NAME.{name}` | {_cel(fact.type)} | {fact.meaning} |" for name, fact in QUEUE_FACTS.items()]
    lines.append("| `hours.NAME` | true or false | these hours of the calendar are open now |")
    lines.append("| `values.NAME` | as the step gives it | a value of the call; money as cents, a date as 2026-12-01 |")
    lines.append("| `values.NAME_in_days` | whole number | days from today until the date in `values.NAME` |")
    lines.append("| `remembered.NAME` | text | what a `set` step of this or an earlier call remembered; else empty |")
    return "\n".join(lines)


def operations_table() -> str:
    """What `transact` can do."""
    lines = ["| `do` | What | Parameters | Values afterwards | Rows | Says no with |", "|---|---|---|---|---|---|"]
    for name, operation in OPERATIONS.items():
        params = [f"`{one}` {kind}" for one, kind in operation.needs.items()]
        params += [f"`{one}` {kind} (may be left out)" for one, kind in operation.may_have.items()]
        gives = [f"`{one}` {kind}" for one, kind in operation.gives.items()]
        rows = [f"`{one}`: {', '.join(kinds)}" for one, kinds in operation.rows.items()]
        cells = (params, gives, rows, [f"`{word}`" for word in operation.refusals])
        lines.append(f"| `{name}` | {operation.what} | " + " | ".join(", ".join(cell) or "–" for cell in cells) + " |")
    return "\n".join(lines)


def _cel(type_: Any) -> str:
    return {"BOOL": "true or false", "INT": "whole number", "STRING": "text", "DOUBLE": "number with a point"}.get(
        type_.name(), "list of texts"
    )


def _parts(parts: dict[str, type[BaseModel]]) -> Iterator[str]:
    """Tables of the parts that were named, and of those that they name in turn."""
    waiting = list(parts.values())
    for part in waiting:  # grows while parts name further parts
        found: dict[str, type[BaseModel]] = {}
        yield from ("", f"### {part.__name__}", "", documented(part), "", *_table(part, found))
        waiting += [more for name, more in found.items() if name not in parts]
        parts.update(found)


def _table(model: type[BaseModel], parts: dict[str, type[BaseModel]]) -> Iterator[str]:
    yield "| Key | Holds | Default | Meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        if name not in _EVERYWHERE:
            meaning = " ".join((field.description or "").split()).replace("|", "\\|")
            yield f"| `{name}` | {kind_of(field.annotation, parts)} | {default_of(field)} | {meaning} |"


def default_of(field: FieldInfo) -> str:
    """What a key is when it is left out, as it would be written."""
    value = field.default
    if field.is_required():
        return "must be given"
    if value is None or value == () or field.default_factory is not None or isinstance(value, BaseModel):
        return "–"
    if isinstance(value, Path) and value.is_relative_to(SHIPPED):
        return f"the shipped `{value.relative_to(SHIPPED.parent).as_posix()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(f'{one:g}' if isinstance(one, float) else str(one) for one in value)}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def documented(part: type[BaseModel]) -> str:
    """What a model says that it is for, on one line."""
    return " ".join((part.__doc__ or "").split())


def kind_of(annotation: Any, parts: dict[str, type[BaseModel]], *, null: bool = False) -> str:
    """A type in words; models that it names are noted, steps aside. `null`: whether it is told that it may be null."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _WORDS:
        return _WORDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        parts[annotation.__name__] = annotation
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if origin is Annotated:
        return "step" if get_origin(inner[0]) is UnionType else kind_of(inner[0], parts, null=null)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    kinds = [kind_of(one, parts, null=null) for one in inner if one not in (NoneType, Ellipsis)]
    if origin in (Union, UnionType):
        return " or ".join([*kinds, "null"] if null and NoneType in inner else kinds)
    if origin is tuple:
        return f"list of {kinds[0]}" if inner[-1] is Ellipsis else f"[{', '.join(kinds)}]"
    if origin in (dict, Mapping):
        return f"{kinds[0]} → {kinds[1]}"
    raise TypeError(f"the reference has no words for {annotation!r}")
