"""For scripts of `bench/` that are called like a package of the project: who imports the name means the package."""

import importlib
import sys
from pathlib import Path


def step_aside(name: str) -> None:
    """Put the package in the place of the script; Python looks for modules beside a script first."""
    here = Path(__file__).resolve().parents[1]
    path = list(sys.path)
    sys.path[:] = [entry for entry in path if Path(entry or ".").resolve() != here]
    del sys.modules[name]
    importlib.import_module(name)
    sys.path[:] = path
