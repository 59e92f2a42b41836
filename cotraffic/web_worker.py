"""The process that gunicorn starts to serve clicks: how it is set up, and how it ends if it cannot serve."""

import mmap
import sys
import time
from typing import Any, ClassVar

import structlog
from uvicorn_worker import UvicornWorker

from offers.http.protocol import ClickProtocol

# Seconds between the failure of a worker and its end, after which gunicorn starts another at once.
PAUSE_SECONDS = 3.0
# Exit codes: gunicorn replaces a worker that ends with the first, and ends with all workers after the second.
REPLACE, GIVE_UP = 1, 3
# Whether any worker has served since the master started: one byte of memory that all of them share.
_has_served = mmap.mmap(-1, 1)

logger = structlog.stdlib.get_logger(__name__)


class ClickWorker(UvicornWorker):  # type: ignore[misc]
    """An asyncio worker that logs no requests and leaves `X-Forwarded-For` to TRUSTED_PROXIES."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": ClickProtocol,
        "ws": "none",
        # Without what the application opens at its start every click would fail: such a worker has to end.
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
    }

    def init_process(self) -> None:
        """Serve until told to stop. A worker that fails instead says why and ends, whatever the error was.

        Where workers have served before, this one ends after a pause and is replaced, and the others go on.
        Where none has, the settings are wrong or something is missing: gunicorn ends, too, for whatever has
        started it to see.
        """
        try:
            super().init_process()
            return
        except SystemExit as end:
            if end.code != GIVE_UP:
                raise
            # The application has said why.
        except Exception:
            logger.critical("the worker ends, it cannot serve", exc_info=True)
        if not _has_served[0]:
            sys.exit(GIVE_UP)
        time.sleep(PAUSE_SECONDS)
        sys.exit(REPLACE)

    async def callback_notify(self) -> None:
        """Tell gunicorn that this worker lives; called for the first time once it serves."""
        _has_served[0] = 1
        await super().callback_notify()
