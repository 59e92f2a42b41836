"""What counts as an answer of DynamoDB. A click leaves the log only for one that nothing else would give.

Proxies, portals and maintenance pages answer with status 200 as well, and with JSON.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple
from zlib import crc32

OK = 200
WRITE_MEMBERS = frozenset(("UnprocessedItems", "ItemCollectionMetrics", "ConsumedCapacity"))
READ_MEMBERS = frozenset(("Item", "ConsumedCapacity"))
TABLE_ARN = re.compile(r"arn:[\w-]+:dynamodb:[\w-]*:\d*:table/(?P<name>[\w.-]+)")


class NotDynamoDB(Exception):
    """An answer that DynamoDB does not give; the message says what is wrong with it, and shows none of it."""


class RawAnswer(NamedTuple):
    """An answer as it came, before anybody has read it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def left_lids(answer: RawAnswer, table: str, sent: Collection[str]) -> set[str]:
    """Return the lids of a batch that BatchWriteItem left for later, of those `sent` to `table`.

    Raises `NotDynamoDB` unless the answer is BatchWriteItem's, whole, and about our table and items alone.
    """
    tables = _members(answer, WRITE_MEMBERS).get("UnprocessedItems")
    if not isinstance(tables, dict):
        raise NotDynamoDB("it has no UnprocessedItems")
    left: set[str] = set()
    for name, requests in tables.items():
        if not _is_same_table(name, table):
            raise NotDynamoDB("it tells of another table")
        if not isinstance(requests, list) or not requests:
            raise NotDynamoDB("its UnprocessedItems are no requests")
        left.update(map(_lid, requests))
    if not left <= set(sent):
        raise NotDynamoDB("it leaves items that were not sent")
    return left


def check_read(answer: RawAnswer) -> None:
    """Raise `NotDynamoDB` unless the answer is GetItem's."""
    found = _members(answer, READ_MEMBERS)
    if not isinstance(found.get("Item", {}), dict):
        raise NotDynamoDB("its Item is none")


def _members(answer: RawAnswer, known: frozenset[str]) -> dict[str, object]:
    """The JSON object that is the answer. Raises `NotDynamoDB`."""
    if answer.status != OK:
        raise NotDynamoDB(f"it has status {answer.status}")
    # The checksum is that of the bytes on the wire, which are others where they were compressed.
    checksum = None if "content-encoding" in answer.headers else answer.headers.get("x-amz-crc32")
    if checksum is not None and checksum.strip() != str(crc32(answer.body)):
        raise NotDynamoDB("its checksum (x-amz-crc32) does not match it")
    try:
        found = json.loads(answer.body, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise NotDynamoDB("it is not JSON") from error
    if not isinstance(found, dict):
        raise NotDynamoDB("it is not an object")
    if not found.keys() <= known:
        raise NotDynamoDB("it has members that DynamoDB's answer does not have")
    return found


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Of two members of one name, nobody can say which is meant.
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a name twice")
    return found


def _lid(request: object) -> str:
    match request:
        case {"PutRequest": {"Item": {"lid": {"S": str(lid), **others}}, **also}, **more} if not (
            others or also or more
        ):
            return lid
    raise NotDynamoDB("its UnprocessedItems are not the items of a batch")


def _is_same_table(one: str, other: str) -> bool:
    """Whether two names are one table's; in the settings and in the answer it may be its ARN."""
    arns = TABLE_ARN.fullmatch(one), TABLE_ARN.fullmatch(other)
    if all(arns):
        return one == other
    names = [arn["name"] if arn else name for arn, name in zip(arns, (one, other), strict=True)]
    return names[0] == names[1]
