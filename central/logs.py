"""Log lines: JSON to standard output, one object each, with the ids that answer "what happened to alert X"."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set structlog up; libraries' own messages pass from warnings upwards."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.WARNING, format='{"event": "%(message)s", "logger": "%(name)s"}'
    )
    logging.getLogger("gmqtt").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
