"""Finds one click by its lid, wherever it is by now: DynamoDB, the log, the dead letters, the spool.

Every search is bounded. A lid does not say when its click came. The table is asked first: a record there says
when, and a click that is not there can only be among the undelivered ones.
"""

import re
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from offers.click_log.record import fields
from offers.click_log.scripts import FIND
from offers.click_log.stream import ASSUMED, DEAD, GROUP, IS_UNIQUE, LOG
from offers.delivery.dynamodb import ClickTable, TableAway, TableNotUsable
from offers.spool.directory import SUFFIX
from offers.spool.file import SpooledClick

MAX_ENTRIES = 20_000
MAX_DEAD_LETTERS = 5_000
MAX_SPOOL_BYTES = 16 * 1024 * 1024
# Entries per request: Redis searches them in well under a millisecond, during which clicks wait.
STEP = 100
# A click that is not in the log this long after it came went through the spool.
COMMIT_MS = 10_000
CONNECT_SECONDS, READ_SECONDS = 1.0, 2.0
_LID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_LID_BEGINNING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f-]{0,27})?")
_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
# Redis takes no larger numbers in the id of an entry.
_LARGEST = 2**64 - 1
_spooled = msgspec.json.Decoder(SpooledClick)


class DeliveryState(StrEnum):
    """The state of an entry: not read by any worker; held by one; or acknowledged, and merely kept."""

    WAITING = "waiting"
    UNDER_WAY = "under way"
    DELIVERED = "delivered"


class LogPlace(msgspec.Struct, frozen=True):
    """A click's entry in the log.

    While it is under way, `consumer` has had it for `idle_ms`, for the `tries`th time.
    """

    entry_id: str
    state: DeliveryState
    consumer: str = ""
    tries: int = 0
    idle_ms: int = 0


class Whereabouts(msgspec.Struct, kw_only=True):
    """Where a click is. `record` is None if it was not found.

    `searched` of the log's `in_log` entries were examined. The problems are "" if everything answered.
    """

    lid: str
    record: dict[str, object] | None = None
    in_table: bool = False
    log: LogPlace | None = None
    dead_error: str | None = None
    in_spool: bool = False
    searched: int = 0
    in_log: int = 0
    table_problem: str = ""
    log_problem: str = ""


def read_lid(text: str) -> str | None:
    """Return the lid, a UUID, in `text`; None if there is none."""
    found = _LID.search(text)
    return found[0].lower() if found else None


def read_lid_beginning(text: str) -> str | None:
    """Return the beginning of a lid, of eight digits or more, if `text` is one; else None."""
    beginning = text.strip().rstrip("…").lower()
    return beginning if _LID_BEGINNING.fullmatch(beginning) else None


def is_entry_id(text: str) -> bool:
    """Return whether `text` is an id that an entry can have, and that a search can begin or end before."""
    if not _ENTRY_ID.fullmatch(text):
        return False
    milliseconds, sequence = _number(text)
    # Redis has no entry 0-0, and no id lies before it or behind the last one.
    first, last = (0, 0), (_LARGEST, _LARGEST)
    return max(milliseconds, sequence) <= _LARGEST and first < (milliseconds, sequence) < last


def find_beginning(beginning: str, redis: Redis) -> tuple[str, str] | None:
    """Return lid and entry of the newest click in the log whose lid begins so, None if there is none.

    The newest `MAX_ENTRIES` entries are searched. Raises `RedisError`.
    """
    entry = _Search(redis, beginning).backwards(LOG, MAX_ENTRIES)
    lid = None if entry is None else read_lid(entry.kept.get(b"click", b"")[:60].decode(errors="replace"))
    return None if entry is None or lid is None else (lid, entry.id)


@lru_cache(1)
def reading_table() -> ClickTable:
    """Return the table for a page, with shorter time-outs than delivery's. Raises `TableNotUsable`."""
    return ClickTable(CONNECT_SECONDS, READ_SECONDS)


def look_up(lid: str, redis: Redis, entry_id: str = "") -> Whereabouts:
    """Find the click of this lid; `entry_id`, if it is known, saves the search. Never raises."""
    found = Whereabouts(lid=lid)
    try:
        found.record = reading_table().read(lid)
        found.in_table = found.record is not None
    except (TableAway, TableNotUsable) as error:
        found.table_problem = str(error)
    try:
        _look_into_redis(found, redis, entry_id if is_entry_id(entry_id) else "")
    except RedisError as error:
        found.log_problem = f"Redis does not answer: {error}"
    if found.record is None:
        spooled = _in_spool(lid, Path(settings.CLICK_SPOOL_DIR))
        if spooled is not None:
            found.record, found.in_spool = fields(bytes(spooled.click)), True
    return found


def _look_into_redis(found: Whereabouts, redis: Redis, entry_id: str) -> None:
    """Look for the click in the log and among the dead letters. Raises `RedisError`."""
    search = _Search(redis, found.lid)
    found.in_log = redis.xlen(LOG)
    entry = search.forwards(LOG, entry_id, entry_id, 1) if entry_id else None
    search.searched = 0
    added_ms = found.record.get("dateAdded") if found.record else None
    if entry is None and isinstance(added_ms, int) and 0 <= added_ms <= _LARGEST - COMMIT_MS:
        entry = search.forwards(LOG, str(added_ms), str(added_ms + COMMIT_MS), MAX_ENTRIES)
    elif entry is None:
        entry = search.backwards(LOG, MAX_ENTRIES)
    found.searched = search.searched
    if entry is not None:
        found.log = _place(redis, entry.id)
        found.record = found.record or _record(entry.kept)
    if not found.in_table:
        letter = search.backwards(DEAD, MAX_DEAD_LETTERS)
        if letter is not None:
            found.dead_error = letter.kept.get(b"error", b"").decode(errors="replace")
            found.record = found.record or _record(letter.kept)


class _Entry(NamedTuple):
    """An entry of a stream, with its fields as they are in Redis."""

    id: str
    kept: dict[bytes, bytes]


class _Search:
    """Looks for a lid, or its beginning, in streams, in small steps: clicks wait for Redis during each."""

    def __init__(self, redis: Redis, lid: str) -> None:
        self.searched = 0
        self._find = redis.register_script(FIND)
        self._lid = lid

    def forwards(self, stream: str, start: str, end: str, most: int) -> _Entry | None:
        """Return the click between two ids of a stream, both included, oldest first."""
        return self._steps("XRANGE", stream, start, end, most)

    def backwards(self, stream: str, most: int) -> _Entry | None:
        """Return the click among the newest entries of a stream."""
        return self._steps("XREVRANGE", stream, "+", "-", most)

    def _steps(self, command: str, stream: str, first: str, last: str, most: int) -> _Entry | None:
        for _ in range(0, most, STEP):
            arguments: list[str | int] = [command, first, last, min(STEP, most), self._lid]
            found, count, rest = self._find(keys=[stream], args=arguments)
            self.searched += count
            if found:
                names_and_values = rest[1]
                kept = dict(zip(names_and_values[::2], names_and_values[1::2], strict=True))
                return _Entry(rest[0].decode(), kept)
            if count < STEP:
                break
            first = f"({rest.decode()}"
        return None


def _record(kept: dict[bytes, bytes]) -> dict[str, object]:
    record = fields(kept[b"click"])
    unique = kept.get(b"unique", b"").decode(errors="replace")
    if unique in IS_UNIQUE:
        record["isUniqueVisit"] = IS_UNIQUE[unique]
    if unique == ASSUMED:
        record["isUniqueVisitAssumed"] = True
    return record


def _place(redis: Redis, entry_id: str) -> LogPlace:
    """Return how far the delivery of an entry is."""
    try:
        pending: Any = redis.xpending_range(LOG, GROUP, min=entry_id, max=entry_id, count=1)
        groups: Any = redis.xinfo_groups(LOG)
    except ResponseError:
        # Nobody has delivered anything yet.
        return LogPlace(entry_id, DeliveryState.WAITING)
    if pending:
        held = pending[0]
        return LogPlace(
            entry_id,
            DeliveryState.UNDER_WAY,
            held["consumer"].decode(errors="replace"),
            int(held["times_delivered"]),
            int(held["time_since_delivered"]),
        )
    last_read = next(
        (group["last-delivered-id"] for group in groups if group["name"] == GROUP.encode()), b"0-0"
    )
    is_read = _number(entry_id) <= _number(last_read.decode())
    return LogPlace(entry_id, DeliveryState.DELIVERED if is_read else DeliveryState.WAITING)


def _number(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def _in_spool(lid: str, directory: Path) -> SpooledClick | None:
    """Return the click if it is in the newest `MAX_SPOOL_BYTES` of the spool."""
    mark, left = b'"lid":"%b"' % lid.encode(), MAX_SPOOL_BYTES
    try:
        for path in sorted(directory.glob(f"*{SUFFIX}"), reverse=True):
            with path.open("rb") as lines:
                for line in lines:
                    left -= len(line)
                    if mark in line:
                        return _spooled.decode(line)
                    if left <= 0:
                        return None
    except (OSError, msgspec.DecodeError):
        # A file was replayed and deleted meanwhile, or a line is half written: count it as not there.
        return None
    return None
