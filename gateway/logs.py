"""Logs as JSON lines on stdout, one per event, with the incident's number wherever there is one.

Set up once by `run`. Never given keys, tags or frames of a person's alert beyond their numbers.
"""

from __future__ import annotations

import logging

import structlog

from gateway.ports import Log


def start(level: str, gateway: str) -> Log:
    """The log of this process; `level` is debug, info, warning or error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    log: Log = structlog.get_logger(gateway=gateway)
    return log
