"""Structured logs: one JSON object a line on standard error, never a protected field."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from coordinator.config import Settings
from coordinator.kernel import clock

# Keys that may carry what a form held; their values never reach the log.
_NEVER = frozenset({"password", "id_number", "phone", "name", "address", "token", "code", "answers"})


def _hide(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {key: ("…" if key in _NEVER else value) for key, value in event.items()}


def _stamp(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    event["at"] = clock.now().isoformat(timespec="milliseconds")
    return event


def configure(settings: Settings) -> None:
    """Send everything to standard error; tests keep warnings and above."""
    level = logging.WARNING if settings.testing else logging.INFO
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamp,
            _hide,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
