"""How gunicorn serves the site: `gunicorn cotraffic.asgi:application` reads this file by itself."""

import os
from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from cotraffic.click_protocol import ClickProtocol
from cotraffic.metrics import files
from cotraffic.settings import HOST, LOGGING, PORT, env


class ClickWorker(UvicornWorker):  # type: ignore[misc]
    """An asyncio worker that logs no requests and leaves `X-Forwarded-For` to TRUSTED_PROXIES."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": ClickProtocol,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
    }


bind = f"[{HOST}]:{PORT}" if ":" in HOST else f"{HOST}:{PORT}"
worker_class = ClickWorker
workers = env.int("WEB_CONCURRENCY", default=os.cpu_count() or 1)

# Seconds to finish what is under way after SIGTERM, before a worker is killed.
graceful_timeout = 20
# Seconds a worker may be silent before it is replaced.
timeout = 30
# Seconds: longer than a load balancer keeps idle connections, so that we never close one it is about to use.
keepalive = 75
# Its place is the home directory, where instances on one machine would take it from each other.
control_socket_disable = True

logconfig_dict = LOGGING

_metrics_directory = files.own_directory()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a worker the place among the metrics that a dead one has left."""
    worker.slot = files.free_slot(other.slot for other in server.WORKERS.values())


def post_fork(_: Any, worker: Any) -> None:
    """Let the worker count there."""
    files.take_slot(_metrics_directory, worker.slot)


def child_exit(_: Any, worker: Any) -> None:
    """A dead worker has no state any more; what it counted stays."""
    files.leave_slot(_metrics_directory, worker.slot)


def on_exit(_: Any) -> None:
    """Leave nothing behind."""
    files.remove_directory(_metrics_directory)
