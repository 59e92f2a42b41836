"""Where the clicks of a range are: in files of the archive, and in the log what is in no file yet."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import NamedTuple

import msgspec
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from cotraffic.diagnostics.reports.types import ClickFilter, ReportProblem, TimeRange
from cotraffic.diagnostics.reports.zones import HOUR_MS
from lib.redis_replies import stream_entries
from offers.archive.columns import COLUMNS, EVERY_COLUMN
from offers.archive.lines import json_query, lines_of
from offers.archive.parquet import parquet_query
from offers.archive.partitions import ArchiveFile, EntryId, files, hours
from offers.click_log.groups import entry_of, first_needed
from offers.click_log.stream import ARCHIVE_GROUP, LOG, ClickLog
from offers.click_log.types import Entry

# A click is in the file of the hour in which it was logged. One that waited in the spool was logged later
# than it came; those that waited for longer than this are in no report.
LATE_MS = 48 * HOUR_MS
# The clocks of web workers and Redis are one machine's, but one may be set while the other reads it.
EARLY_MS = 60_000
# Entries of one request to Redis: they take it about a millisecond, and clicks wait for it.
STEP = 500
# About 75 MB. An archive that works is behind by a minute at most.
MOST_ENTRIES = 50_000
EMPTY = ", ".join(f'NULL::{column.type} AS "{column.name}"' for column in COLUMNS)


class _Came(msgspec.Struct):
    """Of the record of a click, when it came, in milliseconds since the epoch."""

    ms: float = msgspec.field(name="dateAdded", default=inf)


_CAME = msgspec.json.Decoder(_Came)


class LeftOut(NamedTuple):
    """Clicks of the log that are in no report, because more than `MOST_ENTRIES` are in no file.

    `newest`: they are the newest ones, for the archive is behind; else the oldest, for none is kept.
    """

    clicks: int
    newest: bool


def left_out(redis: Redis) -> LeftOut:
    """Return how many clicks reports leave out. Raises redis-py's errors."""
    length = int(redis.xlen(LOG))
    group = ClickLog(redis).archive
    if group.find() is None:
        return LeftOut(max(0, length - MOST_ENTRIES), newest=False)
    return LeftOut(max(0, group.backlog(length) - MOST_ENTRIES), newest=True)


def prepare(redis: Redis, wanted: ClickFilter, directory: Path) -> list[str]:
    """Return SQL that makes the view `clicks` of the clicks of a filter's time: first a quicker form of it.

    The quicker one fails where a file lacks a column, because an older version wrote it; the last does not.

    What the log has of them is written to a file in `directory`.

    Raises `ReportProblem` if Redis or the archive cannot be read.
    """
    if wanted.files is not None:
        return _view([Path(path) for path in wanted.files])
    root = Path(settings.CLICK_ARCHIVE_DIR)
    try:
        # In this order: what the archive writes in between is found in both, and counted once by its id.
        entries = _unarchived(redis)
        found, last = _files(root, wanted.time)
        lines = directory / "log.ndjson"
        newest = [entry for entry in entries if EntryId.read(entry.id) > last]
        lines.write_bytes(lines_of(newest))
    except RedisError as error:
        raise ReportProblem(f"Redis does not answer, and the newest clicks are there: {error}") from error
    except OSError as error:
        raise ReportProblem(f"The archive cannot be read: {error}. Check CLICK_ARCHIVE_DIR.") from error
    paths = [file.path for file in found]
    if not newest:
        return _view(paths)
    earliest_ms = _earliest_ms([entry.click for entry in newest], wanted.time)
    return _view(paths, lines, [file.path for file in found if file.last.ms >= earliest_ms])


def _view(paths: Sequence[Path], lines: Path | None = None, known: Sequence[Path] = ()) -> list[str]:
    """Return the SQL that makes the view `clicks` of files of the archive, and of lines of the log.

    `known`: those of the files in which clicks of the lines may be as well.
    """
    newest, first = [], ""
    if lines is not None:
        logged = f"({json_query(lines)})"
        if known:
            first, logged = _known(logged, known), f"{logged} ANTI JOIN known USING (lid)"
        newest.append(
            f"SELECT * EXCLUDE (number) FROM {logged} "  # noqa: S608
            "QUALIFY row_number() OVER (PARTITION BY lid ORDER BY number) = 1"
        )
    # The columns with their types: files of an older version lack some.
    typed = f"SELECT {EMPTY} WHERE false"
    if not paths:
        return [_created([typed, *newest])]
    # Opening all files for their columns, before they are read, takes a tenth of a month's report.
    quick = f"SELECT {EVERY_COLUMN} FROM {parquet_query(paths, any_version=False)}"  # noqa: S608
    careful = f"SELECT * FROM {parquet_query(paths)}"  # noqa: S608
    return [first + _created([quick, *newest]), first + _created([typed, careful, *newest])]


def _known(logged: str, files: Sequence[Path]) -> str:
    """Return the statement that notes which clicks of the log are in files, once for all queries of a report.

    A click comes twice, through the log and the spool, when the answer to the first was lost.
    """
    archived = parquet_query(files, any_version=False)
    lids = f"SELECT lid FROM {archived} SEMI JOIN (SELECT lid FROM {logged}) USING (lid)"  # noqa: S608
    return f"CREATE OR REPLACE TEMP TABLE known AS {lids}; "


def _earliest_ms(records: Sequence[bytes], time: TimeRange) -> float:
    """Return when the first click of a range came, of these records; infinity if none came then.

    A click is in no file that ends before it came.
    """
    came = (_came_ms(record) for record in records)
    return min((ms for ms in came if time.start_ms <= ms < time.end_ms), default=inf)


def _came_ms(record: bytes) -> float:
    try:
        return _CAME.decode(record).ms
    except (msgspec.MsgspecError, RecursionError, ValueError):
        # What is no click is in no report.
        return inf


def _created(parts: Sequence[str]) -> str:
    # By name: a file may have columns that are none of the archive's.
    every = f"SELECT {EVERY_COLUMN} FROM ({' UNION ALL BY NAME '.join(parts)})"  # noqa: S608
    return f"CREATE OR REPLACE TEMP VIEW clicks AS {every}"


def _files(root: Path, time: TimeRange) -> tuple[list[ArchiveFile], EntryId]:
    """Return the files that may have clicks of a range, and the last entry that any file has."""
    found, last = [], EntryId(0, 0)
    known = hours(root)
    for hour in known:
        is_wanted = time.start_ms - EARLY_MS < hour.end_ms <= time.end_ms + LATE_MS + HOUR_MS
        if not is_wanted and hour is not known[-1]:
            continue
        for file in files(root, hour)[0]:
            last = max(last, file.last)
            if is_wanted and file.last.ms >= time.start_ms - EARLY_MS:
                found.append(file)
    return found, last


def _unarchived(redis: Redis) -> list[Entry]:
    """Return entries that the archive has not acknowledged, the oldest first; at most `MOST_ENTRIES`."""
    try:
        start = first_needed(redis, LOG, ARCHIVE_GROUP, alone=True)
    except ResponseError:
        # No archive is kept: the log has what there is.
        return _newest(redis)
    # From the oldest on, so that no click is missing between those in files and these.
    found: list[Entry] = []
    while wanted := min(STEP, MOST_ENTRIES - len(found)):
        entries = stream_entries(redis.xrange(LOG, min=start, count=wanted))
        found += [entry_of(*entry) for entry in entries]
        if len(entries) < wanted:
            break
        start = f"({found[-1].id}"
    return found


def _newest(redis: Redis) -> list[Entry]:
    """Return the newest entries of the log, the oldest of them first; at most `MOST_ENTRIES`."""
    found: list[Entry] = []
    end = "+"
    while wanted := min(STEP, MOST_ENTRIES - len(found)):
        entries = stream_entries(redis.xrevrange(LOG, max=end, count=wanted))
        found += [entry_of(*entry) for entry in entries]
        if len(entries) < wanted:
            break
        end = f"({found[-1].id}"
    found.reverse()
    return found
