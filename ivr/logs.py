"""Structured log lines on standard error; numbers and digits are masked before they are written."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from ivr.numbers import masked

#: Fields that carry a telephone number.
NUMBER_FIELDS = frozenset({"ani", "number", "dnis_dialled"})
#: Fields that must never be written.
SECRET_FIELDS = frozenset({"digits", "pin", "password", "secret"})


def mask(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask numbers and drop secrets of one log line."""
    for field in line.keys() & NUMBER_FIELDS:
        line[field] = masked(str(line[field]) if line[field] else None)
    for field in line.keys() & SECRET_FIELDS:
        line[field] = "…"
    return line


def set_up(*, as_json: bool | None = None, level: int = logging.INFO) -> None:
    """Send log lines to standard error, those of libraries too: readable in a terminal, JSON elsewhere."""
    plain = sys.stderr.isatty() if as_json is None else not as_json
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if plain else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask,
        structlog.processors.format_exc_info,  # here, or a terminal would show local variables with each traceback
    ]
    foreign = logging.StreamHandler(sys.stderr)
    foreign.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[foreign], level=max(level, logging.WARNING), force=True)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
