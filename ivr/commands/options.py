"""What all commands take: the settings file."""

from pathlib import Path
from typing import Annotated

import typer

from ivr.settings import Settings, load

USUAL = Path("config/settings.yaml")

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
