"""Web workers in which Django answers every click."""

from typing import Any, ClassVar

from cotraffic.web_worker import ClickWorker
from offers.http.protocol import ClickProtocol


class AllToDjango(ClickProtocol):
    """A connection on which no click is a plain one."""

    def _answers_click(self, *_: Any) -> bool:
        return False


class AllToDjangoWorker(ClickWorker):
    """A worker as in gunicorn.conf.py, with such connections."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {**ClickWorker.CONFIG_KWARGS, "http": AllToDjango}
