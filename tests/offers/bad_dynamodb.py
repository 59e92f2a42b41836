"""A DynamoDB that misbehaves on demand, as a real HTTP server in a thread; it knows BatchWriteItem alone."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from devstack.services import LOCALHOST

TYPES = "com.amazonaws.dynamodb.v20120810#"
ERRORS = {
    "throttled": (400, "ProvisionedThroughputExceededException", "The level of throughput was exceeded."),
    "forbidden": (400, "AccessDeniedException", "User: x is not authorized to perform this."),
    "no table": (400, "ResourceNotFoundException", "Requested resource not found"),
    "other key": (400, "ValidationException", "The provided key element does not match the schema"),
    "500": (500, "InternalServerError", "The request processing has failed."),
}


class BadDynamoDB:
    """`trouble` is "", a name of `ERRORS`, "half left", "all left", "html", "no answer" or "slow".

    It lasts for `troubled_requests` requests. `poison` are lids that no batch may hold.
    """

    def __init__(self) -> None:
        self.trouble = ""
        self.troubled_requests = 1_000_000
        self.poison: set[str] = set()
        self.items: dict[str, dict[str, Any]] = {}
        self.puts: Counter[str] = Counter()
        self.batches: list[int] = []
        self._lock = threading.Lock()
        bad = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without it, head and body leave in two packets, and the second waits for the first to arrive.
            wbufsize = -1

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, kind, answer = bad.answer(body["RequestItems"])
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Clients that gave up are what this is for."""

        self._server = Server((LOCALHOST, 0), Handler)
        self.url = f"http://{LOCALHOST}:{self._server.server_address[1]}"

    def answer(self, tables: dict[str, list[dict[str, Any]]]) -> tuple[int, str, bytes]:
        """Status, content type and body for a batch."""
        ((table, requests),) = tables.items()
        with self._lock:
            self.batches.append(len(requests))
            trouble = self.trouble if self.troubled_requests > 0 else ""
            self.troubled_requests -= 1
        if trouble == "html":
            return 200, "text/html", b"<html>Please log in.</html>"
        if trouble in ERRORS:
            return _error(*ERRORS[trouble])
        if trouble in ("no answer", "slow"):
            time.sleep(1.5 if trouble == "no answer" else 0.2)
        lids = [request["PutRequest"]["Item"]["lid"]["S"] for request in requests]
        if len(set(lids)) < len(lids):
            return _error(400, "ValidationException", "Provided list of item keys contains duplicates")
        if self.poison & set(lids):
            return _error(400, "ValidationException", "Item size has exceeded the maximum allowed size")
        left = {"half left": requests[1::2], "all left": requests}.get(trouble, [])
        with self._lock:
            for lid, request in zip(lids, requests, strict=True):
                if request not in left:
                    self.items[lid] = request["PutRequest"]["Item"]
                    self.puts[lid] += 1
        return _json(200, {"UnprocessedItems": {table: left} if left else {}})

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _json(status: int, answer: dict[str, Any]) -> tuple[int, str, bytes]:
    return status, "application/x-amz-json-1.0", json.dumps(answer).encode()


def _error(status: int, code: str, message: str) -> tuple[int, str, bytes]:
    return _json(status, {"__type": TYPES + code, "message": message})
