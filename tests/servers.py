"""Web workers for tests: the real application on a real socket, in a process of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.services import LOCALHOST, Service, free_port


@contextmanager
def web_worker(**environment: str) -> Iterator[str]:
    """One uvicorn worker with the environment of the tests, changed by `environment`; gives its base URL."""
    port = free_port()
    command = [
        *("/usr/bin/env", *(f"{name}={value}" for name, value in environment.items())),
        *(sys.executable, "-m", "uvicorn", "cotraffic.asgi:application"),
        *(
            "--host",
            LOCALHOST,
            "--port",
            str(port),
            "--lifespan",
            "on",
            "--no-access-log",
            "--no-proxy-headers",
        ),
    ]
    assert "DJANGO_SETTINGS_MODULE" in os.environ
    with Service("web worker", command, port):
        yield f"http://{LOCALHOST}:{port}"
