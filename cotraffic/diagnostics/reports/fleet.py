"""The clicks of all instances: the hours that are over, which S3 has, copied to this disk."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import msgspec
from django.conf import settings

from cotraffic.diagnostics.reports.run import EXPORT_SECONDS, ended, lines_of, program
from cotraffic.diagnostics.reports.types import ReportProblem, TimeRange
from cotraffic.diagnostics.reports.zones import HOUR_MS
from offers.archive.partitions import Hour

CHILD = Path(__file__).with_name("fetch.py")
LOOK_SECONDS = 60
FETCH_SECONDS = 1800
# A click that waited in the spool is in the hour in which it was logged. One that waited for longer than this
# is in no report over all instances: each further hour of every instance would be copied for it.
LATE_MS = 3 * HOUR_MS
# How long a copy stays that a report may be reading: a download reads for the longest.
KEPT_SECONDS = EXPORT_SECONDS + 120
LOOK_AGAIN_SECONDS = 60
MOST_LOOKED = 16

# When a bucket was listed for which hours, and what it had.
_looked: dict[tuple[str, str, tuple[str, ...]], tuple[float, "FleetFiles | None"]] = {}


class FleetFiles(msgspec.Struct, frozen=True):
    """The files of a time. `missing_files` of them are not on this disk yet.

    `newest_hour` is the newest that any instance has sent, such as `date=2026-11-25/hour=14`; "" if none has.
    """

    paths: tuple[str, ...]
    missing_files: int
    missing_bytes: int
    instances: int
    newest_hour: str

    @property
    def newest(self) -> str:
        """The newest hour in words, such as `2026-11-25 14:00 UTC`; "" if there is none."""
        date, _, hour = self.newest_hour.partition("/")
        return f"{date.removeprefix('date=')} {hour.removeprefix('hour=')}:00 UTC" if hour else ""


class FetchProgress(msgspec.Struct, frozen=True):
    """How far a copy is."""

    files: int
    of_files: int
    bytes: int
    of_bytes: int


class FilesMissing(Exception):
    """A report wants files that are not on this disk yet."""

    def __init__(self, found: FleetFiles) -> None:
        super().__init__(f"{found.missing_files} files are still to be copied from S3")
        self.found = found


async def look(wanted: TimeRange) -> FleetFiles:
    """Say which files a time has, and copy none. Raises `ReportProblem`.

    Where all are here, the answer holds for a minute: S3 is not listed anew for each suggestion of a form.
    """
    key = (settings.CLICK_ARCHIVE_BUCKET, settings.REPORT_CACHE_DIR, tuple(hours_of(wanted)))
    looked_at_s, known = _looked.get(key, (0.0, None))
    if known is not None and time.monotonic() - looked_at_s < LOOK_AGAIN_SECONDS:
        return known
    found = await _look(wanted)
    _looked.pop(key, None)
    if not found.missing_files:
        _looked[key] = time.monotonic(), found
        while len(_looked) > MOST_LOOKED:
            del _looked[next(iter(_looked))]
    return found


async def _look(wanted: TimeRange) -> FleetFiles:
    async with aclosing(_run(wanted, LOOK_SECONDS, fetch=False)) as steps:
        async for found in steps:
            if isinstance(found, FleetFiles):
                return found
    raise ReportProblem("The process that asks S3 said nothing.")


async def fetch(wanted: TimeRange) -> AsyncGenerator[FetchProgress | FleetFiles, None]:
    """Copy the files of a time that are missing, and say how far it is. Raises `ReportProblem`."""
    _looked.clear()
    async with aclosing(_run(wanted, FETCH_SECONDS, fetch=True)) as steps:
        async for found in steps:
            yield found


def hours_of(wanted: TimeRange) -> list[str]:
    """Return the hours that may have clicks of a time, as the bucket names them."""
    first, last = wanted.start_ms // HOUR_MS, (wanted.end_ms + LATE_MS) // HOUR_MS
    # What goes on has no file yet, but where an instance ended.
    now = int(time.time() * 1000) // HOUR_MS
    return [Hour(number).folder for number in range(first, min(last, now) + 1)]


async def _run(
    wanted: TimeRange, seconds: float, *, fetch: bool
) -> AsyncGenerator[FetchProgress | FleetFiles, None]:
    request = {
        "bucket": settings.CLICK_ARCHIVE_BUCKET,
        "region": settings.AWS_REGION,
        "hours": hours_of(wanted),
        "directory": settings.REPORT_CACHE_DIR,
        "most_bytes": settings.REPORT_CACHE_BYTES,
        "kept_seconds": KEPT_SECONDS,
        "fetch": fetch,
    }
    async with program(CHILD, request) as child:
        try:
            async with asyncio.timeout(seconds):
                async for line in lines_of(child):
                    if b'"paths"' in line:
                        yield msgspec.json.decode(line, type=FleetFiles)
                    else:
                        yield msgspec.json.decode(line, type=FetchProgress)
                await ended(child)
        except TimeoutError:
            raise ReportProblem(f"S3 took longer than {seconds:,.0f} s. Choose a shorter time.") from None
