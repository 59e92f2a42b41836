"""How gunicorn serves the site: `gunicorn cotraffic.asgi:application` reads this file by itself."""

import ctypes
import gc
import os
import resource
import signal
from typing import Any

from cotraffic.ops.metrics import files
from cotraffic.settings import HOST, LOGGING, PORT, WEB_CONCURRENCY, WEB_MAX_REQUESTS
from cotraffic.web_worker import ClickWorker

# From linux/prctl.h.
PR_SET_PDEATHSIG = 1

bind = f"[{HOST}]:{PORT}" if ":" in HOST else f"{HOST}:{PORT}"
worker_class = ClickWorker
workers = WEB_CONCURRENCY

# The application is loaded once, and workers share its memory until they write to it: four of them and their
# master take 262 MB instead of 364. A SIGHUP renews the workers but not the code: an upgrade is a restart.
preload_app = True

# 0: workers live on. Otherwise each is replaced after this many requests and up to a tenth more, so that they
# do not go together. For use if memory should ever grow; it has a price, as a new worker starts with empty
# caches.
max_requests = WEB_MAX_REQUESTS
max_requests_jitter = max_requests // 10

# Seconds to finish what is under way after SIGTERM, before a worker is killed.
graceful_timeout = 20
# Seconds a worker may be silent before it is killed and replaced: one whose event loop hangs answers nobody.
timeout = 30
# Workers show here that they live. In memory, because on a disk that hangs all workers would seem to hang.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
# Seconds: longer than a load balancer keeps idle connections, so that we never close one it is about to use.
keepalive = 75
# The control socket is in the home directory, where instances on one machine would take it from each other.
control_socket_disable = True

logconfig_dict = LOGGING

_metrics_directory = files.own_directory()


def when_ready(_: Any) -> None:
    """Freeze all objects before forking, so that the garbage collector does not un-share their pages.

    A collection writes to the header of every object that it visits, and the kernel then copies the page for
    that worker. Frozen objects are not visited. The collection before leaves no garbage to be frozen.
    """
    gc.collect()
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a worker the metrics slot of a dead one, so that its counters go on and never fall.

    This runs in the master, which alone knows the slots of all workers.
    """
    worker.slot = files.free_slot(other.slot for other in server.WORKERS.values())


def post_fork(_: Any, worker: Any) -> None:
    """Open the worker's metrics slot, and end the worker when its master is killed.

    An orphan would keep the port, so that the next master could not start.
    """
    files.take_slot(_metrics_directory, worker.slot)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    _allow_descriptors()


def child_exit(_: Any, worker: Any) -> None:
    """Delete a dead worker's gauges; its counters stay for the worker that takes its slot."""
    files.leave_slot(_metrics_directory, worker.slot)


def on_exit(_: Any) -> None:
    """Delete the metrics files of this master."""
    files.remove_directory(_metrics_directory)


def _allow_descriptors() -> None:
    """Raise the soft limit of open files to the hard one: every connection takes a descriptor."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
