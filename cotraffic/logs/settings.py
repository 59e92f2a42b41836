"""Which log lines are written, and where to; `format.py` beside this file formats them."""

# Libraries that log every request, task or client below these levels; they log errors above them.
_QUIET = {
    "botocore": "WARNING",
    # Tells of its cleaning up at each signing in.
    "axes.attempts": "WARNING",
    "celery.app.trace": "WARNING",
    "celery.beat": "WARNING",
    # Tells of each task that has expired: all of them, after Redis was away.
    "celery.worker.request": "WARNING",
    "celery.worker.strategy": "WARNING",
    # Logs every path that scanners try.
    "django.request": "ERROR",
    "django.security.DisallowedHost": "CRITICAL",
}
# These have handlers of their own, which would write lines in another format.
_TAKEN_OVER = ("gunicorn.error", "uvicorn.error")
# These log a line for every request, which nobody reads.
_SILENT = ("gunicorn.access", "uvicorn.access")


def logging_settings(level: str, *, readable: bool) -> dict[str, object]:
    """Make the setting `LOGGING`: lines of at least `level`, to standard error."""
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
