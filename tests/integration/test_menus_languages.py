"""A language is one file: it is found by its name, and what it lacks is named."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from menus.spoken import LANGUAGES
from menus.spoken.discovery import NotALanguage, languages_in

WHOLE = """
from menus.prompt_text import SlotKind
VOICE = "eo"
KEYS = {**{str(digit): str(digit) for digit in range(10)}, "*": "stelo", "#": "krado"}
VOCABULARY = {kind: ("unu",) for kind in SlotKind}
def _said(value): return ("unu",)
number = count = ordinal = digits = groups = money = date = time = _said
def habit(task, day): return task
def _wrote(value): return "unu"
written_ordinal = written_money = written_date = _wrote
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a package in a folder of its own; `tmp_path / name` is its folder."""
    name = "spoken_for_a_test"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for module in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[module]


def test_a_third_language_is_found_when_its_file_is_there(tmp_path: Path, package: str) -> None:
    (tmp_path / package / "eo.py").write_text(WHOLE)
    (tmp_path / package / "money.py").write_text("")  # no language: its name has more letters
    found = languages_in([str(tmp_path / package)], package)
    assert list(found) == ["eo"]
    assert found["eo"].number(1) == ("unu",)


def test_a_language_that_lacks_something_is_refused_with_all_of_it(tmp_path: Path, package: str) -> None:
    text = WHOLE.replace("def habit", "def habits").replace('"#": "krado"', "").replace("VOICE", "VOICES")
    (tmp_path / package / "eo.py").write_text(text)
    with pytest.raises(NotALanguage, match=r"eo lacks habit\(\), VOICE, KEYS\['#'\]; docs/languages.md"):
        languages_in([str(tmp_path / package)], package)


def test_the_shipped_languages_are_found() -> None:
    assert sorted(LANGUAGES) == ["en", "zh"]
