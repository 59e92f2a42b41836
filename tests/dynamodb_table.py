"""A DynamoDB table that counts: what it takes, what it refuses, what it was put. It knows nothing of HTTP."""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

MODES = {
    "ok": "take everything",
    "throttle_half": "leave every second item of a batch unprocessed",
    "throttle_all": "refuse every batch as too much (400)",
    "hang": "never answer; every second request is carried out all the same",
    "error_500": "fail every request",
    "garbage": "answer 200 with what is no answer of DynamoDB's, and carry nothing out",
}
MAX_ITEMS = 25
# What proxies and maintenance pages say with status 200, one after the other.
GARBAGE = (
    b"{}",
    b"",
    b'{"message":"ok"}',
    b"null",
    b"[]",
    b'{"UnprocessedItems":{"clic',
    b"<html>Back soon</html>",
)
KEY = "lid"


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
        self._counts = {
            "requests": 0,
            "rejected": 0,
            "throttled_items": 0,
            "hung": 0,
            "failed": 0,
            "garbage": 0,
        }

    def call(self, operation: str, body: bytes) -> bytes | None:
        """The answer's body; None: there is none, ever. Raises Rejected."""
        self._counts["requests"] += 1
        try:
            if self.mode == "error_500":
                raise Rejected("InternalServerError", "The request processing has failed.")
            if self.mode == "garbage":
                self._counts["garbage"] += 1
                return GARBAGE[self._counts["garbage"] % len(GARBAGE)]
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
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Rejected("SerializationException", str(error)) from None
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
