"""What several commands take: the settings file, a span of time."""

import re
from pathlib import Path
from typing import Annotated

import typer

from ivr.errors import Misconfigured
from ivr.settings import Settings, load

USUAL = Path("config/settings.yaml")
_SPAN = re.compile(r"([1-9][0-9]{0,3})(h|d)")

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings", "-s", envvar="RINGWISE_SETTINGS", help=f"Settings file; default {USUAL} if it is there."
    ),
]


def settings_of(path: Path | None) -> Settings:
    """Settings of that file, else of the usual one, else the defaults. Raises Misconfigured."""
    return load(file_of(path))


def file_of(path: Path | None) -> Path | None:
    """The settings file that is read: that one, else the usual one if it is there, else none."""
    return path or (USUAL if USUAL.exists() else None)


def span_s(written: str) -> float:
    """Seconds of a span of time as people write it: 30d, 12h, 0. Raises Misconfigured."""
    if written == "0":
        return 0.0
    found = _SPAN.fullmatch(written)
    if found is None:
        raise Misconfigured(f"{written!r} is no span of time: write days as 30d or hours as 12h, or 0")
    return int(found[1]) * (86_400.0 if found[2] == "d" else 3_600.0)
