"""The click log: the Redis stream that holds clicks until they are delivered. The only module with its keys.

Redis keys, all of this instance's own Redis:

- `clicks`: the stream. An entry has `click` (the record's JSON) and `unique`: "1", "0", "" (not wanted) or
  "assumed" (the shared Redis was away, so the visitor counts as unique).
- `clicks:dead`: a stream of what DynamoDB will never take: `click`, `unique` and `error`.
- `clicks:conversions`: conversion messages by the moment they are due, in milliseconds since the epoch.
- `clicks:totals`: counters since the beginning: `delivered`, `spooled`, `lost`.
- `clicks:delivered:<minute>`: clicks delivered in that minute since the epoch; kept for two hours.
- `seen:<campaign>:<fingerprint>`: the first characters of the lid of that visitor's first click in 24 hours.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

LOG = "clicks"
DEAD = "clicks:dead"
CONVERSIONS = "clicks:conversions"
TOTALS = "clicks:totals"
GROUP = "delivery"
SEEN_SECONDS = 24 * 3600
RATE_KEPT_SECONDS = 2 * 3600
# A consumer without entries that was not heard of for so long is gone for good.
FORGET_CONSUMER_MS = 3600_000

# KEYS: the log, the conversions. ARGV: the seconds a visitor counts as seen, then four for each click: its
# record, the mark of its visitor, what is known of its uniqueness, and "<due ms> <conversion message>"; the
# last three may be "". A record begins with {"lid":"…, and by its lid a click that is written a second time,
# after an answer was lost, is known to be the one that was unique.
APPEND = """
local log, conversions, seen_seconds = KEYS[1], KEYS[2], ARGV[1]
for at = 2, #ARGV, 4 do
  local click, mark, unique, conversion = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if mark ~= '' and unique == '' then
    local lid = string.sub(click, 9, 16)
    local first = redis.call('SET', 'seen:' .. mark, lid, 'NX', 'GET', 'EX', seen_seconds)
    unique = (not first or first == lid) and '1' or '0'
  end
  redis.call('XADD', log, '*', 'click', click, 'unique', unique)
  if conversion ~= '' then
    local space = string.find(conversion, ' ', 1, true)
    redis.call('ZADD', conversions, string.sub(conversion, 1, space - 1), string.sub(conversion, space + 1))
  end
end
return (#ARGV - 1) / 4
"""
APPEND_KEYS = (LOG, CONVERSIONS)
ARGUMENTS_PER_CLICK = 4
LID_TAG = slice(8, 16)

# Forgets consumers that hold nothing; a script, for between a look and a deletion one may come to hold.
_FORGET_CONSUMERS = """
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local of = {}
  for at = 1, #consumer, 2 do of[consumer[at]] = consumer[at + 1] end
  if of.pending == 0 and of.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
    forgotten = forgotten + 1
  end
end
return forgotten
"""

# Moves dead letters back into the log, so that delivery tries them again.
_REDELIVER = """
local moved = 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])) do
  local of = {}
  for at = 1, #entry[2], 2 do of[entry[2][at]] = entry[2][at + 1] end
  redis.call('XADD', KEYS[2], '*', 'click', of.click, 'unique', of.unique)
  redis.call('XDEL', KEYS[1], entry[1])
  moved = moved + 1
end
return moved
"""


class Entry(NamedTuple):
    """One click in the log; `id` begins with the milliseconds since the epoch at which it was written."""

    id: str
    click: bytes
    unique: str


class DeadLetter(NamedTuple):
    """One click that DynamoDB will never take as it is, and why."""

    id: str
    click: bytes
    unique: str
    error: str


class LogStatus(NamedTuple):
    """Where the clicks of this instance are. Ages in seconds; None where there is nothing."""

    length: int
    backlog: int
    oldest_age_seconds: float | None
    delivered_per_second: float
    delivered: int
    dead_letters: int
    conversions_due: int
    conversions_waiting: int
    spooled: int
    lost: int


class ClickLog:
    """The log as delivery and staff see it. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._forget_consumers = redis.register_script(_FORGET_CONSUMERS)
        self._redeliver = redis.register_script(_REDELIVER)
        self._append = redis.register_script(APPEND)

    def append(self, arguments: Sequence[str | bytes]) -> None:
        """Write clicks down, four arguments each as `APPEND` wants them."""
        self._append(keys=APPEND_KEYS, args=[SEEN_SECONDS, *arguments])

    def create_group(self) -> None:
        """Create the consumer group where it is missing, as in an empty Redis; it begins with the oldest."""
        try:
            self._redis.xgroup_create(LOG, GROUP, id="0", mkstream=True)
        except ResponseError as problem:
            if "BUSYGROUP" not in str(problem):
                raise

    def read_own(self, consumer: str, count: int) -> list[Entry]:
        """Up to `count` entries that this consumer was given before and has not acknowledged."""
        return self._read(consumer, "0", count)

    def read_new(self, consumer: str, count: int) -> list[Entry]:
        """Up to `count` entries that no consumer was given yet."""
        return self._read(consumer, ">", count)

    def claim(self, consumer: str, idle_ms: int, count: int) -> list[Entry]:
        """Up to `count` entries whose consumer has done nothing for them for `idle_ms`: it is dead."""
        reply = self._redis.xautoclaim(LOG, GROUP, consumer, idle_ms, count=count)
        return [_entry(*found) for found in reply[1]]

    def acknowledge(self, ids: Sequence[str]) -> None:
        """Say that DynamoDB has these entries."""
        minute = f"clicks:delivered:{int(time.time()) // 60}"
        with self._redis.pipeline() as pipe:
            pipe.xack(LOG, GROUP, *ids)
            pipe.hincrby(TOTALS, "delivered", len(ids))
            pipe.incrby(minute, len(ids))
            pipe.expire(minute, RATE_KEPT_SECONDS)
            pipe.execute()

    def set_aside(self, entry: Entry, error: str) -> None:
        """Put an entry that can never be delivered among the dead letters."""
        with self._redis.pipeline() as pipe:
            pipe.xadd(DEAD, {"click": entry.click, "unique": entry.unique, "error": error})
            pipe.xack(LOG, GROUP, entry.id)
            pipe.execute()

    def dead_letters(self, count: int) -> list[DeadLetter]:
        """The newest dead letters."""
        found: Any = self._redis.xrevrange(DEAD, count=count)
        return [
            DeadLetter(id_.decode(), kept[b"click"], kept[b"unique"].decode(), kept[b"error"].decode())
            for id_, kept in found
        ]

    def redeliver(self, count: int) -> int:
        """Move up to `count` dead letters back into the log, oldest first; gives how many were moved."""
        return int(self._redeliver(keys=[DEAD, LOG], args=[count]))

    def trim(self, keep: int) -> int:
        """Forget the oldest delivered entries of a log longer than `keep`; gives how many.

        The log is cut in whole nodes of Redis' stream, so a few more than `keep` may stay.
        """
        length = self._redis.xlen(LOG)
        if length <= keep:
            return 0
        # With a limit, only as many go as are too many; the bound keeps what is not delivered.
        return int(
            self._redis.xtrim(LOG, minid=self._first_undelivered(), approximate=True, limit=length - keep)
        )

    def forget_consumers(self) -> int:
        """Forget consumers that hold nothing and were not heard of for an hour; gives how many."""
        return int(self._forget_consumers(keys=[LOG], args=[GROUP, FORGET_CONSUMER_MS]))

    def status(self) -> LogStatus:
        """Where the clicks are."""
        self.create_group()
        now = time.time()
        minute = int(now) // 60
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.xlen(LOG)
            pipe.xlen(DEAD)
            pipe.hgetall(TOTALS)
            pipe.mget(f"clicks:delivered:{minute}", f"clicks:delivered:{minute - 1}")
            pipe.zcount(CONVERSIONS, 0, int(now * 1000))
            pipe.zcard(CONVERSIONS)
            length, dead, totals, rates, due, waiting = pipe.execute()
        this_minute, last_minute = (int(count or 0) for count in rates)
        # The last minute counts for the part of it that lies within sixty seconds.
        per_second = (this_minute + last_minute * (1 - now % 60 / 60)) / 60
        return LogStatus(
            length=length,
            backlog=self._backlog(length),
            oldest_age_seconds=self._oldest_age(now),
            delivered_per_second=per_second,
            delivered=int(totals.get(b"delivered", 0)),
            dead_letters=dead,
            conversions_due=due,
            conversions_waiting=waiting,
            spooled=int(totals.get(b"spooled", 0)),
            lost=int(totals.get(b"lost", 0)),
        )

    def due_conversions(self, now_ms: int, count: int) -> list[bytes]:
        """Up to `count` conversion messages that are due, the first due first."""
        found: Any = self._redis.zrange(CONVERSIONS, 0, now_ms, byscore=True, offset=0, num=count)
        return list(found)

    def forget_conversions(self, messages: Iterable[bytes]) -> None:
        """Forget conversion messages: they were sent."""
        self._redis.zrem(CONVERSIONS, *messages)

    def _read(self, consumer: str, after: str, count: int) -> list[Entry]:
        reply: Any = self._redis.xreadgroup(GROUP, consumer, {LOG: after}, count=count)
        if isinstance(reply, dict):
            reply = list(reply.items())
        return [_entry(*found) for _, entries in reply for found in entries]

    def _group(self) -> dict[str, Any]:
        return next(group for group in self._redis.xinfo_groups(LOG) if group["name"] == GROUP.encode())

    def _backlog(self, length: int) -> int:
        group = self._group()
        # Redis cannot always tell how much the group has not read; it is never more than there is.
        lag = length if group["lag"] is None else group["lag"]
        return int(group["pending"]) + int(lag)

    def _first_undelivered(self) -> str:
        """The id before which every entry has been delivered."""
        pending = self._redis.xpending(LOG, GROUP)
        if pending["pending"]:
            return str(pending["min"].decode())
        milliseconds, _, number = self._group()["last-delivered-id"].decode().partition("-")
        return f"{milliseconds}-{int(number) + 1}"

    def _oldest_age(self, now: float) -> float | None:
        oldest: Any = self._redis.xrange(LOG, min=self._first_undelivered(), count=1)
        if not oldest:
            return None
        return max(0.0, now - int(oldest[0][0].split(b"-")[0]) / 1000)


def _entry(id_: bytes, kept: dict[bytes, bytes]) -> Entry:
    return Entry(id_.decode(), kept[b"click"], kept[b"unique"].decode())
