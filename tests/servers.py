"""Web workers for tests: the real application on a real socket, in a process of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.services import LOCALHOST, Service, free_port


@contextmanager
def web_worker(**environment: str) -> Iterator[str]:
    """One web worker with the environment of the tests, changed by `environment`; gives its base URL."""
    port = free_port()
    variables = {"HOST": LOCALHOST, "PORT": str(port), "WEB_CONCURRENCY": "1", **environment}
    command = [
        *("/usr/bin/env", *(f"{name}={value}" for name, value in variables.items())),
        *(sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "cotraffic.asgi:application"),
    ]
    assert "DJANGO_SETTINGS_MODULE" in os.environ
    with Service("web worker", command, port):
        yield f"http://{LOCALHOST}:{port}"
