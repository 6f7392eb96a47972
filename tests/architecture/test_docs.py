"""The documents say what is there: reference tables, commands, variables, figures and links."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
from prometheus_client import CollectorRegistry

from ivr.__main__ import cli
from ivr.demo.show import PORTS
from ivr.desktop.measures import Measures
from ivr.queues import load as load_queues
from ivr.reference import PLACES, rewritten
from ivr.settings import SHIPPED, load
from menus.loader import load_book

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TOLD = "\n".join(path.read_text(encoding="utf-8") for path in DOCS)


@pytest.mark.parametrize(("name", "place", "table"), PLACES, ids=[place for _, place, _ in PLACES])
def test_a_reference_table_is_that_of_the_models(name: str, place: str, table: Callable[[], str]) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert rewritten(text, place, table()) == text, "run: .venv/bin/python -m ivr.reference"


def test_a_document_without_the_marks_of_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="stand 0 times"):
        rewritten("no marks", "settings", "table")


def _commands(command: Any, name: str = "") -> set[str]:
    """The command and those below it, as they are typed."""
    below = getattr(command, "commands", {})
    return {name.strip()}.union(*(_commands(sub, f"{name} {word}") for word, sub in below.items()))


def test_every_command_that_the_documents_name_exists() -> None:
    known = _commands(typer.main.get_command(cli))
    named = {" ".join(words.split()) for words in re.findall(r"`(?:ivr|rw) ((?:agent|bank) [a-z-]+|[a-z]+)", TOLD)}
    assert named - known == set()
    assert {"serve", "migrate", "check", "publish", "doctor", "agent add", "bank fill"} <= named


def test_every_variable_of_the_environment_is_in_the_settings_reference() -> None:
    asked_for = re.compile(r'(?:environ\.get\(|environ\[|secret\(|envvar=)"(RINGWISE_[A-Z_]+)"')
    read = {name for path in ROOT.glob("ivr/**/*.py") for name in asked_for.findall(path.read_text(encoding="utf-8"))}
    read |= {variable for _, variable, _ in PORTS.values()}
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert {name for name in read if f"`{name}`" not in text} == set()
    assert {"RINGWISE_AMI_SECRET", "RINGWISE_SETTINGS", "RINGWISE_DATABASE_URL"} <= read


def test_every_figure_of_the_desktop_is_in_the_operators_guide() -> None:
    registry = CollectorRegistry()
    Measures(registry)
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert {family.name for family in registry.collect() if family.name not in text} == set()


def test_every_link_within_the_documents_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in DOCS
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_file_that_the_documents_name_is_there() -> None:
    named = set(re.findall(r"`((?:ivr|menus|routing|models|config|docs|bench|tests)/[\w./-]*)`", TOLD))
    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert "ivr/ports/" in named


def test_the_modules_that_asterisk_loads_are_counted_rightly() -> None:
    count = len(re.findall(r"^(?:load|require) =", (SHIPPED / "asterisk" / "modules.conf").read_text(), re.MULTILINE))
    assert f"`modules.conf` names {count} modules;" in TOLD


def test_the_settings_for_the_service_go_with_the_shipped_book() -> None:
    settings = load(SHIPPED / "deploy" / "settings.yaml")
    unit = (SHIPPED / "deploy" / "ringwise.service").read_text(encoding="utf-8")
    assert settings.database_url == "sqlite:////var/lib/ringwise/ringwise.db"
    assert "WorkingDirectory=/var/lib/ringwise\n" in unit
    assert "CacheDirectory=ringwise\n" in unit
    assert settings.prompts.folder == Path("/var/cache/ringwise/prompts")
    # They lie beside the settings once they are copied, as docs/operations.md says.
    assert settings.book.folder == SHIPPED / "deploy" / "menus"
    assert load_book(SHIPPED / "menus", queues=load_queues(SHIPPED / "queues.yaml").queues)


def test_every_proof_of_a_feature_is_there() -> None:
    text = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    files = "\n".join(path.read_text(encoding="utf-8") for path in (SHIPPED / "menus" / "tests").glob("*.yaml"))
    told = set(re.findall(r"“([^”]+)”", text))
    assert {name for name in told if f"- name: {name}\n" not in files} == set()
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(re.findall(r"`(test_\w+\.py)`", text)) - tests == set()
    assert len(told) >= 15
    rows = [row.split("|") for row in text.splitlines() if row.startswith("| ") and not row.startswith("| Feature")]
    assert all(row[3].strip() for row in rows if row[2].strip() == "✔")
