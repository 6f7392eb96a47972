"""`ivr` and `python -m ringwise`: put the packaged application on the path, if there is one, and start it."""

import sys
from pathlib import Path


def main() -> None:
    """Start the command line, from a wheel (application in `_app`) or from a checkout (already on the path)."""
    app = Path(__file__).parent / "_app"
    if app.is_dir():
        sys.path.insert(0, str(app))
    from ivr.__main__ import main as start

    start()


if __name__ == "__main__":
    main()
