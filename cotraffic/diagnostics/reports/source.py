"""Where the clicks of a range are: in files of the archive, and in the log what is in no file yet."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from cotraffic.diagnostics.reports.types import ClickFilter, ReportProblem, TimeRange
from cotraffic.diagnostics.reports.zones import HOUR_MS
from lib.redis_replies import stream_entries
from offers.archive.archive import record_of
from offers.archive.columns import COLUMNS
from offers.archive.parquet import json_query, numbered, parquet_query
from offers.archive.partitions import EntryId, files, hours
from offers.click_log.groups import entry_of, first_needed
from offers.click_log.stream import ARCHIVE_GROUP, LOG
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


class Source(NamedTuple):
    """The clicks of a range: SQL that makes the view `clicks`, and until when they are all there.

    `until_ms` is in milliseconds since the epoch; None if nothing is missing.
    """

    statement: str
    until_ms: int | None


def prepare(redis: Redis, wanted: ClickFilter, directory: Path) -> Source:
    """Find the clicks of a filter's time; what the log has is written to a file in `directory`.

    Raises `ReportProblem` if Redis or the archive cannot be read.
    """
    if wanted.files is not None:
        return Source(_view([Path(path) for path in wanted.files]), None)
    root = Path(settings.CLICK_ARCHIVE_DIR)
    try:
        # In this order: what the archive writes in between is found in both, and counted once by its id.
        entries, until_ms = _unarchived(redis)
        paths, last = _files(root, wanted.time)
        lines = directory / "log.ndjson"
        records = [record_of(entry) for entry in entries if _is_click(entry) and _id(entry) > last]
        lines.write_bytes(b"\n".join(numbered(records)))
    except RedisError as error:
        raise ReportProblem(f"Redis does not answer, and the newest clicks are there: {error}") from error
    except OSError as error:
        raise ReportProblem(f"The archive cannot be read: {error}. Check CLICK_ARCHIVE_DIR.") from error
    return Source(_view(paths, lines if records else None), until_ms)


def _view(paths: Sequence[Path], lines: Path | None = None) -> str:
    """Return the SQL that makes the view `clicks` of files of the archive, and of lines of the log."""
    # First the columns with their types: files of an older version lack some.
    parts = [f"SELECT {EMPTY} WHERE false"]
    if paths:
        parts.append(f"SELECT * FROM {parquet_query(paths)}")  # noqa: S608
    if lines is not None:
        parts.append(
            f"SELECT * EXCLUDE (number) FROM ({json_query(lines)}) "  # noqa: S608
            "QUALIFY row_number() OVER (PARTITION BY lid ORDER BY number) = 1"
        )
    return "CREATE TEMP VIEW clicks AS " + " UNION ALL BY NAME ".join(parts)


def _files(root: Path, time: TimeRange) -> tuple[list[Path], EntryId]:
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
                found.append(file.path)
    return found, last


def _unarchived(redis: Redis) -> tuple[list[Entry], int | None]:
    """Return entries that the archive has not acknowledged, the oldest first, and until when they are all."""
    try:
        start = first_needed(redis, LOG, ARCHIVE_GROUP, alone=True)
    except ResponseError:
        # No archive is kept: the log has what there is.
        start = "-"
    found: list[Entry] = []
    while len(found) < MOST_ENTRIES:
        entries = [entry_of(*entry) for entry in stream_entries(redis.xrange(LOG, min=start, count=STEP))]
        found += entries
        if len(entries) < STEP:
            return found, None
        start = f"({entries[-1].id}"
    return found, _id(found[-1]).ms


def _is_click(entry: Entry) -> bool:
    return b"\n" not in entry.click and entry.click[-1:] == b"}"


def _id(entry: Entry) -> EntryId:
    return EntryId.read(entry.id)
