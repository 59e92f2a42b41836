"""Reports how many clicks of this instance are in the log, the spool and the dead letters."""

import os
from pathlib import Path

import msgspec
from django.conf import settings

from offers.click_log.stream import ClickLog
from offers.click_log.types import ArchiveStatus
from offers.spool.directory import SUFFIX

READ_BYTES = 1024 * 1024


class SpoolStatus(msgspec.Struct):
    """Clicks in files, waiting for Redis; one that is being replayed may already be in the log, too.

    `disk_free` and `disk_size` are the bytes of the disk that the spool is on; 0 where that is unknown.
    """

    files: int = 0
    clicks: int = 0
    bytes: int = 0
    disk_free: int = 0
    disk_size: int = 0


class ConversionStatus(msgspec.Struct):
    """Conversion messages: `waiting` to be sent, `due` of them now, and `dead`, which SQS refused.

    `dead_dropped` counts those of the dead ones that were dropped because there were too many.
    """

    due: int
    waiting: int
    dead: int
    dead_dropped: int = 0


class ClickStatus(msgspec.Struct):
    """Where the clicks are. `lost` are those that neither Redis nor the disk took.

    `dead_dropped` counts the dead letters that were dropped because there were too many.
    """

    backlog: int
    oldest_age_seconds: float | None
    delivered_per_second: float
    delivered: int
    in_log: int
    dead_letters: int
    spool: SpoolStatus
    spooled: int
    lost: int
    conversions: ConversionStatus
    dead_dropped: int = 0
    archive: ArchiveStatus | None = None


def click_status(log: ClickLog) -> ClickStatus:
    """Return the report. Raises `RedisError`."""
    status = log.status()
    return ClickStatus(
        backlog=status.backlog,
        oldest_age_seconds=status.oldest_age_seconds,
        delivered_per_second=round(status.delivered_per_second, 2),
        delivered=status.delivered,
        in_log=status.length,
        dead_letters=status.dead_letters,
        spool=spool_status(Path(settings.CLICK_SPOOL_DIR)),
        spooled=status.spooled,
        lost=status.lost,
        conversions=ConversionStatus(
            status.conversions_due,
            status.conversions_waiting,
            status.conversions_dead,
            status.dead_conversions_dropped,
        ),
        dead_dropped=status.dead_dropped,
        archive=log.archive_status(),
    )


def spool_status(directory: Path) -> SpoolStatus:
    """Return what is in the spool; an unreadable file counts as a file without clicks."""
    found = SpoolStatus()
    found.disk_free, found.disk_size = disk_room(directory)
    for path in directory.glob(f"*{SUFFIX}"):
        found.files += 1
        try:
            with path.open("rb") as file:
                while block := file.read(READ_BYTES):
                    found.clicks += block.count(b"\n")
                    found.bytes += len(block)
        except FileNotFoundError:
            # It was replayed between listing and reading.
            found.files -= 1
        except OSError:
            continue
    return found


def disk_room(directory: Path) -> tuple[int, int]:
    """Return free and total bytes of the disk that a directory is, or will be, on; 0 and 0 if unknown."""
    for each in (directory, *directory.parents):
        try:
            room = os.statvfs(each)
        except FileNotFoundError:
            continue
        except OSError:
            break
        return room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
    return 0, 0
