"""The ways into `/offer` one by one, for tests and measurements, and servers that open only one of them.

In a web worker a click takes the shortest way that it may: the parser's callback, else the lane, else Django.
"""

import os
import sys
from typing import Any

from devstack.services import LOCALHOST, Service, free_port

# As the web workers of gunicorn.conf.py, but with uvicorn's own protocol.
_UVICORN_AS_WE_USE_IT = (
    *("--loop", "uvloop", "--http", "httptools", "--log-level", "warning"),
    *("--no-access-log", "--no-server-header", "--no-proxy-headers"),
)


async def lane(scope: Any, receive: Any, send: Any) -> None:
    """The application as it is: plain clicks take the lane."""
    from cotraffic.asgi import application

    await application(scope, receive, send)


async def django(scope: Any, receive: Any, send: Any) -> None:
    """Everything goes to Django, plain clicks too."""
    from cotraffic.asgi import django_application, lifespan

    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    else:
        await django_application(scope, receive, send)


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
    """A uvicorn with its own protocol; `application` as in "tests.doors:django"."""
    port = free_port()
    uvicorn = ("-m", "uvicorn", "--host", LOCALHOST, "--port", str(port), *_UVICORN_AS_WE_USE_IT, application)
    return _server("uvicorn", port, uvicorn, environment)


def _server(name: str, port: int, command: tuple[str, ...], environment: dict[str, str]) -> Service:
    variables = {"HOST": LOCALHOST, "PORT": str(port), **environment}
    assert "DJANGO_SETTINGS_MODULE" in os.environ, "tests.environment is to be prepared first"
    settings = [f"{name}={value}" for name, value in variables.items()]
    return Service(name, ["/usr/bin/env", *settings, sys.executable, *command], port)
