"""Background work on clicks; `cotraffic/celery.py` says when. Every task may run twice, even at once."""

from contextlib import suppress
from functools import cache
from pathlib import Path

import structlog
from celery import shared_task
from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from offers.archive.archive import archive
from offers.archive.bucket import ArchiveBucket, BucketAway
from offers.archive.log import ArchiveLog
from offers.click_log.stream import ClickLog
from offers.delivery.deliver import consumer_name, deliver
from offers.delivery.dynamodb import ClickTable, TableNotUsable
from offers.delivery.sqs import ConversionQueue, QueueAway, send_due

# With a last request that times out it is still well below ten seconds: the recipe's tasks wait behind these.
DELIVER_SECONDS = 4.0
ARCHIVE_SECONDS = 8.0
# Less than the interval between runs: SQS drops what two runs send at once, but that costs time.
SEND_SECONDS = 2.8

logger = structlog.stdlib.get_logger(__name__)
# Clients are cached: making one takes longer than many deliveries.
_table = cache(ClickTable)
_queue = cache(ConversionQueue)
_bucket = cache(ArchiveBucket)


@shared_task
def deliver_clicks() -> None:
    """Move clicks from the log to DynamoDB."""
    try:
        deliver(_log(), _table(), consumer_name(), DELIVER_SECONDS)
    except TableNotUsable as error:
        with suppress(RedisError):
            _log().note_table(str(error))
        logger.warning("clicks stay in the log", problem=str(error))


@shared_task
def archive_clicks() -> None:
    """Write clicks of the log to the archive."""
    log = ArchiveLog(get_redis_connection("default"))
    if settings.CLICK_ARCHIVE == "off":
        with suppress(RedisError):
            # Else the log would keep every click for a reader that never comes.
            log.group.destroy()
        return
    try:
        bucket = _bucket(settings.CLICK_ARCHIVE_BUCKET) if settings.CLICK_ARCHIVE_BUCKET else None
    except BucketAway as error:
        bucket = None
        logger.warning("the archive is not in S3 yet", problem=str(error))
        with suppress(RedisError):
            log.note_upload(str(error))
    archive(log, Path(settings.CLICK_ARCHIVE_DIR), ARCHIVE_SECONDS, bucket)


@shared_task
def send_conversions() -> None:
    """Send the conversion messages that are due to SQS."""
    if not settings.AWS_SQS_QUEUE_URL:
        return
    try:
        send_due(_log(), _queue(), SEND_SECONDS)
    except QueueAway as error:
        logger.warning("conversion messages wait", problem=str(error))


def _log() -> ClickLog:
    return ClickLog(get_redis_connection("default"))
