"""What `ivr doctor` finds: how it stands with one thing, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    FINE = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    verdict: Verdict
    says: str
    advice: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether calls cannot be served properly until it is mended."""
        return self.verdict is Verdict.FAULT

    def __str__(self) -> str:
        line = f"{self.verdict:<8} {self.subject}: {self.says}"
        return f"{line}\n         → {self.advice}" if self.advice else line


def fine(subject: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(subject, Verdict.FINE, says)


def warning(subject: str, says: str, advice: str) -> Finding:
    """Works, but should be looked at."""
    return Finding(subject, Verdict.WARNING, says, advice)


def fault(subject: str, says: str, advice: str) -> Finding:
    """Does not work."""
    return Finding(subject, Verdict.FAULT, says, advice)
