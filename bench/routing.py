"""How fast one event and a batch are decided, and how many claims a second come true: `bench/decisions.py` by the name
that it is asked for.

    .venv/bin/python bench/routing.py [--json] [--contested 100000]

Python looks for modules beside a script first, so scripts of this folder that import the package `routing` find this
file: it steps aside for the package.
"""

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    from decisions import main

    sys.exit(main())

_here = str(Path(__file__).resolve().parent)
_path = list(sys.path)
sys.path[:] = [entry for entry in _path if str(Path(entry or ".").resolve()) != _here]
del sys.modules[__name__]
importlib.import_module(__name__)
sys.path[:] = _path
