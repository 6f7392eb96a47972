"""Every column and every kind of event is decided on before it can hold anybody."""

import ast
from pathlib import Path

import pytest

from menus.walk import Verdict
from models.personal_data import EVENTS, HOLDINGS, NAMING, Fate, anonymous
from models.tables import Table

ROOT = Path(__file__).parents[2]
TABLES = {table.name: set(table.columns.keys()) for table in Table.metadata.sorted_tables}


def test_every_table_is_decided_on() -> None:
    assert HOLDINGS.keys() == TABLES.keys(), "say in models/personal_data.py what happens to its rows"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_column_is_decided_on(name: str) -> None:
    holding = HOLDINGS[name]
    told = [*dict.fromkeys([*holding.by, *holding.emptied]), *holding.rest]
    assert sorted(told) == sorted(TABLES[name]), "say in models/personal_data.py what happens to the column"


def test_rows_with_a_customer_are_never_left_as_they_are() -> None:
    personal = {"customer_id", "subject", "ani", "verified_as", "product_id"}
    assert {name for name, columns in TABLES.items() if columns & personal and not HOLDINGS[name].by} == set()
    assert {name for name, holding in HOLDINGS.items() if holding.fate is Fate.UNTOUCHED and holding.by} == set()


def test_what_refers_to_other_rows_is_deleted_before_them() -> None:
    order = [name for name, holding in HOLDINGS.items() if holding.fate is Fate.DELETED]
    for table in Table.metadata.sorted_tables:
        for key in table.foreign_keys:
            target = key.column.table.name
            if table.name in order and target in order:
                assert order.index(table.name) < order.index(target), f"{table.name} refers to {target}"


def _noted() -> dict[str, set[str]]:
    """Kind of event → what the code writes into it, wherever it does so under a name that stands there."""
    found: dict[str, set[str]] = {}
    for path in [*ROOT.glob("ivr/**/*.py"), *ROOT.glob("models/**/*.py")]:
        if "testing" in path.parts:
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr in ("note", "event"):
                for argument in call.args:
                    for value in [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]:
                        if isinstance(value, ast.Constant) and isinstance(value.value, str):
                            found.setdefault(value.value, set()).update(word.arg for word in call.keywords if word.arg)
    return found


def test_every_kind_of_event_that_calls_write_is_decided_on() -> None:
    noted = _noted()
    assert noted.keys() - EVENTS.keys() == set(), "say in models/personal_data.py what is kept of it"
    assert EVENTS.keys() - noted.keys() == {"ended", *map(str, Verdict)} & EVENTS.keys() - noted.keys()
    assert {"menu", "key", "prompts", "verification", "offer", "confirmed"} <= noted.keys()


def test_events_that_name_a_customer_are_those_that_are_looked_through() -> None:
    assert {kind for kind, words in _noted().items() if "customer_id" in words} == set(NAMING)


def test_an_anonymous_event_holds_words_of_the_book_only() -> None:
    clip = {"prompt": "balance_is", "text": "You have five yuan.", "heard_s": 1.0, "of_s": 2.0}
    assert anonymous("prompts", {"clips": [clip]}) == {"clips": [{"prompt": "balance_is", "heard_s": 1.0, "of_s": 2.0}]}
    assert anonymous("entered", {"step": "ask", "into": "to", "digits": 17, "value": "6217"}) == {
        "step": "ask",
        "into": "to",
    }
    assert anonymous("menu", {"menu": "main", "order": [], "record": {"scores": {"card": 0.9}}}) == {"menu": "main"}
    assert anonymous("something new", {"name": "Li"}) == {}
