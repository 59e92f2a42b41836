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
import hashlib
import os
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import uvloop

from devstack.services import LOCALHOST

MODES = {
    "ok": "take everything",
    "throttle_half": "leave every second item of a batch unprocessed",
    "throttle_all": "refuse every batch as too much (400)",
    "hang": "never answer; every second request is carried out all the same",
    "error_500": "fail every request",
}
MAX_ITEMS = 25
KEY = "lid"
TARGET = "DynamoDB_20120810."
TYPES = "com.amazonaws.dynamodb.v20120810#"


class _Key(msgspec.Struct):
    S: str | None = None


class _Keyed(msgspec.Struct):
    lid: _Key | None = None


class _Put(msgspec.Struct):
    Item: msgspec.Raw


class _Request(msgspec.Struct):
    PutRequest: _Put | None = None


class _Batch(msgspec.Struct):
    RequestItems: dict[str, list[_Request]]


class _PutItem(msgspec.Struct):
    TableName: str
    Item: msgspec.Raw


_batch_decoder = msgspec.json.Decoder(_Batch)
_put_decoder = msgspec.json.Decoder(_PutItem)
_key_decoder = msgspec.json.Decoder(_Keyed)


class Rejected(Exception):
    """A request that DynamoDB refuses: the name of its exception, and the message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Puts(NamedTuple):
    """What is known of one lid: digest of the first item, how often it was put, how many puts differed."""

    digest: bytes
    times: int
    differing: int


def digest(item: bytes) -> bytes:
    """Eight bytes that are equal for items of equal content, however their members are ordered."""
    content = msgspec.json.encode(msgspec.json.decode(item), order="deterministic")
    return hashlib.blake2b(content, digest_size=8).digest()


class Store:
    """The lids and their puts; with a file, every put is in it before it is answered."""

    def __init__(self, path: Path | None) -> None:
        """Read what the file holds from before. Raises OSError when it cannot be read or made."""
        self.lids: dict[str, Puts] = {}
        self.puts = self.repeats = self.differing = 0
        self._file: int | None = None
        if path is None:
            return
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        for line in path.read_bytes().split(b"\n")[:-1]:
            content, _, lid = line.partition(b" ")
            self._count(lid.decode(), bytes.fromhex(content.decode()))

    def put(self, items: list[tuple[str, bytes]]) -> None:
        """Take items, each with its lid."""
        puts = [(lid, digest(item)) for lid, item in items]
        if self._file is not None and puts:
            os.write(self._file, b"".join(b"%s %s\n" % (at.hex().encode(), lid.encode()) for lid, at in puts))
        for lid, content in puts:
            self._count(lid, content)

    def clear(self) -> None:
        """Forget everything."""
        self.lids.clear()
        self.puts = self.repeats = self.differing = 0
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def _count(self, lid: str, content: bytes) -> None:
        self.puts += 1
        known = self.lids.get(lid)
        if known is None:
            self.lids[lid] = Puts(content, 1, 0)
            return
        differs = int(known.digest != content)
        self.repeats += 1
        self.differing += differs
        self.lids[lid] = Puts(known.digest, known.times + 1, known.differing + differs)


class Table:
    """Answers requests by `Store`, in whatever mode it is put."""

    def __init__(self, store: Store, name: str | None) -> None:
        self.mode = "ok"
        self.store = store
        self._name = name
        self._counts = {"requests": 0, "rejected": 0, "throttled_items": 0, "hung": 0, "failed": 0}

    def call(self, operation: str, body: bytes) -> bytes | None:
        """The answer's body; None: there is none, ever. Raises Rejected."""
        self._counts["requests"] += 1
        try:
            if self.mode == "error_500":
                raise Rejected("InternalServerError", "The request processing has failed.")
            if self.mode == "throttle_all":
                message = "The level of configured provisioned throughput for the table was exceeded."
                raise Rejected("ProvisionedThroughputExceededException", message)
            if self.mode == "hang":
                self._counts["hung"] += 1
                if self._counts["hung"] % 2:
                    return None
            answer = self._carry_out(operation, body)
        except Rejected as refusal:
            self._counts["failed" if refusal.kind == "InternalServerError" else "rejected"] += 1
            raise
        return None if self.mode == "hang" else answer

    def stats(self) -> dict[str, Any]:
        """Counts since the start (or `/_clear`), in requests or items."""
        store = self.store
        return self._counts | {
            "mode": self.mode,
            "lids": len(store.lids),
            "puts": store.puts,
            "repeats": store.repeats,
            "differing": store.differing,
        }

    def clear(self) -> None:
        """Forget all items and counts; the mode stays."""
        self.store.clear()
        self._counts = dict.fromkeys(self._counts, 0)

    def _carry_out(self, operation: str, body: bytes) -> bytes:
        try:
            if operation == "BatchWriteItem":
                return self._batch(_batch_decoder.decode(body))
            if operation == "PutItem":
                put = _put_decoder.decode(body)
                self._check_table(put.TableName)
                self.store.put([(_lid(put.Item), bytes(put.Item))])
                return b"{}"
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise Rejected("SerializationException", str(problem)) from None
        if operation in ("DescribeTable", "CreateTable"):
            return msgspec.json.encode({"Table": {"TableName": self._name, "TableStatus": "ACTIVE"}})
        raise Rejected("UnknownOperationException", f"{operation} is not known here")

    def _batch(self, batch: _Batch) -> bytes:
        tables = batch.RequestItems
        for name in tables:
            self._check_table(name)
        if not tables or not 1 <= sum(len(requests) for requests in tables.values()) <= MAX_ITEMS:
            raise Rejected("ValidationException", f"1 to {MAX_ITEMS} requests are allowed in a batch")
        unprocessed: dict[str, list[_Request]] = {}
        taken: list[tuple[str, bytes]] = []
        for name, requests in tables.items():
            items = [self._item(request) for request in requests]
            if len({lid for lid, _ in items}) < len(items):
                raise Rejected("ValidationException", "Provided list of item keys contains duplicates")
            if self.mode == "throttle_half":
                taken += items[::2]
                if left := requests[1::2]:
                    unprocessed[name] = left
                    self._counts["throttled_items"] += len(left)
            else:
                taken += items
        # Only now: a batch with one item that is refused is refused as a whole.
        self.store.put(taken)
        if not unprocessed:
            return b'{"UnprocessedItems":{}}'
        return msgspec.json.encode({"UnprocessedItems": unprocessed})

    def _check_table(self, name: str) -> None:
        if self._name is not None and name != self._name:
            raise Rejected("ResourceNotFoundException", "Requested resource not found")

    def _item(self, request: _Request) -> tuple[str, bytes]:
        if request.PutRequest is None:
            raise Rejected("ValidationException", "only PutRequest is known here")
        item = request.PutRequest.Item
        return _lid(item), bytes(item)


def _lid(item: msgspec.Raw) -> str:
    try:
        key = _key_decoder.decode(item).lid
    except msgspec.ValidationError:
        key = _Key()
    if key is None:
        raise Rejected("ValidationException", f"One of the required keys was not given a value: {KEY}")
    if key.S is None:
        message = "The provided key element does not match the schema"
        raise Rejected("ValidationException", message)
    if not key.S:
        message = "One or more parameter values are not valid. The AttributeValue for a key attribute "
        raise Rejected("ValidationException", message + f"cannot contain an empty string value. Key: {KEY}")
    return key.S


class _Connection(asyncio.Protocol):
    """One client: just enough HTTP/1.1 for botocore, httpx and curl."""

    def __init__(self, table: Table) -> None:
        self._table = table
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
            if answer is not None:
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


async def serve(port: int, table: Table) -> None:
    """Serve on localhost until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await loop.create_server(lambda: _Connection(table), LOCALHOST, port)
    await ended.wait()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.dynamodb_stub", description=__doc__.split("\n")[0])
    parser.add_argument("port", type=int, help="where it listens on localhost")
    parser.add_argument("--store", type=Path, help="the file that keeps the puts (default: only memory)")
    parser.add_argument("--table", help="the only table there is (default: any)")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(options.port, Table(Store(options.store), options.table)))


def command(port: int, store: Path | None = None) -> list[str]:
    """The command line that runs it."""
    return [
        sys.executable,
        *("-m", "tests.dynamodb_stub", str(port)),
        *(("--store", str(store)) if store else ()),
    ]


if __name__ == "__main__":
    main()
