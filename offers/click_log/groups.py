"""Consumer groups of the click log: who has read and acknowledged what."""

import time
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import ResponseError

from lib.redis_replies import stream_entries
from offers.click_log import scripts
from offers.click_log.types import Entry

RATE_KEPT_SECONDS = 2 * 3600
OWN, NEW = "0", ">"
# redis-py makes a dictionary of each entry of a command that it knows by name, and it knows texts alone.
XREADGROUP = b"XREADGROUP"


class ConsumerGroup:
    """One group of the log. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis, log: str, name: str) -> None:
        self.name = name
        self._redis = redis
        self._log = log
        self._write: Script = redis.register_script(scripts.WRITE)
        self._acknowledge: Script = redis.register_script(scripts.ACKNOWLEDGE)

    def create(self) -> None:
        """Create the group if it is missing, as in an empty Redis; it begins with the oldest entry.

        If it exists nothing is written, so a Redis that takes no writes can still be read.
        """
        if self.find() is not None:
            return
        try:
            self._write(args=["XGROUP", "CREATE", self._log, self.name, "0", "MKSTREAM"])
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def destroy(self) -> None:
        """Forget the group, if there is one: the log keeps nothing for it any more."""
        if self.find() is not None:
            self._redis.xgroup_destroy(self._log, self.name)

    def read_own(self, consumer: str, count: int) -> list[Entry]:
        """Return up to `count` entries that this consumer has read before but not acknowledged."""
        return self._entries(self._read(consumer, OWN, count))

    def read_new(self, consumer: str, count: int) -> list[Entry]:
        """Return up to `count` entries that no consumer has read yet."""
        return self._entries(self._read(consumer, NEW, count))

    def claim(self, consumer: str, idle_ms: int, count: int) -> list[Entry]:
        """Take over up to `count` entries whose consumer is dead: idle for `idle_ms`."""
        reply = self._redis.xautoclaim(self._log, self.name, consumer, idle_ms, count=count)
        return [entry_of(*found) for found in reply[1]]

    def acknowledge(self, totals: str, counter: str, ids: list[str]) -> int:
        """Acknowledge entries. Returns how many nobody had acknowledged before; `totals` counts them, too."""
        minute = minute_key(counter, int(time.time()) // 60)
        arguments: list[str | int] = [self.name, counter, RATE_KEPT_SECONDS, *ids]
        return int(self._acknowledge(keys=[self._log, totals, minute], args=arguments))

    def find(self) -> dict[str, Any] | None:
        """Return what Redis knows of the group; None if it does not exist."""
        groups = all_groups(self._redis, self._log)
        return next((group for group in groups if group["name"] == self.name.encode()), None)

    def backlog(self, length: int) -> int:
        """Return how many of the log's `length` entries the group has not acknowledged."""
        group = self.find()
        if group is None:
            raise ResponseError(f"the log has no {self.name} group any more")
        # Redis cannot always tell how much the group has not read; it is never more than there is.
        lag = length if group["lag"] is None else group["lag"]
        return int(group["pending"]) + int(lag)

    def oldest_age(self, now: float) -> float | None:
        """Return the seconds for which the oldest entry has waited for this group; None if none waits."""
        found = self._redis.xrange(
            self._log, min=first_needed(self._redis, self._log, self.name, alone=True), count=1
        )
        oldest = stream_entries(found)
        if not oldest:
            return None
        return max(0.0, now - int(oldest[0][0].split(b"-")[0]) / 1000)

    def _read(self, consumer: str, after: str, count: int) -> list[tuple[bytes, list[bytes] | None]]:
        """Return entries as Redis does: an id, and fields and values in turn; None where it was deleted."""
        reply: Any = self._redis.execute_command(  # type: ignore[no-untyped-call]
            XREADGROUP, "GROUP", self.name, consumer, "COUNT", count, "STREAMS", self._log, after
        )
        if not reply:
            return []
        # By the protocol of the connection.
        ((_, found),) = reply.items() if isinstance(reply, dict) else reply
        return list(found)

    def _entries(self, found: Sequence[tuple[bytes, list[bytes] | None]]) -> list[Entry]:
        if gone := [id_ for id_, kept in found if not kept]:
            # They were deleted from the log; they would come up for ever.
            self._redis.xack(self._log, self.name, *gone)
        return [entry_of_parts(id_, kept) for id_, kept in found if kept]


def minute_key(counter: str, minute: int) -> str:
    """Return the key of a group's count in a minute since the epoch."""
    return f"clicks:{counter}:{minute}"


def all_groups(redis: Redis, log: str) -> list[dict[str, Any]]:
    """Return what Redis knows of every group of the log."""
    try:
        groups: list[dict[str, Any]] = redis.xinfo_groups(log)
    except ResponseError as error:
        if "no such key" in str(error):
            return []
        raise
    return groups


def first_needed(redis: Redis, log: str, name: str, *, alone: bool = False) -> str:
    """Return the id before which a group, and unless `alone` all others, have acknowledged every entry."""
    needed: list[tuple[int, int]] = []
    is_found = False
    # Read first: what a worker reads between the requests lies behind it, and is kept.
    for group in all_groups(redis, log):
        its_name = group["name"].decode()
        is_found = is_found or its_name == name
        if alone and its_name != name:
            continue
        pending = redis.xpending(log, its_name)
        if pending["pending"]:
            needed.append(number_of(pending["min"]))
        else:
            milliseconds, sequence = number_of(group["last-delivered-id"])
            needed.append((milliseconds, sequence + 1))
    if not is_found:
        # Somebody deleted the log or its group a moment ago.
        raise ResponseError(f"the log has no {name} group any more")
    milliseconds, sequence = min(needed)
    return f"{milliseconds}-{sequence}"


def number_of(entry_id: bytes) -> tuple[int, int]:
    """Return the two numbers of an entry's id, by which ids are ordered."""
    milliseconds, _, sequence = entry_id.decode().partition("-")
    return int(milliseconds), int(sequence or 0)


def entry_of(id_: bytes, kept: dict[bytes, bytes]) -> Entry:
    """Make an entry of what Redis returns."""
    # An entry that somebody else wrote must not stop the clicks behind it.
    return Entry(id_.decode(), kept.get(b"click", b""), kept.get(b"unique", b"").decode(errors="replace"))


def entry_of_parts(id_: bytes, kept: list[bytes]) -> Entry:
    """Make an entry of its fields and values in turn."""
    match kept:
        case [b"click", click, b"unique", unique]:
            return Entry(id_.decode(), click, unique.decode(errors="replace"))
    return entry_of(id_, dict(zip(kept[::2], kept[1::2], strict=True)))
