"""The page of injected faults is never replaced by one that lacks some of them."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "faults.py"
CASE = """<testcase name="test_{name}"><properties><property name="case" value="{case}"/>
<property name="what" value="{name}"/></properties></testcase>"""


def page_of(folder: Path, *cases: str) -> tuple[int, str, str]:
    """Status, output and page of a run in which these faults were injected."""
    report, page = folder / "report.xml", folder / "page.md"
    told = "".join(CASE.format(case=case, name=name) for case, name in (one.split() for one in cases))
    report.write_text(f"<testsuites><testsuite>{told}</testsuite></testsuites>", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, SCRIPT, "--junit", report, "--page", page], capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout, page.read_text(encoding="utf-8") if page.exists() else ""


def test_a_run_with_all_the_faults_of_the_page_and_more_replaces_it(tmp_path: Path) -> None:
    assert page_of(tmp_path, "A1 kill", "A1 kill", "B2 silence")[0] == 0
    status, _, page = page_of(tmp_path, "A1 kill", "B2 silence", "C10 flood")
    assert status == 0
    assert [line.split(" | ")[:2] for line in page.splitlines()[-3:]] == [
        ["| A1", "kill"],
        ["| B2", "silence"],
        ["| C10", "flood"],
    ]


@pytest.mark.parametrize("cases", [(), ("A1 kill", "C10 flood")], ids=["nothing", "one is gone"])
def test_a_run_that_lacks_a_fault_leaves_the_page_and_names_it(tmp_path: Path, cases: tuple[str, ...]) -> None:
    before = page_of(tmp_path, "A1 kill", "A1 kill", "B2 silence")[2]
    status, told, page = page_of(tmp_path, *cases)
    assert (status, page) == (1, before)
    assert "B2 silence" in told
    assert ("A1 kill" in told) == (not cases)
