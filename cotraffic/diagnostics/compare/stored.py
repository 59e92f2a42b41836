"""Reads click records that another server has stored, from files or from its DynamoDB table."""

import gzip
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import boto3
import msgspec
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from offers.delivery.dynamodb import endpoint_url

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

GZIP_MARK = b"\x1f\x8b"
CONNECT_SECONDS, READ_SECONDS = 5, 30

# Called with the progress of the reading, and its total (None: unknown).
Progress = Callable[[int, int | None], object]
ClickRecord = dict[str, object]
_plain = TypeDeserializer()


class CannotReadClicks(Exception):
    """The clicks cannot be read; the message says why."""


def clicks_in_file(path: str, progress: Progress) -> Iterator[ClickRecord | None]:
    """Yield the records of a file of JSON lines, None for each line that is not one; "-" is standard input.

    The file may be compressed with gzip, and its lines may have the form of DynamoDB's exports. Raises
    `CannotReadClicks`.
    """
    try:
        with ExitStack() as stack:
            raw = sys.stdin.buffer if path == "-" else stack.enter_context(Path(path).open("rb"))
            size = None if path == "-" else Path(path).stat().st_size
            counted = _Counted(raw)
            buffered = io.BufferedReader(counted)
            is_packed = buffered.peek(2)[:2] == GZIP_MARK
            lines = stack.enter_context(gzip.GzipFile(fileobj=buffered)) if is_packed else buffered
            for line in lines:
                if line.strip():
                    yield record_in(line)
                progress(counted.done, size)
    except (OSError, EOFError) as error:
        raise CannotReadClicks(f"{path}: {error}") from error


def record_in(line: bytes) -> ClickRecord | None:
    """Return the record in a line, None if the line is not a record."""
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    if not isinstance(found, dict):
        return None
    item = found.get("Item")
    return _of_dynamodb(item) if isinstance(item, dict) else found


def clicks_in_table(
    table: str, from_ms: int, until_ms: int, progress: Progress
) -> Iterator[ClickRecord | None]:
    """Yield the records of a DynamoDB table whose clicks came within a period, its end excluded.

    The table has no index of times, so all of it is read. Raises `CannotReadClicks`.
    """
    config = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"mode": "standard"})
    read = 0
    try:
        client = boto3.client(
            "dynamodb",
            region_name=settings.AWS_DYNAMODB_REGION,
            endpoint_url=endpoint_url(),
            config=config,
        )
        total = client.describe_table(TableName=table)["Table"].get("ItemCount")
        pages = client.get_paginator("scan").paginate(
            TableName=table,
            FilterExpression="dateAdded >= :from AND dateAdded < :until",
            ExpressionAttributeValues={":from": {"N": str(from_ms)}, ":until": {"N": str(until_ms)}},
        )
        for page in pages:
            for item in page["Items"]:
                yield _of_dynamodb(dict(item))
            read += page["ScannedCount"]
            # DynamoDB counts a table's items every six hours only.
            progress(read, max(read, total or 0))
    except (ClientError, BotoCoreError, ValueError) as error:
        raise CannotReadClicks(f"DynamoDB's table {table}: {error}") from error


def _of_dynamodb(item: "dict[str, AttributeValueTypeDef]") -> ClickRecord | None:
    """Return a record from the form that DynamoDB gives values, `{"S": "text"}`; None if one has it not."""
    try:
        return {name: _number(_plain.deserialize(value)) for name, value in item.items()}
    except (TypeError, AttributeError, ValueError):
        return None


def _number(value: object) -> object:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


class _Counted(io.RawIOBase):
    """A file that counts the bytes read from it, so that a compressed one has a progress, too."""

    def __init__(self, file: BinaryIO) -> None:
        self.done = 0
        self._file = file

    def readable(self) -> bool:
        """Return True, as `io.RawIOBase` asks of a file that can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read into a buffer, and count the bytes."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        part = self._file.read(len(view))
        view[: len(part)] = part
        self.done += len(part)
        return len(part)
