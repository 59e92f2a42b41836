"""How log lines look, whoever writes them: JSON in production, for people to read in development.

An event is a fixed sentence, and what it is about are its fields: `docs/metrics.md` lists every event with
what to do about it. No line holds a secret, and none says who clicked.
"""

import logging
import logging.config
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

# Of a value shorter than this so many lines would be full that nothing could be read.
SHORTEST_SECRET = 8
HIDDEN = "[hidden]"
FIRST_FIELDS = ("timestamp", "level", "logger", "event")
_SECRET_NAMES = re.compile(r"KEY|SECRET|PASSWORD")
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]*:[^/\s@'\"]*@")

# Whoever writes the line, ours or a library.
_FOR_ALL: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Libraries that tell of every request, task or client; what goes wrong there they tell at higher levels.
_QUIET = {
    "botocore": "WARNING",
    "celery.app.trace": "WARNING",
    "celery.beat": "WARNING",
    "celery.worker.strategy": "WARNING",
    # Whatever a scanner asks for in vain.
    "django.request": "ERROR",
    "django.security.DisallowedHost": "CRITICAL",
}
# They would write to handlers of their own.
_TAKEN_OVER = ("gunicorn.error", "uvicorn.error")
# A line for every request is what nobody reads.
_SILENT = ("gunicorn.access", "uvicorn.access")


def logging_settings(level: str, *, readable: bool) -> dict[str, Any]:
    """What `configure` wants: lines of at least `level`, to the standard error."""
    console = {"handlers": ["console"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "cotraffic.logs.LineFormatter", "readable": readable}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            **{name: {"level": quiet} for name, quiet in _QUIET.items()},
            **dict.fromkeys(_TAKEN_OVER, console),
            **{name: {"handlers": [], "propagate": False} for name in _SILENT},
        },
        "root": {"handlers": ["console"], "level": level},
    }


def configure(settings: dict[str, Any]) -> None:
    """Set logging up for this process; Django calls it with `LOGGING`."""
    logging.config.dictConfig(settings)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_FOR_ALL,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """One line for one event, without secrets."""

    def __init__(self, *, readable: bool) -> None:
        render: list[Processor]
        if readable:
            render = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)]
        else:
            render = [
                structlog.processors.format_exc_info,
                _in_order,
                structlog.processors.JSONRenderer(default=str),
            ]
        super().__init__(processors=[self.remove_processors_meta, *render], foreign_pre_chain=_FOR_ALL)
        self._secrets: list[str] | None = None

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return self._without_secrets(super().format(record))

    def _without_secrets(self, line: str) -> str:
        line = _URL_CREDENTIALS.sub(f"{HIDDEN}@", line)
        if self._secrets is None:
            # Not before: the settings are what asks for this formatter.
            from cotraffic import settings

            self._secrets = secrets_in(vars(settings))
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return line


def secrets_in(settings: Mapping[str, Any]) -> list[str]:
    """Every secret among the settings, by their names, the longest first."""
    found = {
        secret
        for name, value in settings.items()
        if _SECRET_NAMES.search(name)
        for secret in _texts(value)
        if len(secret) >= SHORTEST_SECRET
    }
    return sorted(found, key=len, reverse=True)


def _texts(value: object) -> Iterator[str]:
    """The texts in a setting; of "<id>:<key>" the key alone."""
    if isinstance(value, str):
        yield value.rpartition(":")[2]
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _in_order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = {name: event.pop(name) for name in FIRST_FIELDS if name in event}
    return cast(EventDict, {**first, **event})
