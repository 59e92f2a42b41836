"""Formats all log lines, ours and libraries': JSON in production, readable text in development.

An event is a fixed sentence, with its details in fields: `docs/metrics.md` lists every event and what to do
about it. No line contains a secret, or says who clicked.
"""

import logging
import logging.config
import re
import sys
from collections.abc import Iterator, Mapping

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from cotraffic import settings

# Secrets shorter than this are not redacted: they would match everywhere.
SHORTEST_SECRET = 8
HIDDEN = "[hidden]"
# Longer texts lose their middle: tracebacks of libraries take 15 kB, and say what happened at their end.
LONGEST_TEXT, KEPT_BEGINNING = 2000, 300
FIRST_FIELDS = ("timestamp", "level", "logger", "event")
_SECRET_NAMES = re.compile(r"KEY|SECRET|PASSWORD")
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]*:[^/\s@'\"]*@")

# Processors for every line, from our code or a library.
_FOR_ALL: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(wanted: dict[str, object]) -> None:
    """Set logging up for this process; Django calls it with `LOGGING`, when the settings are read."""
    logging.config.dictConfig(wanted)
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
    """Formats an event as one line without secrets."""

    def __init__(self, *, readable: bool) -> None:
        render: list[Processor]
        if readable:
            render = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)]
        else:
            render = [
                structlog.processors.format_exc_info,
                self._shortened,
                _with_instance,
                _in_order,
                structlog.processors.JSONRenderer(default=str),
            ]
        super().__init__(processors=[self.remove_processors_meta, *render], foreign_pre_chain=_FOR_ALL)
        self._secrets = secrets_in(vars(settings))

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with every secret replaced."""
        return self._without_secrets(super().format(record))

    def _shortened(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        for name, value in event.items():
            if isinstance(value, str) and len(value) > LONGEST_TEXT:
                # First: half of a secret would not be found any more.
                text = self._without_secrets(value)
                event[name] = f"{text[:KEPT_BEGINNING]} […] {text[KEPT_BEGINNING - LONGEST_TEXT :]}"
        return event

    def _without_secrets(self, line: str) -> str:
        line = _URL_CREDENTIALS.sub(f"{HIDDEN}@", line)
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return line


def secrets_in(values: Mapping[str, object]) -> list[str]:
    """Return every secret among settings, found by name, the longest first."""
    found = {
        secret
        for name, value in values.items()
        if _SECRET_NAMES.search(name)
        for secret in _texts(value)
        if len(secret) >= SHORTEST_SECRET
    }
    return sorted(found, key=len, reverse=True)


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in a setting; of "<id>:<key>" only the key."""
    if isinstance(value, str):
        yield value.rpartition(":")[2]
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _with_instance(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    # Where the lines of fifty instances come together, this says whose one is.
    event.setdefault("instance", settings.INSTANCE_NAME)
    return event


def _in_order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = {name: event.pop(name) for name in FIRST_FIELDS if name in event}
    return {**first, **event}
