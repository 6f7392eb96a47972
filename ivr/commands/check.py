"""`ivr check`: everything that is wrong in settings, queues and menu book, before anything runs on them."""

import json
from dataclasses import dataclass
from pathlib import Path

from ivr.agents_file import AGENTS_FILE
from ivr.agents_file import load as load_agents
from ivr.errors import Misconfigured
from ivr.queues import Queues
from ivr.queues import load as load_queues
from ivr.settings import load
from ivr.site import site_of
from menus.loader import examine_folder
from menus.yaml_source import Fault, Faults
from models.database import address
from models.errors import BadAddress

#: Where each code is explained, with an example and its mending.
EXPLAINED = "docs/checks.md"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and what is there."""

    faults: tuple[Fault | str, ...] = ()  #: a text where no file is to blame
    warnings: tuple[Fault, ...] = ()
    told: tuple[str, ...] = ()

    def is_fine(self, *, strict: bool) -> bool:
        """Whether nothing keeps the book from being used; `strict`: nor is anything advised against."""
        return not self.faults and not (strict and self.warnings)

    def as_json(self) -> str:
        """A list of findings, for editors and pipelines: file, line, col, code, message, severity, help."""
        told = [(fault, "error") for fault in self.faults] + [(fault, "warning") for fault in self.warnings]
        return json.dumps([_entry(fault, severity) for fault, severity in told], ensure_ascii=False, indent=1)


def check(file: Path | None) -> Report:
    """Everything that is found in the settings of a file (the defaults without one) and in what they name."""
    try:
        settings = load(file)
    except Misconfigured as wrong:
        return Report(_faults_of(wrong))
    faults: list[Fault | str] = []
    queues: Queues | None = None
    try:
        queues = load_queues(settings.book.queues)
    except Misconfigured as wrong:
        faults += _faults_of(wrong)
    try:
        address(settings.database_url)
    except BadAddress as wrong:
        faults.append(f"database.url: {wrong}")
    agents = settings.book.queues.with_name(AGENTS_FILE)
    declared = None
    if queues is not None and agents.exists():
        try:
            declared = load_agents(agents, queues.staff)
        except Misconfigured as wrong:
            faults += _faults_of(wrong)
    examined = examine_folder(settings.book.folder, **site_of(settings, queues))
    told = ["no settings file: defaults" if file is None else f"{file}: fine"]
    if queues is not None:
        told.append(f"{settings.book.queues}: fine: queues {', '.join(queues.queues)}")
    if declared is not None:
        told.append(f"{agents}: fine: {len(declared.agents)} agents")
    if (book := examined.book) is not None:
        told.append(
            f"{settings.book.folder}: fine: {len(book.steps)} steps, {len(book.prompts)} prompts in "
            + ", ".join(book.languages)
        )
    return Report((*faults, *examined.faults), examined.warnings, tuple(told))


def _faults_of(wrong: Misconfigured) -> tuple[Fault | str, ...]:
    return wrong.__cause__.faults if isinstance(wrong.__cause__, Faults) else (str(wrong),)


def _entry(fault: Fault | str, severity: str) -> dict[str, object]:
    if isinstance(fault, str):
        return {"file": None, "line": None, "col": None, "code": "unusable", "message": fault, "severity": severity,
                "help": f"{EXPLAINED}#unusable"}  # fmt: skip
    return {
        "file": fault.file,
        "line": fault.line,
        "col": fault.col,
        "code": fault.code,
        "message": fault.message,
        "severity": severity,
        "help": f"{EXPLAINED}#{fault.code}",
    }
