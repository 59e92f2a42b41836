"""Something that answers in the place of DynamoDB or SQS, as a portal or a proxy does."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self

from devstack.services import LOCALHOST


class Answer(NamedTuple):
    """What it answers to everything."""

    body: bytes
    status: int = 200
    kind: str = "application/x-amz-json-1.0"
    headers: tuple[tuple[str, str], ...] = ()
    delay_seconds: float = 0


class Request(NamedTuple):
    """What it was asked; names of headers in lower case, `client` is the other end's port."""

    path: str
    headers: dict[str, str]
    body: bytes
    client: int


class Impostor:
    """A real HTTP server in a thread, which gives `answer`."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        impostor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                names = {name.lower(): value for name, value in self.headers.items()}
                impostor.requests.append(Request(self.path, names, asked, self.client_address[1]))
                body, status, kind, headers, delay_seconds = impostor.answer
                time.sleep(delay_seconds)
                self.send_response(status)
                for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOCALHOST, 0), Handler)
        self.url = f"http://{LOCALHOST}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
