"""The click log: the Redis stream that holds clicks until they are delivered.

Redis keys of clicks, all of this instance's own Redis:

- `clicks`: the stream. An entry has `click` (the record's JSON) and `unique`: "1", "0", "" (not wanted) or
  "assumed" (the shared Redis was away, so the visitor counts as unique).
- `clicks:dead`: a stream of what DynamoDB will never take: `click`, `unique` and `error`.
- `clicks:conversions`: conversion messages by the time at which they are due, in ms since the epoch.
- `clicks:conversions:sent:<lid>`: exists for two days after the message of that lid was sent.
- `clicks:conversions:dead`: a stream of conversion messages that SQS will never take: `message` and `error`.
- `clicks:totals`: counters since the beginning: `delivered`, `spooled`, `lost`, and `dead_dropped` and
  `dead_conversions_dropped`, the dead letters that were dropped because there were too many. Of the archive:
  `archived`, `archive_unreadable` (no clicks) and `archive_dropped` (dropped before they were in it).
- `clicks:delivered:<minute>`, `clicks:archived:<minute>`: clicks of that minute since the epoch; two hours.
- `clicks:archive:batch`: the id at which the batch that the archive has begun ends, and the count of all
  entries up to it.
- `clicks:archive`, `clicks:upload`: the results of the archive's last write, and of its last upload to S3.
- `clicks:failures`, `clicks:pause`: how long delivery leaves DynamoDB alone (`offers/delivery/backoff.py`).
- `clicks:weighed`: exists for a minute after log and dead letters were weighed (`retention.py`).
- `clicks:probe`: written to find out whether Redis takes writes.
- `clicks:table`: the result of the last write to DynamoDB.
- `seen:<campaign>:<fingerprint>`: the first characters of the lid of that visitor's first click in 24 hours.
"""

import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from redis import Redis

from lib.outcome import Outcome
from lib.redis_replies import bytes_list, optional_bytes, stream_entries
from offers.click_log import scripts
from offers.click_log.groups import ConsumerGroup, entry_of, first_needed, minute_key
from offers.click_log.types import ArchiveStatus, DeadLetter, Entry, LogStatus
from offers.live_caps.store import script_arguments
from offers.spool.types import BrokenLine, PendingClick

LOG = "clicks"
DEAD = "clicks:dead"
CONVERSIONS = "clicks:conversions"
DEAD_CONVERSIONS = "clicks:conversions:dead"
TOTALS = "clicks:totals"
TABLE = "clicks:table"
ARCHIVE = "clicks:archive"
ARCHIVE_BATCH = "clicks:archive:batch"
UPLOAD = "clicks:upload"
WEIGHED = "clicks:weighed"
PROBE = "clicks:probe"
SENT = "clicks:conversions:sent"
GROUP = "delivery"
ARCHIVE_GROUP = "archive"
# A conversion message is due half a minute after its click: one due later than this was queued by a wrong
# clock.
AHEAD_MS = 120_000
SEEN_SECONDS = 24 * 3600
# A batch whose answer was lost is in the log and in the spool: for this long, its replay sends nothing twice.
SENT_SECONDS = 48 * 3600
# A consumer without entries that has been idle for longer than this is gone for good.
FORGET_CONSUMER_MS = 3600_000
# An archive that works needs an entry for a few seconds.
ARCHIVE_PATIENCE_MS = 60_000
# Entries trimmed in one step: about a millisecond, in which clicks wait for Redis.
TRIM_STEP = 5000

APPEND_KEYS = (LOG, CONVERSIONS)
ASSUMED = "assumed"
NOT_UNIQUE = "0"
# What an entry's `unique` means for `isUniqueVisit`; "" is not there.
IS_UNIQUE = {"1": True, ASSUMED: True, NOT_UNIQUE: False}


def append_arguments(
    before: Iterable[str | bytes | int], clicks: Iterable[PendingClick]
) -> list[str | bytes | int]:
    """Return the arguments of append.lua: those that come `before`, then the parts of all clicks in a row."""
    arguments = list(before)
    for click in clicks:
        # Faster than `itertools.chain`; every click passes here.
        arguments += click
    return arguments


class ClickLog:
    """The log as delivery and staff see it. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.delivery = ConsumerGroup(redis, LOG, GROUP)
        self.archive = ConsumerGroup(redis, LOG, ARCHIVE_GROUP)
        self._write = redis.register_script(scripts.WRITE)
        self._append = redis.register_script(scripts.APPEND)
        self._forget_sent = redis.register_script(scripts.FORGET_SENT)
        self._forget_consumers = redis.register_script(scripts.FORGET_CONSUMERS)
        self._redeliver = redis.register_script(scripts.REDELIVER)
        self._redeliver_conversions = redis.register_script(scripts.REDELIVER_CONVERSIONS)
        self._dead_letter = redis.register_script(scripts.DEAD_LETTER)

    def append(self, clicks: Iterable[PendingClick]) -> None:
        """Write clicks down."""
        before = (SEEN_SECONDS, *script_arguments())
        self._append(keys=APPEND_KEYS, args=append_arguments(before, clicks))

    def newest(self, count: int, before: str = "", after: str = "") -> list[Entry]:
        """Return up to `count` entries between two ids, newest first, delivered ones included."""
        found = self.redis.xrevrange(
            LOG, max=f"({before}" if before else "+", min=f"({after}" if after else "-", count=count
        )
        return [entry_of(*entry) for entry in stream_entries(found)]

    def acknowledge(self, ids: Sequence[str]) -> int:
        """Acknowledge entries that DynamoDB has. Returns how many nobody had acknowledged before."""
        return self.delivery.acknowledge(TOTALS, "delivered", list(ids))

    def dead_letter(self, entry: Entry, error: str) -> None:
        """Move an entry that can never be delivered to the dead letters."""
        self._dead_letter(keys=[LOG, DEAD], args=[GROUP, entry.id, entry.click, entry.unique, error])

    def dead_letter_line(self, line: BrokenLine) -> None:
        """Add a line of the spool that holds no click to the dead letters."""
        self.redis.xadd(DEAD, {"click": line.line, "unique": "", "error": line.error})

    def dead_letters(self, count: int) -> list[DeadLetter]:
        """Return the newest dead letters."""
        found = stream_entries(self.redis.xrevrange(DEAD, count=count))
        return [
            DeadLetter(id_.decode(), kept[b"click"], kept[b"unique"].decode(), kept[b"error"].decode())
            for id_, kept in found
        ]

    def redeliver(self, count: int) -> int:
        """Move up to `count` dead letters back into the log, oldest first. Returns how many."""
        return int(self._redeliver(keys=[DEAD, LOG], args=[count]))

    def note_table(self, error: str | None) -> None:
        """Record the result of the last write to DynamoDB for staff; `error` None means success."""
        self.note(TABLE, error)

    def table_outcome(self) -> Outcome | None:
        """Return the result of the last write to DynamoDB; None if there was none yet."""
        return self.outcome(TABLE)

    def trim(self, keep: int) -> int:
        """Trim the oldest entries that no group needs, of a log longer than `keep`. Returns how many.

        It trims some at a time, and whole nodes of Redis' stream, so a few more than `keep` may stay.
        """
        length = self.redis.xlen(LOG)
        if length <= keep:
            return 0
        # The limit trims no more than is too much; the bound keeps what a group still needs.
        limit = min(length - keep, TRIM_STEP)
        return int(
            self.redis.xtrim(LOG, minid=first_needed(self.redis, LOG, GROUP), approximate=True, limit=limit)
        )

    def drop_unarchived(self) -> int:
        """Drop the oldest entries that the archive alone has needed for a minute. Returns how many.

        They are delivered. Some go at a time, and the totals count them, for staff to see.
        """
        if self.archive.find() is None:
            return 0
        # What nobody needs goes first, to the last entry, so that all that goes then is the archive's.
        self.redis.xtrim(LOG, minid=first_needed(self.redis, LOG, GROUP), approximate=False)
        oldest_ms = int(self.redis.time()[0]) * 1000 - ARCHIVE_PATIENCE_MS
        delivered = first_needed(self.redis, LOG, GROUP, alone=True)
        bound = min(delivered, f"{oldest_ms}-0", key=lambda entry_id: int(entry_id.partition("-")[0]))
        dropped = int(self.redis.xtrim(LOG, minid=bound, approximate=True, limit=TRIM_STEP))
        if dropped:
            self._write(args=["HINCRBY", TOTALS, "archive_dropped", dropped])
        return dropped

    def archive_status(self) -> ArchiveStatus | None:
        """Return how far the archive is; None if there is none."""
        if self.archive.find() is None:
            return None
        totals = self.redis.hmget(TOTALS, ["archived", "archive_unreadable", "archive_dropped"])
        archived, unreadable, dropped = (int(count or 0) for count in bytes_list(totals))
        return ArchiveStatus(
            backlog=self.archive.backlog(self.redis.xlen(LOG)),
            oldest_age_seconds=self.archive.oldest_age(time.time()),
            archived=archived,
            unreadable=unreadable,
            dropped=dropped,
            write=self.outcome(ARCHIVE),
            upload=self.outcome(UPLOAD),
        )

    def forget_consumers(self) -> int:
        """Delete consumers that hold nothing and have been idle for an hour. Returns how many."""
        return int(self._forget_consumers(keys=[LOG], args=[GROUP, FORGET_CONSUMER_MS]))

    def status(self) -> LogStatus:
        """Return how many clicks are where."""
        self.delivery.create()
        now = time.time()
        minute = int(now) // 60
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.xlen(LOG)
            pipe.xlen(DEAD)
            pipe.hgetall(TOTALS)
            pipe.mget(minute_key("delivered", minute), minute_key("delivered", minute - 1))
            pipe.zcount(CONVERSIONS, 0, int(now * 1000))
            pipe.zcard(CONVERSIONS)
            pipe.xlen(DEAD_CONVERSIONS)
            length, dead, totals, rates, due, waiting, dead_conversions = pipe.execute()
        this_minute, last_minute = (int(count or 0) for count in rates)
        # Of the previous minute, count the share that lies within the last sixty seconds.
        per_second = (this_minute + last_minute * (1 - now % 60 / 60)) / 60
        return LogStatus(
            length=length,
            backlog=self.delivery.backlog(length),
            oldest_age_seconds=self.delivery.oldest_age(now),
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
        """Return up to `count` conversion messages that are due, the earliest first.

        One that is due later than any click can be now was queued while the clock was ahead: it is due, too.
        """
        due = self.redis.zrange(CONVERSIONS, 0, now_ms, byscore=True, offset=0, num=count)
        found = [message for message in bytes_list(due) if message is not None]
        if not found:
            ahead = self.redis.zrangebyscore(CONVERSIONS, now_ms + AHEAD_MS, "+inf", start=0, num=count)
            found = [message for message in bytes_list(ahead) if message is not None]
        return found

    def sent_conversions(self, lids: Sequence[str]) -> set[str]:
        """Return the lids whose message was sent in the last two days."""
        kept = self.redis.mget([f"{SENT}:{lid}" for lid in lids]) if lids else []
        return {lid for lid, mark in zip(lids, kept, strict=True) if mark is not None}

    def forget_sent_conversions(self, messages: Mapping[bytes, str]) -> None:
        """Delete sent conversion messages, each with its lid, and remember that they were sent."""
        pairs = [part for message, lid in messages.items() for part in (lid, message)]
        self._forget_sent(keys=[CONVERSIONS], args=[SENT_SECONDS, *pairs])

    def dead_letter_conversions(self, refused: Iterable[tuple[bytes, str]]) -> None:
        """Move conversion messages that can never be sent to the dead letters, each with its error."""
        with self.redis.pipeline() as pipe:
            for message, error in refused:
                pipe.eval(scripts.WRITE, 0, "XADD", DEAD_CONVERSIONS, "*", "message", message, "error", error)
                pipe.zrem(CONVERSIONS, message)
            pipe.execute()

    def redeliver_conversions(self, count: int) -> int:
        """Make up to `count` of those messages due again, oldest first. Returns how many."""
        return int(self._redeliver_conversions(keys=[DEAD_CONVERSIONS, CONVERSIONS], args=[count]))

    def note(self, key: str, error: str | None) -> None:
        """Record under a key how the last use of a service went; `error` None means success."""
        at_ms = time.time_ns() // 1_000_000
        outcome = (self.outcome(key) or Outcome(at_ms)).then(at_ms, error)
        self._write(args=["SET", key, msgspec.json.encode(outcome)])

    def outcome(self, key: str) -> Outcome | None:
        """Return what was recorded under a key; None if nothing was yet."""
        blob = optional_bytes(self.redis.get(key))
        return None if blob is None else msgspec.json.decode(blob, type=Outcome)
