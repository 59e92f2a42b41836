"""The click log: the Redis stream that holds clicks until they are delivered. The only module with its keys.

Redis keys, all of this instance's own Redis:

- `clicks`: the stream. An entry has `click` (the record's JSON) and `unique`: "1", "0", "" (not wanted) or
  "assumed" (the shared Redis was away, so the visitor counts as unique).
- `clicks:dead`: a stream of what DynamoDB will never take: `click`, `unique` and `error`.
- `clicks:conversions`: conversion messages by the moment they are due, in milliseconds since the epoch.
- `clicks:conversions:sent:<lid>`: exists for two days after the message of that lid was sent.
- `clicks:conversions:dead`: a stream of conversion messages that SQS will never take: `message` and `error`.
- `clicks:totals`: counters since the beginning: `delivered`, `spooled`, `lost`, and `dead_dropped` and
  `dead_conversions_dropped`, the dead letters that were dropped because there were too many.
- `clicks:delivered:<minute>`: clicks delivered in that minute since the epoch; kept for two hours.
- `clicks:failures`, `clicks:pause`: how long delivery leaves DynamoDB alone (`offers/delivery/backoff.py`).
- `clicks:weighed`: exists for a while after log and dead letters were weighed; see `click_retention.py`.
- `clicks:probe`: written to find out whether Redis takes writes.
- `clicks:table`: how the last write to DynamoDB went.
- `seen:<campaign>:<fingerprint>`: the first characters of the lid of that visitor's first click in 24 hours.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import ResponseError

from lib.outcome import Outcome
from lib.redis_replies import bytes_list, optional_bytes, stream_entries
from offers.click_log import scripts
from offers.click_log.types import DeadLetter, Entry, LogStatus
from offers.spool.types import BrokenLine, PendingClick

LOG = "clicks"
DEAD = "clicks:dead"
CONVERSIONS = "clicks:conversions"
DEAD_CONVERSIONS = "clicks:conversions:dead"
TOTALS = "clicks:totals"
TABLE = "clicks:table"
WEIGHED = "clicks:weighed"
PROBE = "clicks:probe"
SENT = "clicks:conversions:sent"
GROUP = "delivery"
# A conversion message is due half a minute after its click.
AHEAD_MS = 120_000
SEEN_SECONDS = 24 * 3600
# A batch whose answer was lost is in log and spool: for this long its replay sends no message again.
SENT_SECONDS = 48 * 3600
RATE_KEPT_SECONDS = 2 * 3600
# A consumer without entries that has been idle for longer than this is gone for good.
FORGET_CONSUMER_MS = 3600_000
# Entries trimmed in one step: about a millisecond, in which clicks wait for Redis.
TRIM_STEP = 5000

APPEND_KEYS = (LOG, CONVERSIONS)
ASSUMED = "assumed"


def append_arguments(
    before: Iterable[str | bytes | int], clicks: Iterable[PendingClick]
) -> list[str | bytes | int]:
    """What stands before, then the parts of all clicks in a row, as append.lua takes them."""
    arguments = list(before)
    for click in clicks:
        # Faster than `itertools.chain`, and this is on the way of every click.
        arguments += click
    return arguments


class ClickLog:
    """The log as delivery and staff see it. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.redis = redis
        self._acknowledge = redis.register_script(scripts.ACKNOWLEDGE)
        self._write = redis.register_script(scripts.WRITE)
        self._append = redis.register_script(scripts.APPEND)
        self._forget_sent = redis.register_script(scripts.FORGET_SENT)
        self._forget_consumers = redis.register_script(scripts.FORGET_CONSUMERS)
        self._redeliver = redis.register_script(scripts.REDELIVER)
        self._redeliver_conversions = redis.register_script(scripts.REDELIVER_CONVERSIONS)
        self._dead_letter = redis.register_script(scripts.DEAD_LETTER)

    def append(self, clicks: Iterable[PendingClick]) -> None:
        """Write clicks down."""
        self._append(keys=APPEND_KEYS, args=append_arguments((SEEN_SECONDS,), clicks))

    def newest(self, count: int, before: str = "", after: str = "") -> list[Entry]:
        """Up to `count` entries, newest first, of those between two ids; delivered ones are among them."""
        found = self.redis.xrevrange(
            LOG, max=f"({before}" if before else "+", min=f"({after}" if after else "-", count=count
        )
        return [_entry(*entry) for entry in stream_entries(found)]

    def create_group(self) -> None:
        """Create the consumer group where it is missing, as in an empty Redis; it begins with the oldest.

        Only then is anything written: a Redis that takes no writes can still be asked.
        """
        if self._find_group() is not None:
            return
        try:
            self._write(args=["XGROUP", "CREATE", LOG, GROUP, "0", "MKSTREAM"])
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def read_own(self, consumer: str, count: int) -> list[Entry]:
        """Up to `count` entries that this consumer was given before and has not acknowledged."""
        return self._read(consumer, "0", count)

    def read_new(self, consumer: str, count: int) -> list[Entry]:
        """Up to `count` entries that no consumer was given yet."""
        return self._read(consumer, ">", count)

    def claim(self, consumer: str, idle_ms: int, count: int) -> list[Entry]:
        """Up to `count` entries whose consumer has done nothing for them for `idle_ms`: it is dead."""
        reply = self.redis.xautoclaim(LOG, GROUP, consumer, idle_ms, count=count)
        return [_entry(*found) for found in reply[1]]

    def acknowledge(self, ids: Sequence[str]) -> int:
        """Acknowledge entries that DynamoDB has; returns how many of them nobody had acknowledged before."""
        minute = f"clicks:delivered:{int(time.time()) // 60}"
        return int(self._acknowledge(keys=[LOG, TOTALS, minute], args=[GROUP, RATE_KEPT_SECONDS, *ids]))

    def dead_letter(self, entry: Entry, error: str) -> None:
        """Put an entry that can never be delivered among the dead letters."""
        self._dead_letter(keys=[LOG, DEAD], args=[GROUP, entry.id, entry.click, entry.unique, error])

    def dead_letter_line(self, line: BrokenLine) -> None:
        """Put a line of the spool that holds no click among the dead letters."""
        self.redis.xadd(DEAD, {"click": line.line, "unique": "", "error": line.error})

    def dead_letters(self, count: int) -> list[DeadLetter]:
        """The newest dead letters."""
        found = stream_entries(self.redis.xrevrange(DEAD, count=count))
        return [
            DeadLetter(id_.decode(), kept[b"click"], kept[b"unique"].decode(), kept[b"error"].decode())
            for id_, kept in found
        ]

    def redeliver(self, count: int) -> int:
        """Move up to `count` dead letters back into the log, oldest first; returns how many were moved."""
        return int(self._redeliver(keys=[DEAD, LOG], args=[count]))

    def note_table(self, error: str | None) -> None:
        """Remember how the last write to DynamoDB went, None being well, for staff to see."""
        at_ms = time.time_ns() // 1_000_000
        outcome = (self.table_outcome() or Outcome(at_ms)).then(at_ms, error)
        self._write(args=["SET", TABLE, msgspec.json.encode(outcome)])

    def table_outcome(self) -> Outcome | None:
        """How the last write to DynamoDB went; None when there was none yet."""
        blob = optional_bytes(self.redis.get(TABLE))
        return None if blob is None else msgspec.json.decode(blob, type=Outcome)

    def trim(self, keep: int) -> int:
        """Trim the oldest delivered entries of a log longer than `keep`, some at a time; returns how many.

        The log is cut in whole nodes of Redis' stream, so a few more than `keep` may stay.
        """
        length = self.redis.xlen(LOG)
        if length <= keep:
            return 0
        # With a limit, only as many go as are too many; the bound keeps what is not delivered.
        limit = min(length - keep, TRIM_STEP)
        return int(self.redis.xtrim(LOG, minid=self._first_undelivered(), approximate=True, limit=limit))

    def forget_consumers(self) -> int:
        """Forget consumers that hold nothing and were not heard of for an hour; returns how many."""
        return int(self._forget_consumers(keys=[LOG], args=[GROUP, FORGET_CONSUMER_MS]))

    def status(self) -> LogStatus:
        """Where the clicks are."""
        self.create_group()
        now = time.time()
        minute = int(now) // 60
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.xlen(LOG)
            pipe.xlen(DEAD)
            pipe.hgetall(TOTALS)
            pipe.mget(f"clicks:delivered:{minute}", f"clicks:delivered:{minute - 1}")
            pipe.zcount(CONVERSIONS, 0, int(now * 1000))
            pipe.zcard(CONVERSIONS)
            pipe.xlen(DEAD_CONVERSIONS)
            length, dead, totals, rates, due, waiting, dead_conversions = pipe.execute()
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
            conversions_dead=dead_conversions,
            spooled=int(totals.get(b"spooled", 0)),
            lost=int(totals.get(b"lost", 0)),
            dead_dropped=int(totals.get(b"dead_dropped", 0)),
            dead_conversions_dropped=int(totals.get(b"dead_conversions_dropped", 0)),
        )

    def due_conversions(self, now_ms: int, count: int) -> list[bytes]:
        """Up to `count` conversion messages that are due, the first due first.

        One that is due later than any click can be now was queued while the clock was ahead: it is due too.
        """
        due = self.redis.zrange(CONVERSIONS, 0, now_ms, byscore=True, offset=0, num=count)
        found = [message for message in bytes_list(due) if message is not None]
        if not found:
            ahead = self.redis.zrangebyscore(CONVERSIONS, now_ms + AHEAD_MS, "+inf", start=0, num=count)
            found = [message for message in bytes_list(ahead) if message is not None]
        return found

    def sent_conversions(self, lids: Sequence[str]) -> set[str]:
        """Return those of the lids whose message was sent in the last two days."""
        kept = self.redis.mget([f"{SENT}:{lid}" for lid in lids]) if lids else []
        return {lid for lid, mark in zip(lids, kept, strict=True) if mark is not None}

    def forget_sent_conversions(self, messages: Mapping[bytes, str]) -> None:
        """Forget conversion messages, each with its lid: they were sent, and must not be again."""
        pairs = [part for message, lid in messages.items() for part in (lid, message)]
        self._forget_sent(keys=[CONVERSIONS], args=[SENT_SECONDS, *pairs])

    def dead_letter_conversions(self, refused: Iterable[tuple[bytes, str]]) -> None:
        """Put conversion messages that can never be sent, each with its error, where staff finds them."""
        with self.redis.pipeline() as pipe:
            for message, error in refused:
                pipe.eval(scripts.WRITE, 0, "XADD", DEAD_CONVERSIONS, "*", "message", message, "error", error)
                pipe.zrem(CONVERSIONS, message)
            pipe.execute()

    def redeliver_conversions(self, count: int) -> int:
        """Let up to `count` of those messages be sent again, oldest first; returns how many."""
        return int(self._redeliver_conversions(keys=[DEAD_CONVERSIONS, CONVERSIONS], args=[count]))

    def _read(self, consumer: str, after: str, count: int) -> list[Entry]:
        reply: Any = self.redis.xreadgroup(GROUP, consumer, {LOG: after}, count=count)
        if isinstance(reply, dict):
            reply = list(reply.items())
        found = [entry for _, entries in reply for entry in entries]
        if gone := [id_ for id_, kept in found if not kept]:
            # Somebody deleted them from the log by hand; they would come up for ever.
            self.redis.xack(LOG, GROUP, *gone)
        return [_entry(*entry) for entry in found if entry[1]]

    def _find_group(self) -> dict[str, Any] | None:
        try:
            groups: list[dict[str, Any]] = self.redis.xinfo_groups(LOG)
        except ResponseError as error:
            if "no such key" in str(error):
                return None
            raise
        return next((group for group in groups if group["name"] == GROUP.encode()), None)

    def _group(self) -> dict[str, Any]:
        found = self._find_group()
        if found is None:
            # Somebody deleted the log or its group a moment ago.
            raise ResponseError("the log has no delivery group any more")
        return found

    def _backlog(self, length: int) -> int:
        group = self._group()
        # Redis cannot always tell how much the group has not read; it is never more than there is.
        lag = length if group["lag"] is None else group["lag"]
        return int(group["pending"]) + int(lag)

    def _first_undelivered(self) -> str:
        """The id before which every entry has been delivered."""
        # Read first: what another worker reads between the two requests lies behind it, and is kept.
        last_read = self._group()["last-delivered-id"]
        pending = self.redis.xpending(LOG, GROUP)
        if pending["pending"]:
            return str(pending["min"].decode())
        milliseconds, _, number = last_read.decode().partition("-")
        return f"{milliseconds}-{int(number) + 1}"

    def _oldest_age(self, now: float) -> float | None:
        oldest = stream_entries(self.redis.xrange(LOG, min=self._first_undelivered(), count=1))
        if not oldest:
            return None
        return max(0.0, now - int(oldest[0][0].split(b"-")[0]) / 1000)


def _entry(id_: bytes, kept: dict[bytes, bytes]) -> Entry:
    # An entry that somebody else wrote must not stop the clicks behind it.
    return Entry(id_.decode(), kept.get(b"click", b""), kept.get(b"unique", b"").decode(errors="replace"))
