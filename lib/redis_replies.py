"""Replies of redis-py with the types that they have here: no client of ours decodes strings: they are bytes.

redis-py's own types allow for text and for awaitables too, whatever the client. Every function raises
`redis.InvalidResponse`, `TypeError` or `ValueError` for a reply of another kind.
"""

from collections.abc import Collection
from typing import Any

from redis.exceptions import InvalidResponse


def optional_bytes(reply: object) -> bytes | None:
    """The value of a key or field; None where it is missing."""
    if reply is None or isinstance(reply, bytes):
        return reply
    raise _unexpected(reply, "a string")


def number(reply: object) -> int:
    """The number that a key or field holds; 0 where it is missing."""
    return int(optional_bytes(reply) or 0)


def bytes_list(reply: object) -> list[bytes | None]:
    """The values of several keys or fields, None for each that is missing."""
    return [optional_bytes(value) for value in _members(reply)]


def bytes_dict(reply: object) -> dict[bytes, bytes]:
    """The fields of a hash."""
    if isinstance(reply, dict):
        return reply
    raise _unexpected(reply, "a hash")


def ids(reply: object) -> list[int]:
    """The members of a set of ids."""
    return [int(member) for member in _members(reply)]


def scored_ids(reply: object) -> list[tuple[int, int]]:
    """The members of a sorted set of ids, each with its score."""
    return [(int(member), int(score)) for member, score in _members(reply)]


def stream_entries(reply: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of a stream: id and fields."""
    return [(entry_id, bytes_dict(fields)) for entry_id, fields in _members(reply)]


def _members(reply: object) -> Collection[Any]:
    if isinstance(reply, list | set):
        return reply
    raise _unexpected(reply, "a collection")


def _unexpected(reply: object, wanted: str) -> InvalidResponse:
    return InvalidResponse(f"Redis returned {type(reply).__name__} instead of {wanted}")
