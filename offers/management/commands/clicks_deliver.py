"""`manage.py clicks_deliver`: deliver now what was written down, as when an instance is about to end."""

import sys
import time
from pathlib import Path

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from lib.redis_url import REDIS_URL_TAG
from offers.archive.archive import archive
from offers.archive.bucket import ArchiveBucket, BucketAway
from offers.archive.log import ArchiveLog
from offers.click_log.status import spool_status
from offers.click_log.stream import ClickLog
from offers.delivery.drain import drain
from offers.delivery.dynamodb import ClickTable, TableNotUsable
from offers.delivery.sqs import ConversionQueue, QueueAway, send_due
from offers.spool.spool import Spool

LEFT = 3


class Report(msgspec.Struct):
    """The outcome of one run; `in_spool` of those `left` are in `spool_files`."""

    replayed: int
    delivered: int
    dead_letters: int
    archived: int
    left: int
    in_spool: int
    spool_files: int

    @property
    def is_all_done(self) -> bool:
        """Whether there is nothing left, not even a file that cannot be read."""
        return not (self.left or self.spool_files)

    def __str__(self) -> str:
        text = f"{self.replayed:,} clicks came out of the spool. " if self.replayed else ""
        text += f"{self.delivered:,} clicks were delivered"
        if not self.spool_files:
            return f"{text}, {self.left:,} are left."
        # A file that cannot be read counts no clicks, which must not look like an end.
        files = "1 file" if self.spool_files == 1 else f"{self.spool_files:,} files"
        in_log = self.left - self.in_spool
        return f"{text}; left are {in_log:,} in the log and {self.in_spool:,} in the spool ({files})."


class Command(BaseCommand):
    """Do by hand, and to the end, what web workers and Celery do every second."""

    help = (
        "Move into the log what dead web workers left in the spool, deliver the log to DynamoDB, send the "
        "conversion messages that are due and archive the log, until nothing is left or the time is up. It "
        "may run beside Celery's workers and web workers; what a living one has in the spool is left to it. "
        "Exit code 3: clicks are left for DynamoDB."
    )
    # A Redis that is away has a message of its own here.
    requires_system_checks = (REDIS_URL_TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take options."""
        parser.add_argument("--seconds", type=float, default=60.0, help="time to take at most (default: 60)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, seconds: float, json: bool, **_: object) -> None:
        """Deliver, and print the outcome; raises CommandError when Redis or the table cannot be used."""
        log = ClickLog(get_redis_connection("default"))
        directory = Path(settings.CLICK_SPOOL_DIR)
        until = time.monotonic() + seconds
        # Delivery may not take all of it: the archive may go with the disk.
        delivery_until = until - seconds / 3
        try:
            log.status()
            done = drain(log, ClickTable(), Spool(directory), seconds * 2 / 3)
            if settings.AWS_SQS_QUEUE_URL:
                send_due(log, ConversionQueue(), max(0.0, delivery_until - time.monotonic()))
            archived = _archive_rest(max(0.0, until - time.monotonic()))
            in_log = log.status().backlog
        except RedisError as error:
            raise CommandError(
                f"Redis does not answer ({error}). Start it, or let REDIS_URL say where it is, and run "
                "this again: nothing is lost."
            ) from error
        except (TableNotUsable, QueueAway) as error:
            raise CommandError(f"{error}. The clicks stay in the log.") from error
        except BucketAway as error:
            raise CommandError(f"{error}. The clicks are delivered, and archived on the disk.") from error
        spool = spool_status(directory)
        report = Report(*done, archived, in_log + spool.clicks, spool.clicks, spool.files)
        self.stdout.write(msgspec.json.encode(report).decode() if json else str(report))
        if not report.is_all_done:
            sys.exit(LEFT)


def _archive_rest(seconds: float) -> int:
    """Archive what is in the log, up to S3: the disk may go with the instance. Returns how many clicks."""
    if settings.CLICK_ARCHIVE == "off":
        return 0
    bucket = ArchiveBucket(settings.CLICK_ARCHIVE_BUCKET) if settings.CLICK_ARCHIVE_BUCKET else None
    log, root = ArchiveLog(get_redis_connection("default")), Path(settings.CLICK_ARCHIVE_DIR)
    return archive(log, root, seconds, bucket, is_end=True).clicks
