"""Inject every fault that the tests know and write down what happened: docs/faults.md.

Runs the tests marked `fault` against the real Asterisk, engines, databases and browsers of the live tests.
`--junit FILE` takes the report of a run that has been made already instead of making one. A page is not replaced by one
that lacks some of its faults.
"""

import argparse
import platform
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOC = ROOT / "docs" / "faults.md"
HEAD = """# Faults: what was injected and what happened

Made by `.venv/bin/python bench/faults.py`; do not edit. Each row is a test that failed the build if the behaviour were
otherwise. Measured on {machine}, {when}; times heard on the line are good to about 0.1 s.

| Case | Injected | Held | What happened | Test |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault and what came of it."""

    case: str
    what: str
    held: bool
    measured: tuple[str, ...]
    test: str
    times: int = 1  #: how often it was injected, in how many forms

    def __str__(self) -> str:
        told = "; ".join(self.measured) or "as the test demands"
        often = f" ({self.times} ×)" if self.times > 1 else ""
        return f"| {self.case} | {self.what}{often} | {'yes' if self.held else '**no**'} | {told} | `{self.test}` |"

    def joined(self, other: "Row") -> "Row":
        """Both forms of one fault as one row."""
        measured = dict.fromkeys((*self.measured, *other.measured))
        return replace(self, held=self.held and other.held, measured=tuple(measured), times=self.times + other.times)


def run_tests(report: Path) -> None:
    """Run every fault test once, one after the other."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "fault", f"--junitxml={report}", "tests"]
    subprocess.run(command, cwd=ROOT, check=False)


def rows(report: Path) -> list[Row]:
    """What a report says of fault tests, in order of the cases."""
    found: dict[tuple[str, str], Row] = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        properties = [(p.get("name", ""), p.get("value", "")) for p in case.iter("property")]
        told = dict(properties)
        if "case" not in told:
            continue
        held = case.find("failure") is None and case.find("error") is None and case.find("skipped") is None
        measured = tuple(f"{name}: {value}" for name, value in properties if name not in ("case", "what"))
        row = Row(told["case"], told["what"], held, measured, case.get("name", "").partition("[")[0])
        fault = (row.case, row.what)
        found[fault] = found[fault].joined(row) if fault in found else row
    return sorted(found.values(), key=lambda row: (row.case[0], int(re.findall(r"\d+", row.case)[0]), row.what))


def lacking(page: str, found: list[Row]) -> list[str]:
    """Faults of the page that were not injected this time."""
    ran = {(row.case, row.what) for row in found}
    listed = re.findall(r"^\| ([A-Z]\d\S*) \| (.+?)(?: \(\d+ ×\))? \| (?:yes|\*\*no\*\*) \|", page, re.MULTILINE)
    return [f"{case} {what}" for case, what in listed if (case, what) not in ran]


def main() -> int:
    """Write the page; status 1 when a fault was not survived, or some were not injected: then nothing is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--junit", type=Path, help="report of a run of the fault tests that was made already")
    parser.add_argument("--page", type=Path, default=DOC, help="where to write")
    asked = parser.parse_args()
    given, page = asked.junit, asked.page
    with tempfile.TemporaryDirectory() as folder:
        report = given or Path(folder) / "faults.xml"
        if given is None:
            run_tests(report)
        found = rows(report) if report.exists() else []
    gone = lacking(page.read_text(encoding="utf-8"), found) if page.exists() else []
    if gone or not found:
        print(f"{page} is left as it is; not injected this time:", *(gone or ["nothing was"]), sep="\n  ")
        print("Run `make test` to see why; delete the line of a fault whose test is gone.")
        return 1
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    head = HEAD.format(machine=machine, when=datetime.now(UTC).strftime("%Y-%m-%d"))
    page.write_text(head + "".join(f"{row}\n" for row in found), encoding="utf-8")
    print(f"{page}: {len(found)} faults, {sum(not row.held for row in found)} not survived")
    return 0 if all(row.held for row in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
