"""Log lines: JSON to standard output, one object each, with the ids that answer "what happened to alert X"."""

from __future__ import annotations

import json
import logging
import sys

import structlog


class _Json(logging.Formatter):
    """A library's message, with its traceback, as one JSON line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {"event": record.getMessage(), "logger": record.name, "level": record.levelname.lower()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str) -> None:
    """Set structlog up; libraries' own messages pass from warnings upwards."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Json())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
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
