"""Decides what counts as an answer of DynamoDB: a click leaves the log only for one that nothing else gives.

Proxies, portals and maintenance pages answer with status 200 and JSON, too.
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
    """An answer that DynamoDB would not give; the message says what is wrong, and quotes nothing of it."""


class RawAnswer(NamedTuple):
    """An answer as it came, not parsed yet; the names of its headers are in lower case."""

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


def found_item(answer: RawAnswer) -> dict[str, object] | None:
    """Return the item that GetItem found, or None. Raises `NotDynamoDB` unless the answer is GetItem's."""
    members = _members(answer, READ_MEMBERS)
    if "Item" not in members:
        return None
    found = members["Item"]
    if not isinstance(found, dict):
        raise NotDynamoDB("its Item is none")
    return found


def _members(answer: RawAnswer, known: frozenset[str]) -> dict[str, object]:
    """Return the members of the answer, a JSON object. Raises `NotDynamoDB`."""
    if answer.status != OK:
        raise NotDynamoDB(f"it has status {answer.status}")
    # The checksum covers the bytes on the wire, which differ from ours if they were compressed.
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
    # If a name comes twice, nobody can say which member is meant.
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
    """Return whether two names mean one table; either may be its ARN."""
    arns = TABLE_ARN.fullmatch(one), TABLE_ARN.fullmatch(other)
    if all(arns):
        return one == other
    names = [arn["name"] if arn else name for arn, name in zip(arns, (one, other), strict=True)]
    return names[0] == names[1]
