"""The reference tables of the documentation, from the models themselves: settings, queues, messages of the desktop,
the menu language.

`python -m ivr.reference` writes them into docs/; a test holds the files to them.
"""

import re
from collections.abc import Iterable, Iterator
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ivr.complaints import ComplaintRule, Complaints, ComplaintTier, Deadline, Often
from ivr.desktop import messages
from ivr.offer_rules import Offers, RefusalReason
from ivr.order_rules import Order
from ivr.queues import CallerRules, LastAgent, OwnAgent, Queue, Step, Way
from ivr.reference_book import (
    book_tables,
    default_of,
    documented,
    facts_table,
    kind_of,
    operations_table,
    steps_tables,
)
from ivr.settings import SHIPPED, Settings
from ivr.staff import PauseReason, Staff, Team

#: Limits of a number, as pydantic keeps them, and how a table shows them.
_LIMITS = {"gt": "over ", "ge": "from ", "le": "to "}


def settings_table() -> str:
    """Every key of the settings file."""
    lines = ["| Key | Default | Limits | Meaning |", "|---|---|---|---|", *_keys(Settings, "")]
    return "\n".join(lines)


def queues_table() -> str:
    """Every key of a queue in config/queues.yaml."""
    head = ["| Key | Default | Limits | Meaning |", "|---|---|---|---|"]
    parts = [
        row
        for name, part in (
            ("softening[]", Step),
            ("overflow[]", Way),
            ("own_agent", OwnAgent),
            ("last_agent", LastAgent),
        )
        for row in (f"| **`{name}:`** | | | {documented(part)} |", *_keys(part, f"{name}."))
    ]
    callers = [f"| **`callers:`** | | | {documented(CallerRules)} |", *_keys(CallerRules, "callers.")]
    complaints = [f"| **`complaints:`** | | | {documented(Complaints)} |", *_keys(Complaints, "complaints.")]
    below: dict[str, type[BaseModel]] = {
        "deadlines[]": Deadline,
        "tiers[]": ComplaintTier,
        "rules[]": ComplaintRule,
        "rules[].complaints": Often,
    }
    for name, part in below.items():
        complaints += [f"| **`complaints.{name}:`** | | | {documented(part)} |", *_keys(part, f"complaints.{name}.")]
    staff = [f"| **`staff:`** | | | {documented(Staff)} |", *_keys(Staff, "staff.")]
    people: dict[str, type[BaseModel]] = {"pauses.NAME": PauseReason, "teams.NAME": Team}
    for name, part in people.items():
        staff += [f"| **`staff.{name}:`** | | | {documented(part)} |", *_keys(part, f"staff.{name}.")]
    offers = [
        f"| **`offers:`** | | | {documented(Offers)} |",
        *_keys(Offers, "offers."),
        f"| **`offers.refusals.reasons.NAME:`** | | | {documented(RefusalReason)} |",
        *_keys(RefusalReason, "offers.refusals.reasons.NAME."),
    ]
    order = [f"| **`order:`** | | | {documented(Order)} |", *_keys(Order, "order.")]
    return "\n".join([*head, *_keys(Queue, ""), *parts, *callers, *staff, *complaints, *offers, *order])


def messages_tables() -> str:
    """Every message of the desktop's socket, and the parts that they are made of."""
    parts: dict[str, type[BaseModel]] = {}
    told = [
        _messages("From the server", get_args(messages.ServerMessage), parts, told_always=True),
        _messages("From the page", get_args(messages.ClientMessage), parts, told_always=False),
        "## Parts",
    ]
    waiting = list(parts.values())
    for part in waiting:  # grows while parts name further parts
        found: dict[str, type[BaseModel]] = {}
        told.append(_model(f"### {part.__name__}", part, found, told_always=True))
        waiting += [more for name, more in found.items() if name not in parts]
        parts.update(found)
    return "\n\n".join(told)


def _keys(model: type[BaseModel], section: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            part = type(field.default)
            yield f"| **`{section}{name}:`** | | | {documented(part)} |"
            yield from _keys(part, f"{section}{name}.")
        else:
            yield f"| `{section}{name}` | {default_of(field)} | {_limits(field)} | {field.description} |"


def _limits(field: FieldInfo) -> str:
    found = [
        f"{words}{getattr(rule, limit):g}" for rule in field.metadata for limit, words in _LIMITS.items()
        if getattr(rule, limit, None) is not None
    ]  # fmt: skip
    return " ".join(found)


def _messages(
    title: str, models: Iterable[type[BaseModel]], parts: dict[str, type[BaseModel]], *, told_always: bool
) -> str:
    told = [f"## {title}"]
    for model in models:
        (name,) = get_args(model.model_fields["type"].annotation)
        told.append(_model(f"### `{name}`", model, parts, told_always=told_always))
    return "\n\n".join(told)


def _model(title: str, model: type[BaseModel], parts: dict[str, type[BaseModel]], *, told_always: bool) -> str:
    fields = {name: field for name, field in model.model_fields.items() if name not in ("v", "type")}
    rows = []
    for name, field in fields.items():
        left_out = "" if told_always or field.is_required() else ", may be left out"
        rows.append(f"| `{name}` | {kind_of(field.annotation, parts, null=True)}{left_out} |")
    table = ["", "| Field | Holds |", "|---|---|", *rows] if rows else []
    return "\n".join([title, "", documented(model), *table])


#: What is written where: file, name of the place, table.
PLACES = (
    ("settings.md", "settings", settings_table),
    ("settings.md", "queues", queues_table),
    ("desktop-protocol.md", "messages", messages_tables),
    ("menus.md", "book", book_tables),
    ("menus.md", "steps", steps_tables),
    ("menus.md", "facts", facts_table),
    ("menus.md", "operations", operations_table),
)


def rewritten(text: str, place: str, table: str) -> str:
    """The document with this table between its marks. Raises ValueError when it lacks the marks."""
    begin, end = f"<!-- {place}: made by `python -m ivr.reference` -->", f"<!-- end of {place} -->"
    changed, count = re.subn(
        f"{re.escape(begin)}\n.*?{re.escape(end)}", lambda _: f"{begin}\n{table}\n{end}", text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"the marks of {place} stand {count} times in the document")
    return changed


def main() -> None:
    """Write every table into its document."""
    for name, place, table in PLACES:
        file = SHIPPED.parent / "docs" / name
        file.write_text(rewritten(file.read_text(encoding="utf-8"), place, table()), encoding="utf-8")


if __name__ == "__main__":
    main()
