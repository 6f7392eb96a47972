"""Borders that the import contracts cannot see."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ivr", "routing", "menus", "models")
RAW_PROTOCOL = re.compile(
    r"STREAM FILE|WAIT FOR DIGIT|GET VARIABLE|SET VARIABLE|agi_(?:callerid|uniqueid|arg)|ActionID"
)


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_raw_agi_and_ami_text_stands_only_in_the_asterisk_adapter() -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for path in sources(*PACKAGES)
        if "asterisk" not in path.parts and RAW_PROTOCOL.search(path.read_text(encoding="utf-8"))
    ]
    assert guilty == []


@pytest.mark.parametrize("forbidden", ["datetime.now(", "time.time(", "date.today("])
def test_inner_packages_are_told_the_time(forbidden: str) -> None:
    guilty = [
        str(path.relative_to(ROOT))
        for path in sources("routing", "menus", "models")
        if forbidden in path.read_text(encoding="utf-8")
    ]
    assert guilty == []


def test_serving_calls_loads_no_scikit_learn() -> None:
    code = "import sys, ivr.app; print([m for m in ('sklearn', 'scipy', 'joblib', 'pandas') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "helpers", "common", "base", "manager", "service", "misc"}
    assert [str(path.relative_to(ROOT)) for path in sources(*PACKAGES) if path.stem in drawers] == []
