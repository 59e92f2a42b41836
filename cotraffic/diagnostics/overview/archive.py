"""How far the archive is: the Parquet files on the disk, and in S3."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from cotraffic.diagnostics.formatting import duration, file_size, number
from cotraffic.diagnostics.overview.component import Component, Fact, Light, Sources, seconds
from offers.archive.partitions import size
from offers.click_log.types import ArchiveStatus

# It is written every ten seconds, and fresh within a minute.
SLOW_SECONDS = 120.0
STUCK_SECONDS = 1800.0
TITLE = "Click archive"


def parts(sources: Sources) -> Iterable[Component]:
    """Describe the archive. Raises `RedisError`."""
    if settings.CLICK_ARCHIVE == "off":
        yield Component("archive", TITLE, Light.OFF, "There is none: CLICK_ARCHIVE is off.")
        return
    status = sources.log.archive_status() or ArchiveStatus()
    state, sentence, hint = _judged(status)
    yield Component("archive", TITLE, state, sentence, hint, tuple(_facts(status)))


def _facts(status: ArchiveStatus) -> Iterable[Fact]:
    files, size_bytes = size(Path(settings.CLICK_ARCHIVE_DIR))
    yield Fact("Waiting", number(status.backlog))
    yield Fact("Archived", number(status.archived))
    yield Fact("Directory", settings.CLICK_ARCHIVE_DIR)
    yield Fact("Files", f"{number(files)}, {file_size(size_bytes)}")
    yield Fact("Bucket", settings.CLICK_ARCHIVE_BUCKET or "-")
    if status.unreadable:
        yield Fact("No clicks", number(status.unreadable), state=Light.WARNING)
    if status.dropped:
        yield Fact("Dropped before", number(status.dropped), state=Light.ERROR)
    if status.write is not None:
        yield Fact("Last write", at_s=seconds(status.write.at_ms))
    if status.upload is not None:
        yield Fact("Last upload well", at_s=seconds(status.upload.well_at_ms))


def _judged(status: ArchiveStatus) -> tuple[Light, str, str]:
    """Return state, sentence, and what to do."""
    age = status.oldest_age_seconds or 0.0
    if status.write is not None and status.write.error is not None:
        hint = "Clicks wait in the log until Redis needs its room; DynamoDB gets them all the same."
        return Light.ERROR, f"{status.write.error}.", hint
    if age > SLOW_SECONDS:
        state = Light.ERROR if age > STUCK_SECONDS else Light.WARNING
        hint = "Is the Celery worker running, and not busy with something long?"
        return state, f"{number(status.backlog)} waiting, the oldest for {duration(age)}.", hint
    if status.upload is not None and status.upload.error is not None:
        return Light.WARNING, f"{status.upload.error}.", "Hours stay on the disk until S3 has them."
    if status.dropped:
        hint = "Redis was full while the archive was behind. DynamoDB has these clicks."
        return Light.WARNING, f"{number(status.dropped)} clicks are missing in it.", hint
    return Light.OK, "Clicks are in it within a minute.", ""
