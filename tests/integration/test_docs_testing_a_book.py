"""The examples of docs/testing-a-book.md do what the text says, on the shipped book."""

import re
import shlex
from pathlib import Path

import pytest

from ivr.rehearsal.schema import STEP_KINDS, Caller, Scenario
from ivr.settings import SHIPPED
from ivr.testing.command import ivr

TEXT = (SHIPPED.parent / "docs" / "testing-a-book.md").read_text(encoding="utf-8")
SETTINGS = str(SHIPPED / "settings.yaml")
EXAMPLES = re.findall(r"```yaml\n(version: 1\n.*?)```", TEXT, re.DOTALL)
PIPED = re.findall(r"^printf '(.*?)' \| ivr (call --fast .*)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_scenario_of_the_guide_holds(example: str, tmp_path: Path) -> None:
    file = tmp_path / "guide.yaml"
    file.write_text(example, encoding="utf-8")
    ran = ivr("test", "-s", SETTINGS, str(file))
    assert ran.status == 0, ran.out + ran.err


@pytest.mark.parametrize(("lines", "command"), PIPED)
def test_a_script_of_the_guide_calls(lines: str, command: str) -> None:
    ran = ivr(*shlex.split(command), "-s", SETTINGS, typed=lines.replace("\\n", "\n"))
    assert (ran.status, ran.err) == (0, "")
    assert "presses 2" in ran.out


def test_the_guide_has_examples() -> None:
    assert EXAMPLES
    assert PIPED


def test_the_guide_tells_every_kind_of_step_and_every_key() -> None:
    for word in (*STEP_KINDS, *Scenario.model_fields, *Caller.model_fields):
        assert f"`{word}" in TEXT or word in ("steps",), word
