"""Live counts in Redis, in the shared one if there is one. Only this module has their keys.

- `caps:<kind>:<record id>:<digest of the version>`: a hash of `clicks`, those counted since the version's
  first click, and `since_s`, when that was, in seconds since the epoch.
"""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from offers.live_caps.counts import CountRow

# Longer than a month, the longest period of a limit. A version without clicks for this long starts anew.
KEPT_SECONDS = 40 * 24 * 3600


class CountSeen(msgspec.Struct, frozen=True):
    """The clicks counted for a version of a record, since `since_s` of the epoch (None: none yet)."""

    clicks: int = 0
    since_s: int | None = None


def key(name: str) -> str:
    """Return the key of a count."""
    return f"caps:{name}"


def script_arguments(rows: Sequence[CountRow] = ()) -> list[str | int]:
    """Return the arguments of append.lua about live counts, which follow the time that visitors are kept."""
    arguments: list[str | int] = [KEPT_SECONDS, len(rows)]
    for row in rows:
        arguments += (key(row.count.name), row.count.room, row.owed, ",".join(map(str, row.places)))
    return arguments


def add_to(pipe: Any, rows: Sequence[CountRow]) -> None:
    """Add a batch's clicks to their counts by one command each."""
    for row in rows:
        pipe.hincrby(key(row.count.name), "clicks", row.owed + len(row.places))
    # Only when this worker sees a version for the first time, to save two commands for each batch.
    new = [key(row.count.name) for row in rows if row.count.total == 0]
    for name in new:
        pipe.hsetnx(name, "since_s", int(time.time()))
        pipe.expire(name, KEPT_SECONDS)


async def read_counts(redis: Any, names: Sequence[str]) -> dict[str, CountSeen]:
    """Read counts by name, from a single Redis or a cluster. Raises redis-py's errors."""
    if not names:
        return {}
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.hmget(key(name), "clicks", "since_s")
    found = await pipe.execute()
    return {
        name: CountSeen(int(clicks or 0), int(since_s) if since_s else None)
        for name, (clicks, since_s) in zip(names, found, strict=True)
    }
