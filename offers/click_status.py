"""Where the clicks of this instance are, in one report: the log, the spool, the dead letters, conversions."""

from pathlib import Path

import msgspec
from django.conf import settings

from offers.click_log import ClickLog
from offers.spool_directory import SUFFIX

READ_BYTES = 1024 * 1024


class SpoolStatus(msgspec.Struct):
    """Clicks in files, waiting for Redis; one that is being replayed may be in the log already."""

    files: int = 0
    clicks: int = 0
    bytes: int = 0


class ConversionStatus(msgspec.Struct):
    """Conversion messages: `waiting` to be sent, `due` of them now, and `dead`, which SQS refused."""

    due: int
    waiting: int
    dead: int


class ClickStatus(msgspec.Struct):
    """Where the clicks are. `lost` are those that neither Redis nor the disk took."""

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


def click_status(log: ClickLog) -> ClickStatus:
    """The report. Raises `RedisError`."""
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
            status.conversions_due, status.conversions_waiting, status.conversions_dead
        ),
    )


def spool_status(directory: Path) -> SpoolStatus:
    """What is in the spool; a file that cannot be read counts as a file."""
    found = SpoolStatus()
    for path in directory.glob(f"*{SUFFIX}"):
        found.files += 1
        try:
            with path.open("rb") as file:
                while block := file.read(READ_BYTES):
                    found.clicks += block.count(b"\n")
                    found.bytes += len(block)
        except FileNotFoundError:
            # It was replayed between the two looks.
            found.files -= 1
        except OSError:
            continue
    return found
