"""A DynamoDB that counts: `python -m tests.dynamodb_stub PORT [--store FILE] [--table NAME]`.

It takes BatchWriteItem and PutItem as DynamoDB does and keeps, for every lid, how often it was put and
whether a later put differed from the first. With `--store` it still knows all that after it was killed.

Beside DynamoDB's own protocol it answers:

- `POST /_mode` with `{"mode": "..."}`, one of `MODES`; `GET /_mode` gives it.
- `GET /_stats`: a JSON object of counts.
- `GET /_lids`: a line `<lid> <puts> <differing puts>` for every lid.
- `POST /_clear`: forget everything.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from devstack.services import LOCALHOST
from tests.dynamodb_table import MODES, Rejected, Store, Table

TARGET = "DynamoDB_20120810."
TYPES = "com.amazonaws.dynamodb.v20120810#"


class _Connection(asyncio.Protocol):
    """One client: just enough HTTP/1.1 for botocore, httpx and curl."""

    def __init__(self, table: Table, latency_ms: float = 0) -> None:
        self._table = table
        self._latency_seconds = latency_ms / 1000
        self._received = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            first, *lines = bytes(self._received[:end]).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (at.partition(":") for at in lines)}
            length = int(headers.get("content-length", 0))
            if len(self._received) < end + 4 + length:
                if headers.get("expect"):
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = bytes(self._received[end + 4 : end + 4 + length])
            del self._received[: end + 4 + length]
            method, path, _ = first.split(" ", 2)
            if path.startswith("/_"):
                self._control(method, path, body)
            else:
                self._operation(headers.get("x-amz-target", "").removeprefix(TARGET), body)

    def _operation(self, operation: str, body: bytes) -> None:
        try:
            answer = self._table.call(operation, body)
        except Rejected as refusal:
            failed = refusal.kind == "InternalServerError"
            told = {"__type": TYPES + refusal.kind, "message": str(refusal)}
            self._answer(500 if failed else 400, msgspec.json.encode(told))
        else:
            if answer is None:
                return
            if self._latency_seconds:
                asyncio.get_running_loop().call_later(self._latency_seconds, self._answer, 200, answer)
            else:
                self._answer(200, answer)

    def _control(self, method: str, path: str, body: bytes) -> None:
        table = self._table
        if (method, path) == ("POST", "/_mode"):
            mode = msgspec.json.decode(body).get("mode")
            if mode not in MODES:
                self._answer(400, msgspec.json.encode({"message": f"the modes are {', '.join(MODES)}"}))
                return
            table.mode = mode
        elif (method, path) == ("POST", "/_clear"):
            table.clear()
        elif (method, path) == ("GET", "/_lids"):
            lids = "".join(f"{lid} {at.times} {at.differing}\n" for lid, at in table.store.lids.items())
            self._answer(200, lids.encode(), "text/plain")
            return
        elif method != "GET" or path not in ("/_stats", "/_mode"):
            self._answer(404, b"{}")
            return
        self._answer(200, msgspec.json.encode(table.stats()))

    def _answer(self, status: int, body: bytes, kind: str = "application/x-amz-json-1.0") -> None:
        head = f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def serve(port: int, table: Table, latency_ms: float) -> None:
    """Serve on localhost until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await loop.create_server(lambda: _Connection(table, latency_ms), LOCALHOST, port)
    await ended.wait()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.dynamodb_stub", description=__doc__.split("\n")[0])
    parser.add_argument("port", type=int, help="where it listens on localhost")
    parser.add_argument("--store", type=Path, help="the file that keeps the puts (default: only memory)")
    parser.add_argument("--table", help="the only table there is (default: any)")
    parser.add_argument(
        "--latency-ms", type=float, default=0, help="how long every answer takes (default: 0)"
    )
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(options.port, Table(Store(options.store), options.table), options.latency_ms))


def command(port: int, store: Path | None = None, latency_ms: float = 0) -> list[str]:
    """The command line that runs it."""
    return [
        sys.executable,
        *("-m", "tests.dynamodb_stub", str(port)),
        *(("--store", str(store)) if store else ()),
        *(("--latency-ms", str(latency_ms)) if latency_ms else ()),
    ]


if __name__ == "__main__":
    main()
