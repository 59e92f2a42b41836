"""Which log lines are written, and where to; `format.py` beside this file says how they look."""

from typing import Any

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
    """What `LOGGING` is: lines of at least `level`, to the standard error."""
    console = {"handlers": ["console"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "cotraffic.logs.format.LineFormatter", "readable": readable}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            **{name: {"level": quiet} for name, quiet in _QUIET.items()},
            **dict.fromkeys(_TAKEN_OVER, console),
            **{name: {"handlers": [], "propagate": False} for name in _SILENT},
        },
        "root": {"handlers": ["console"], "level": level},
    }
