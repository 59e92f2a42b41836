"""The worker process that gunicorn starts to serve clicks, and how it ends if it cannot serve."""

import mmap
import sys
import time
from typing import ClassVar

import structlog
from uvicorn_worker import UvicornWorker

from offers.http.protocol import ClickProtocol

# Seconds between the failure of a worker and its end. gunicorn replaces it at once, so this limits restarts.
PAUSE_SECONDS = 3.0
# Exit codes: after REPLACE gunicorn starts another worker, after GIVE_UP it stops with all workers.
REPLACE, GIVE_UP = 1, 3
# Whether any worker has served since the master started: one byte of anonymous shared memory, mapped before
# the fork, because workers cannot change each other's variables.
_has_served = mmap.mmap(-1, 1)

logger = structlog.stdlib.get_logger(__name__)


class ClickWorker(UvicornWorker):  # type: ignore[misc]
    """An asyncio worker that logs no requests and leaves `X-Forwarded-For` to TRUSTED_PROXIES."""

    CONFIG_KWARGS: ClassVar[dict[str, object]] = {
        "loop": "uvloop",
        "http": ClickProtocol,
        "ws": "none",
        # A worker whose application cannot open what it needs would fail every click: it has to end.
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
    }

    def init_process(self) -> None:
        """Serve until told to stop. After any error, log it and end.

        If workers have served before, this one ends after a pause and is replaced, and the others go on. If
        none has, the settings are wrong or something is missing: gunicorn ends, too, so that whatever started
        it sees the failure.
        """
        try:
            super().init_process()
            return
        except SystemExit as end:
            if end.code != GIVE_UP:
                raise
            # The application has logged the reason already.
        except Exception:
            logger.critical("the worker ends, it cannot serve", exc_info=True)
        if not _has_served[0]:
            sys.exit(GIVE_UP)
        time.sleep(PAUSE_SECONDS)
        sys.exit(REPLACE)

    async def callback_notify(self) -> None:
        """Notify gunicorn that this worker lives; first called once it serves."""
        _has_served[0] = 1
        await super().callback_notify()
