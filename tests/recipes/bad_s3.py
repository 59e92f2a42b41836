"""An S3 that misbehaves on demand, as a real HTTP server; it knows one object, whatever the path."""

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from devstack.services import LOCALHOST

LATE_SECONDS = 2.5


class BadS3:
    """`trouble` is one of "", "500", "403", "slow", "late", "truncated", "wrong checksum".

    Or it is the name of a header that the answer lacks.
    """

    def __init__(self) -> None:
        self.body = b""
        self.trouble = ""
        self.requests = 0
        bad_s3 = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                bad_s3.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOCALHOST, 0), Handler)
        self.url = f"http://{LOCALHOST}:{self._server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a GET as the trouble of the day has it."""
        self.requests += 1
        if self.trouble in ("500", "403"):
            request.send_response(int(self.trouble))
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        etag = '"0123456789abcdef0123456789abcdef"' if self.trouble == "wrong checksum" else self._etag()
        if self.trouble == "late":
            time.sleep(LATE_SECONDS)
        request.send_response(200)
        headers = {
            "Content-Length": str(len(self.body)),
            "ETag": etag,
            "Last-Modified": "Mon, 23 Nov 2026 20:00:00 GMT",
        }
        for name, value in headers.items():
            if name != self.trouble:
                request.send_header(name, value)
        request.end_headers()
        if self.trouble == "slow":
            request.wfile.write(self.body[:5])
            request.wfile.flush()
            time.sleep(3)
            return
        request.wfile.write(self.body[: len(self.body) // 2] if self.trouble == "truncated" else self.body)
        request.close_connection = True

    def _etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
