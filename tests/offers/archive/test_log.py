"""The log keeps what delivery or the archive still needs, and lets the archive yield when Redis is full."""

import time

import redis
from pytest_django import Settings

from offers.archive.log import ArchiveLog
from offers.click_log.retention import Limits, Retention
from offers.click_log.stream import ClickLog
from offers.tasks import archive_clicks
from tests.offers.archive.reading import add_at, pass_over
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, run

ALWAYS_SHORT = Limits(100_000, 1 << 30, 1000, 1 << 30, -1.0)


def test_what_the_archive_needs_stays_though_it_is_delivered(
    log: ClickLog, redis_client: redis.Redis, dynamodb: BadDynamoDB, settings: Settings
) -> None:
    settings.CLICK_LOG_KEEP = 0
    archive = ArchiveLog(redis_client)
    archive.create()
    add(log, *names(500))
    run(log)
    assert log.status().length == 500
    pass_over(archive, 500)
    run(log)
    assert log.status().length < 110


def test_what_delivery_needs_stays_though_it_is_archived(
    log: ClickLog, redis_client: redis.Redis, dynamodb: BadDynamoDB
) -> None:
    archive = ArchiveLog(redis_client)
    archive.create()
    log.delivery.create()
    add(log, *names(500))
    pass_over(archive, 500)
    assert (log.trim(0), log.drop_unarchived()) == (0, 0)
    assert run(log).delivered == 500


def test_when_redis_is_full_delivered_clicks_go_unarchived_and_are_counted(
    log: ClickLog, redis_client: redis.Redis, dynamodb: BadDynamoDB
) -> None:
    archive = ArchiveLog(redis_client)
    archive.create()
    add_at(redis_client, time.time_ns() // 1_000_000 - 120_000, *names(350))
    pass_over(archive, 30)
    # A run of the archive died with these.
    archive.next_batch(50, archive.end())
    run(log)
    add(log, "undelivered")
    Retention(log, ALWAYS_SHORT).tidy()
    status = archive.status()
    assert status is not None
    assert status.dropped > 200
    assert pass_over(archive, 1000) + pass_over(archive, 1000) == 351 - 30 - status.dropped
    assert run(log).delivered == 1


def test_an_archive_that_works_misses_nothing_when_redis_is_full(
    log: ClickLog, redis_client: redis.Redis, dynamodb: BadDynamoDB
) -> None:
    archive = ArchiveLog(redis_client)
    archive.create()
    add(log, *names(350))
    run(log)
    Retention(log, ALWAYS_SHORT).tidy()
    assert pass_over(archive, 1000) == 350


def test_an_archive_that_is_turned_off_holds_nothing_back(
    log: ClickLog, redis_client: redis.Redis, settings: Settings
) -> None:
    archive = ArchiveLog(redis_client)
    archive.create()
    settings.CLICK_ARCHIVE = "off"
    archive_clicks()
    assert archive.status() is None


def test_the_task_archives_what_is_in_the_log(log: ClickLog, redis_client: redis.Redis) -> None:
    add(log, *names(3), dateAdded=1)
    archive_clicks()
    status = ArchiveLog(redis_client).status()
    assert status is not None
    assert (status.backlog, status.archived) == (0, 3)
