"""JSON Schemas for editors: current, told at every key, with valid examples; every shipped file names its own."""

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter

from ivr import schemas
from ivr.agents_file import AgentsFile
from ivr.complaints import Complaints
from ivr.offer_rules import Offers
from ivr.order_rules import Order
from ivr.queues import Queue
from ivr.settings import SHIPPED, Settings
from ivr.staff import Staff
from menus.schema import Calendar
from menus.schema import schema_text as book_schema
from menus.schema.words import Part
from menus.yaml_source import parse

BOOK = SHIPPED / "menus" / "book.schema.json"
TEXTS = {
    "book": (book_schema(), BOOK, "python -m menus.schema > config/menus/book.schema.json"),
    **{
        name: (schemas.schema_text(model), SHIPPED / name, "python -m ivr.schemas")
        for name, model in schemas.FILES.items()
    },
}


def models_below(base: type[BaseModel], package: str) -> dict[str, type[BaseModel]]:
    """Every model of a package's vocabulary by its name; others may build on it and use the same names."""
    found = {base.__name__: base} if base.__module__.startswith(package) else {}
    for model in base.__subclasses__():
        found |= models_below(model, package)
    return found


#: Of each schema: its models by name; names of two schemas may be the same.
MODELS: dict[str, dict[str, type[BaseModel]]] = {
    "MenuBook": models_below(Part, "menus."),
    "Settings": models_below(Settings.__mro__[1], "ivr.settings"),
    "Queues": {
        **models_below(Queue.__mro__[1], "ivr.queues"),
        **models_below(Complaints.__mro__[1], "ivr.complaints"),
        **models_below(Staff.__mro__[1], "ivr.staff"),
        **models_below(Offers.__mro__[1], "ivr.offer_rules"),
        "Calendar": Calendar,
        "Order": Order,
    },
    "AgentsFile": models_below(AgentsFile.__mro__[1], "ivr.agents_file"),
}


@pytest.mark.parametrize(("text", "file", "command"), TEXTS.values(), ids=TEXTS.keys())
def test_the_shipped_schema_is_that_of_the_models(text: str, file: Path, command: str) -> None:
    assert file.read_text(encoding="utf-8") == text, f"run: .venv/bin/{command}"


def keys_of(text: str) -> list[tuple[str, str, dict[str, Any]]]:
    schema = json.loads(text)
    parts = [(schema["title"], schema), *schema["$defs"].items()]
    return [(model, key, told) for model, part in parts for key, told in part.get("properties", {}).items()]


@pytest.mark.parametrize("text", [text for text, _, _ in TEXTS.values()], ids=TEXTS.keys())
def test_every_key_is_told_and_has_an_example(text: str) -> None:
    keys = keys_of(text)
    assert [f"{model}.{key}" for model, key, told in keys if not told.get("description")] == []
    plain = [(model, key, told) for model, key, told in keys if "const" not in told]
    lacking = [f"{model}.{key}" for model, key, told in plain if not told.get("examples") and model != "Settings"]
    assert lacking == []
    assert len(keys) > 5


@pytest.mark.parametrize("text", [text for text, _, _ in TEXTS.values()], ids=TEXTS.keys())
def test_every_example_is_valid(text: str) -> None:
    wrong = []
    models = MODELS[json.loads(text)["title"]]
    for model, key, told in keys_of(text):
        field = models[model].model_fields[key]
        for example in told.get("examples", ()):
            node, faults = parse(json.dumps({"example": example}), "example")
            assert node is not None
            try:
                TypeAdapter(Annotated[field.annotation, field]).validate_python(node.plain()["example"])
            except ValueError as fault:
                wrong.append(f"{model}.{key}: {fault}")
            assert faults == []
    assert wrong == []


@pytest.mark.parametrize("file", sorted(SHIPPED.rglob("*.yaml")), ids=lambda file: file.relative_to(SHIPPED).as_posix())
def test_every_shipped_file_names_its_schema(file: Path) -> None:
    first = file.read_text(encoding="utf-8").split("\n", 1)[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert "properties" in json.loads((file.parent / first.partition("$schema=")[2]).read_text(encoding="utf-8"))
