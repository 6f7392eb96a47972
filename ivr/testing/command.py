"""Runs the command line within the test's process, as the launcher would."""

import io
import logging
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

import structlog

from ivr.__main__ import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


def ivr(*arguments: str, typed: str = "") -> Ran:
    """`ivr` with these arguments and this standard input; a defect of ours is raised, as it would be shown."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    handlers = logging.root.handlers[:]
    with (
        patch("sys.argv", ["ivr", *arguments]),
        patch("sys.stdin", io.StringIO(typed)),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else int(left.code is not None)
        finally:  # `serve` has set up the logs of this process
            logging.root.handlers[:] = handlers
            structlog.reset_defaults()
    return Ran(status, out.getvalue(), err.getvalue())
