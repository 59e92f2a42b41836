"""Delivery while DynamoDB or Redis is in trouble: nothing is lost, nobody is flooded, and all ends well."""

import pytest
import redis
from pytest_django import Settings

from devstack.services import LOCALHOST, free_port
from offers.click_log.stream import ClickLog
from offers.delivery import backoff, deliver
from offers.delivery.backoff import DeliveryBackoff
from offers.delivery.deliver import Delivered
from offers.delivery.dynamodb import ClickTable
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, redis_away, run
from tests.processes import wait_until

ALL_TROUBLES = ("throttled", "forbidden", "no table", "other key", "500", "all left", "html", "no answer")


def wait_for_the_end_of_the_pause(log: ClickLog) -> None:
    wait_until(lambda: not log.redis.exists(backoff.PAUSE), what="the end of the pause")


def test_what_dynamodb_leaves_is_given_to_it_again(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    dynamodb.trouble, dynamodb.troubled_requests = "half left", 6
    add(log, *names(100))
    assert run(log).delivered == 100
    assert dynamodb.puts == dict.fromkeys(names(100), 1)
    assert log.status().backlog == 0


def test_what_dynamodb_leaves_until_the_end_stays_for_the_next_run(
    log: ClickLog, dynamodb: BadDynamoDB
) -> None:
    dynamodb.trouble = "half left"
    add(log, *names(400))
    assert run(log, seconds=0.1).delivered + log.status().backlog == 400
    assert log.status().backlog > 0
    dynamodb.trouble = ""
    run(log)
    assert dynamodb.puts == dict.fromkeys(names(400), 1)


@pytest.mark.parametrize("trouble", ALL_TROUBLES)
def test_nothing_is_acknowledged_while_dynamodb_is_in_trouble(
    log: ClickLog, dynamodb: BadDynamoDB, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = ClickTable(read_seconds=0.3)
    dynamodb.trouble = trouble
    add(log, *names(60))
    for _ in range(3):
        run(log, seconds=0.5, table=impatient)
    status = log.status()
    assert (status.backlog, status.delivered, status.dead_letters, status.length) == (60, 0, 0, 60)
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert 1 <= len(lines) <= 3
    assert "clicks stay in the log" in lines[0]
    dynamodb.trouble = ""
    wait_until(lambda: run(log) and not log.status().backlog, what="delivery")
    assert set(dynamodb.items) == set(names(60))


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("forbidden", "dynamodb:BatchWriteItem on customOffers-production in us-west-2"),
        ("no table", "check AWS_DYNAMODB_TABLE_NAME (customOffers-production) and AWS_DYNAMODB_REGION"),
        ("other key", "needs the key lid"),
        ("html", "check AWS_DYNAMODB_ENDPOINT"),
    ],
)
def test_the_log_line_says_what_to_do(
    log: ClickLog, dynamodb: BadDynamoDB, trouble: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    dynamodb.trouble = trouble
    add(log, "a")
    run(log, seconds=0.3)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert words in line


def test_a_dynamodb_that_refuses_connections_keeps_the_clicks(
    log: ClickLog, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = f"http://{LOCALHOST}:{free_port()}"
    add(log, *names(60))
    run(log, seconds=0.5)
    assert log.status().backlog == 60
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_a_short_trouble_is_over_within_the_run(
    log: ClickLog, dynamodb: BadDynamoDB, caplog: pytest.LogCaptureFixture
) -> None:
    dynamodb.trouble, dynamodb.troubled_requests = "500", 4
    add(log, *names(60))
    assert run(log) == Delivered(delivered=60)
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_a_hanging_dynamodb_holds_a_run_up_for_one_timeout_only(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    dynamodb.trouble = "no answer"
    add(log, *names(1000))
    run(log, seconds=0.1, table=ClickTable(read_seconds=0.5))
    # No second round began after the first had timed out.
    assert len(dynamodb.batches) <= deliver.PARALLEL_BATCHES


def test_a_run_ends_in_time_and_the_next_continues(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    dynamodb.trouble = "slow"
    add(log, *names(1000))
    done = run(log, seconds=0.5)
    assert 0 < done.delivered < 1000
    dynamodb.trouble = ""
    assert done.delivered + run(log).delivered == 1000
    assert dynamodb.puts == dict.fromkeys(names(1000), 1)


def test_while_one_worker_tries_the_others_leave_dynamodb_alone(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    add(log, *names(100))
    DeliveryBackoff(log.redis).failed("one")
    wait_for_the_end_of_the_pause(log)
    assert DeliveryBackoff(log.redis).take_turn("one")
    assert run(log, "other") == Delivered()
    assert dynamodb.batches == []


def test_a_worker_that_tries_begins_with_one_batch(
    log: ClickLog, dynamodb: BadDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb.trouble = "500"
    DeliveryBackoff(log.redis).failed("one")
    wait_for_the_end_of_the_pause(log)
    add(log, *names(500))
    # Longer than the run, so that it does not try again.
    monkeypatch.setattr(DeliveryBackoff, "failed", lambda *_: 60.0)
    run(log)
    assert dynamodb.batches == [25]


def test_a_try_for_nothing_holds_nobody_up(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    DeliveryBackoff(log.redis).failed("one")
    wait_for_the_end_of_the_pause(log)
    run(log)
    add(log, "a")
    assert run(log, "other") == Delivered(delivered=1)


def test_a_pause_that_a_clock_set_back_made_long_holds_nobody_up(
    log: ClickLog, dynamodb: BadDynamoDB
) -> None:
    log.redis.set(backoff.PAUSE, "one", px=3_600_000)
    assert DeliveryBackoff(log.redis).take_turn("other")


def test_a_worker_that_died_trying_is_replaced(
    log: ClickLog, dynamodb: BadDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "TRY_MS", 300)
    DeliveryBackoff(log.redis).failed("one")
    wait_for_the_end_of_the_pause(log)
    assert DeliveryBackoff(log.redis).take_turn("one")
    add(log, "a")
    wait_until(lambda: run(log, "other").delivered, what="delivery by the other")


def test_pauses_grow_from_run_to_run_and_end_within_seconds(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = DeliveryBackoff(redis_client)
    pauses = [pause.failed("one") for _ in range(200)]
    assert all(seconds <= 0.1 * 2**number for number, seconds in enumerate(pauses[:5]))
    assert max(pauses) > 4
    assert max(pauses) <= backoff.LONGEST_PAUSE_SECONDS
    assert len(set(pauses)) == 200
    pause.succeeded()
    assert (pause.is_troubled(), pause.take_turn("one")) == (False, True)


def test_after_a_long_trouble_delivery_is_back_within_seconds(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    for _ in range(50):
        DeliveryBackoff(log.redis).failed("one")
    add(log, *names(100))
    wait_until(lambda: run(log, "other").delivered == 100, what="delivery")


def test_a_flushed_redis_is_no_trouble(
    log: ClickLog, dynamodb: BadDynamoDB, redis_client: redis.Redis
) -> None:
    add(log, "a")
    run(log)
    redis_client.flushall()
    assert run(log) == Delivered()
    add(log, "b")
    assert run(log) == Delivered(delivered=1)


def test_a_redis_that_is_away_is_told_once_and_raises_nothing(
    dynamodb: BadDynamoDB, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(ClickLog(redis_away())) == Delivered()
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "Redis is away" in line
