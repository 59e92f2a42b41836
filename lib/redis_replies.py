"""Replies of redis-py with the types that they have here: no client of ours decodes strings: they are bytes.

redis-py's own types allow for text and for awaitables too, whatever the client. Every function raises
`redis.InvalidResponse`, `TypeError` or `ValueError` for a reply of another kind.
"""

from typing import Any

from redis.exceptions import InvalidResponse


def optional_bytes(reply: object) -> bytes | None:
    """The value of a key or field; None where it is missing."""
    if reply is None or isinstance(reply, bytes):
        return reply
    raise InvalidResponse(f"Redis gave {type(reply).__name__} for a string")


def number(reply: object) -> int:
    """The number that a key or field holds; 0 where it is missing."""
    return int(optional_bytes(reply) or 0)


def bytes_list(reply: Any) -> list[bytes | None]:
    """The values of several keys or fields, None for each that is missing."""
    return [optional_bytes(value) for value in reply]


def bytes_dict(reply: Any) -> dict[bytes, bytes]:
    """The fields of a hash."""
    return dict(reply)


def ids(reply: Any) -> list[int]:
    """The members of a set of ids."""
    return [int(member) for member in reply]


def scored_ids(reply: Any) -> list[tuple[int, int]]:
    """The members of a sorted set of ids, each with its score."""
    return [(int(member), int(score)) for member, score in reply]


def stream_entries(reply: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of a stream: id and fields."""
    return list(reply)
