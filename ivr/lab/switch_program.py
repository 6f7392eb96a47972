"""Which Asterisk this machine can run, and where its parts are."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import Misconfigured

WANTED = 22  #: the major version that Ringwise is built on
_VERSION_TIMEOUT_S = 10.0

#: Where distributions and source installs keep them, first match wins.
_MODULE_FOLDERS = ("/usr/lib/*/asterisk/modules", "/usr/lib/asterisk/modules", "/usr/lib64/asterisk/modules")
_DATA_FOLDERS = ("/usr/share/asterisk", "/var/lib/asterisk")


@dataclass(frozen=True, slots=True)
class SwitchProgram:
    """An Asterisk that can be started, with the folders it needs."""

    command: tuple[str, ...]
    modules: Path
    data: Path  #: sounds, music and documentation
    version: str  #: 22.10.1


def find_program(root: Path) -> SwitchProgram:
    """The machine's own Asterisk if it is new enough, else Debian's packages unpacked into `root`.

    Raises Misconfigured when there is neither.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("asterisk", path=path)
    if found is not None:
        version = _version((found,))
        if int(version.partition(".")[0]) >= WANTED:
            return SwitchProgram((found,), _first(_MODULE_FOLDERS), _first(_DATA_FOLDERS), version)
    if root.is_dir():
        return _unpacked(root.resolve())
    raise Misconfigured(
        f"there is no Asterisk {WANTED} on this machine; config/setup/asterisk.sh unpacks one into var/"
    )


def _unpacked(root: Path) -> SwitchProgram:
    """Run with the C library that came along, so that the machine's own may be older."""
    loaders = sorted(root.glob("usr/lib/*/ld-linux-*.so.*"))
    if not loaders:
        raise Misconfigured(f"{root} is not a whole Asterisk; remove it and run config/setup/asterisk.sh again")
    libraries = loaders[0].parent
    command = (str(loaders[0]), "--library-path", str(libraries), str(root / "usr/sbin/asterisk"))
    return SwitchProgram(command, libraries / "asterisk/modules", root / "usr/share/asterisk", _version(command))


def _first(patterns: Sequence[str]) -> Path:
    for pattern in patterns:
        for folder in sorted(Path("/").glob(pattern.lstrip("/"))):
            return folder
    raise Misconfigured(f"this machine's Asterisk keeps its files in none of {', '.join(patterns)}")


def _version(command: Sequence[str]) -> str:
    try:
        shown = subprocess.run(  # noqa: S603 - our own command line, no shell
            [*command, "-V"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise Misconfigured(f"{command[-1]} does not run: {fault}") from fault
    match = re.search(r"\b(\d+\.\d+\.\d+)", shown)
    if match is None:
        raise Misconfigured(f"{command[-1]} does not tell its version: {shown.strip()!r}")
    return match[1]
