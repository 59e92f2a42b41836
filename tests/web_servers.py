"""Servers for tests and measurements: a web worker as in production, and a bare uvicorn.

In a web worker `offers/http/protocol.py` answers plain clicks; with `ALL_TO_DJANGO`, Django answers all.
"""

import os
import sys

from devstack.services import LOCALHOST, Service, free_port

# As the web workers of gunicorn.conf.py, but with uvicorn's own protocol.
_UVICORN_AS_WE_USE_IT = (
    *("--loop", "uvloop", "--http", "httptools", "--log-level", "warning"),
    *("--no-access-log", "--no-server-header", "--no-proxy-headers"),
)
# Options of `protocol_server`.
ALL_TO_DJANGO = ("--worker-class", "tests.all_to_django.AllToDjangoWorker")


def protocol_server(
    application: str = "cotraffic.asgi:application", *options: str, **environment: str
) -> Service:
    """A gunicorn with one worker, as in production."""
    port = free_port()
    gunicorn = (
        "-m",
        "gunicorn",
        "--config",
        "gunicorn.conf.py",
        "--log-level",
        "warning",
        *options,
        application,
    )
    return _server("worker", port, gunicorn, {"WEB_CONCURRENCY": "1", **environment})


def uvicorn_server(application: str, **environment: str) -> Service:
    """A uvicorn with its own protocol; `application` as in "tests.bench.constant:application"."""
    port = free_port()
    uvicorn = ("-m", "uvicorn", "--host", LOCALHOST, "--port", str(port), *_UVICORN_AS_WE_USE_IT, application)
    return _server("uvicorn", port, uvicorn, environment)


def _server(name: str, port: int, command: tuple[str, ...], environment: dict[str, str]) -> Service:
    variables = {"HOST": LOCALHOST, "PORT": str(port), **environment}
    assert "DJANGO_SETTINGS_MODULE" in os.environ, "tests.environment is to be prepared first"
    settings = [f"{name}={value}" for name, value in variables.items()]
    return Service(name, ["/usr/bin/env", *settings, sys.executable, *command], port)
