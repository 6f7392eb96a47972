"""docs/checks.md: each code with an example that brings about just that, at the marked place."""

import ast
import re
from pathlib import Path

import pytest

from ivr.testing.books import small_book_with

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
SECTIONS = {
    found[1]: found[2] for found in re.finditer(r"^### ([a-z0-9-]+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
}
#: Examples of these are longer than they help; each is brought about by a test of its own or of the loader.
WITHOUT_EXAMPLE = {
    "clash", "many-options", "missing-recording", "more", "no-files", "no-wait-words", "not-utf8", "too-deep",
    "too-large", "too-many", "too-many-conditions", "too-many-files", "too-many-options", "unprintable", "unreadable",
    "unusable",
}  # fmt: skip
EXAMPLES = {
    code: found[1] for code, text in SECTIONS.items() if (found := re.search(r"```yaml\n(.*?)```", text, re.DOTALL))
}
#: What small examples bring about besides, and do not mean.
BESIDES = {"rings-out", "deep-menu", "no-calling-back"}


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_brings_about_its_code_at_the_marked_place_and_nothing_else(code: str) -> None:
    example = EXAMPLES[code]
    examined = small_book_with(example)
    found = [*examined.faults, *examined.warnings]
    told = "\n".join(map(str, found))
    lines = [number for number, line in enumerate(example.split("\n"), start=1) if "←" in line]
    (also,) = re.findall(r"←(.*)", example)
    assert {fault.code for fault in found} - BESIDES | {code} == {code, *also.split()}, told
    assert {fault.line for fault in found if fault.code == code and fault.file == "example.yaml"} == set(lines), told
    is_warning = any(fault.code == code for fault in examined.warnings)
    assert ("*Warning.*" in SECTIONS[code]) == is_warning


def test_every_code_of_the_source_is_documented_and_no_other() -> None:
    told = {
        code for path in [*ROOT.glob("menus/**/*.py"), *ROOT.glob("ivr/commands/check.py")] for code in codes_of(path)
    }
    assert told == set(SECTIONS)


def test_every_code_has_an_example_or_a_reason_for_none() -> None:
    assert SECTIONS.keys() - EXAMPLES.keys() == WITHOUT_EXAMPLE


#: Functions that make findings, and which of their arguments is the code.
MAKERS = {"fault": -2, "Finding": 1, "advice": -2, "_fault": -2, "fault_at_key": -2, "Fault": -2, "unknown": 1}


def codes_of(path: Path) -> set[str]:
    """Every code that a module makes findings with."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in MAKERS and len(node.args) >= 2:
                found |= _words(node.args[MAKERS[name]])
            elif name in ("_unknown", "_unused") and path.name == "names.py":
                what = node.args[1 if name == "_unknown" else 2]
                found |= {f"{name[1:]}-{word}" for word in _words(what)}
            found |= {word for key in node.keywords if key.arg == "code" for word in _words(key.value)}
        elif isinstance(node, ast.Tuple) and path.name == "yaml_shape.py":
            found |= {
                word for part in node.elts if isinstance(part, ast.Constant) for word in _words(part) if "-" in word
            }
        elif isinstance(node, ast.Dict) and path.name == "check.py":
            found |= {word for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
                      and key.value == "code" for word in _words(value)}  # fmt: skip
    return found


def _words(expression: ast.expr) -> set[str]:
    if isinstance(expression, ast.JoinedStr):  # no-complaint, no-agent
        first = expression.values[0]
        assert isinstance(first, ast.Constant)
        return {f"{first.value}{task}" for task in ("complaint", "agent")} if first.value == "no-" else set()
    return {
        node.value for node in ast.walk(expression)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z0-9-]+", node.value)
    }  # fmt: skip
