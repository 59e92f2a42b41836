"""Web workers in which every request takes the long way, past the click protocol's own answers."""

from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from offers.http.protocol import ClickProtocol


class LongWay(ClickProtocol):
    """A connection on which no click is a plain one."""

    def _is_plain(self) -> bool:
        return False


class LongWayWorker(UvicornWorker):  # type: ignore[misc]
    """A worker as in gunicorn.conf.py, with such connections."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": LongWay,
        "ws": "none",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
    }
