"""What stays in Redis is bounded in number and in bytes; what is not delivered always stays."""

import logging

import pytest
import redis

from offers.click_log.retention import Limits, Retention
from offers.click_log.stream import ClickLog
from tests.log_lines import log_lines
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, run

MEGABYTE = 1024 * 1024
MUCH = Limits(100_000, 100 * MEGABYTE, 1000, 100 * MEGABYTE, 90.0)


def test_delivered_clicks_that_weigh_too_much_are_forgotten(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    add(log, *names(2000), filling="x" * 2000)
    run(log)
    Retention(log, MUCH._replace(click_bytes=MEGABYTE)).weigh()
    assert 300 < log.status().length < 520


def test_clicks_that_are_not_delivered_stay_whatever_they_weigh(log: ClickLog) -> None:
    add(log, *names(1000), filling="x" * 2000)
    log.delivery.create()
    Retention(log, MUCH._replace(click_bytes=1000)).weigh()
    assert log.status().backlog == 1000


def test_light_clicks_stay_up_to_their_number(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    add(log, *names(300))
    run(log)
    Retention(log, MUCH).weigh()
    assert log.status().length == 300


def letters(client: redis.Redis, count: int, size: int, stream: str = "clicks:dead") -> None:
    for number in range(count):
        client.xadd(stream, {"click": f"{number}" + "x" * size, "unique": "", "error": "e", "message": "m"})


def test_the_oldest_of_too_many_dead_letters_are_dropped_counted_and_told(
    log: ClickLog, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    letters(redis_client, 30, 10)
    letters(redis_client, 25, 10, "clicks:conversions:dead")
    log.delivery.create()
    with caplog.at_level(logging.ERROR):
        Retention(log, MUCH._replace(dead_letters=20)).weigh()
    status = log.status()
    assert (status.dead_letters, status.dead_dropped) == (20, 10)
    assert (status.conversions_dead, status.dead_conversions_dropped) == (20, 5)
    assert log.dead_letters(100)[-1].click.startswith(b"10")
    assert [(line["of"], line["count"]) for line in log_lines(caplog)] == [("clicks", 10), ("conversions", 5)]


def test_dead_letters_that_weigh_too_much_are_dropped(log: ClickLog, redis_client: redis.Redis) -> None:
    letters(redis_client, 100, 20_000)
    log.delivery.create()
    Retention(log, MUCH._replace(dead_letter_bytes=MEGABYTE)).weigh()
    assert 40 < log.status().dead_letters < 60


def test_weights_are_looked_at_once_a_minute(log: ClickLog, redis_client: redis.Redis) -> None:
    log.delivery.create()
    retention = Retention(log, MUCH._replace(dead_letters=20))
    retention.tidy()
    letters(redis_client, 30, 10)
    retention.tidy()
    assert log.status().dead_letters == 30
    redis_client.delete("clicks:weighed")
    retention.tidy()
    assert log.status().dead_letters == 20
