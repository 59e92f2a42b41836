"""Conversion messages from the log to SQS, which is moto's here."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
import redis
from pytest_django import Settings

from devstack.services import LOCALHOST, Service, free_port
from offers import tasks
from offers.click_log.stream import CONVERSIONS, ClickLog
from offers.delivery.sqs import Sent
from tests.offers.delivery.conversions import QUEUE, add, dead, message, received, send
from tests.offers.logged import names, redis_away
from tests.processes import wait_until

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def test_messages_that_are_due_are_sent_once(log: ClickLog, sqs: "SQSClient", settings: Settings) -> None:
    lids = [f"lid-{number:02}" for number in range(25)]
    add(log, *lids)
    assert send(log) == Sent(sent=25)
    messages = received(sqs, settings)
    assert [one["Body"] for one in messages] == [message(lid) for lid in lids]
    assert {one["Attributes"]["MessageGroupId"] for one in messages} == {"co-traffic-group"}
    assert [one["Attributes"]["MessageDeduplicationId"] for one in messages] == lids
    assert send(log) == Sent()
    assert log.status().conversions_waiting == 0


def test_what_gets_due_while_messages_are_sent_waits_for_the_next_run(
    log: ClickLog, sqs: "SQSClient", settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else steady conversions would go one by one, and SQS charges for each request."""
    forget = log.forget_sent_conversions

    def forget_late(sent: Mapping[bytes, str]) -> None:
        add(log, f"due-during-{len(sent)}", due_in_ms=0)
        forget(sent)

    add(log, *names(12))
    with monkeypatch.context() as patched:
        patched.setattr(log, "forget_sent_conversions", forget_late)
        assert send(log) == Sent(sent=12)
    assert send(log) == Sent(sent=2)


def test_a_message_of_a_clock_that_was_ahead_does_not_wait_for_that_time(
    log: ClickLog, sqs: "SQSClient", settings: Settings
) -> None:
    add(log, "a", due_in_ms=3_600_000)
    assert send(log) == Sent(sent=1)


def test_a_message_waits_for_its_time(
    log: ClickLog, sqs: "SQSClient", settings: Settings, redis_client: redis.Redis
) -> None:
    add(log, "a", due_in_ms=20_000)
    assert send(log) == Sent()
    assert (log.status().conversions_due, log.status().conversions_waiting) == (0, 1)
    waiting: Any = redis_client.zrange(CONVERSIONS, 0, -1)
    redis_client.zincrby(CONVERSIONS, -20_000, waiting[0])
    assert log.status().conversions_due == 1
    assert send(log) == Sent(sent=1)


def test_a_message_survives_a_redis_that_is_killed_while_it_waits(
    log: ClickLog, sqs: "SQSClient", settings: Settings, valkey: Service
) -> None:
    add(log, "waits", due_in_ms=100)
    valkey.kill()
    valkey.start()
    wait_until(lambda: log.status().conversions_due, what="the time of the message")
    assert send(log) == Sent(1)
    assert [json.loads(one["Body"]) for one in received(sqs, settings)] == [json.loads(message("waits"))]


def test_a_message_from_long_ago_is_sent_all_the_same(
    log: ClickLog, sqs: "SQSClient", settings: Settings
) -> None:
    add(log, "a", due_in_ms=-7 * 24 * 3600 * 1000)
    assert send(log) == Sent(sent=1)


def test_a_sender_that_dies_before_it_forgets_sends_no_second_message(
    log: ClickLog, sqs: "SQSClient", settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    add(log, "a", "b")
    monkeypatch.setattr(log, "forget_sent_conversions", die)
    with pytest.raises(KeyboardInterrupt):
        send(log)
    monkeypatch.undo()
    assert log.status().conversions_waiting == 2
    assert send(log) == Sent(sent=2)
    assert len(received(sqs, settings)) == 2


def test_what_is_no_message_becomes_a_dead_letter_and_the_others_are_sent(
    log: ClickLog,
    sqs: "SQSClient",
    settings: Settings,
    redis_client: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add(log, "a")
    broken: list[Any] = [
        "{",
        '{"body":"{}"}',
        '{"body":"{\\"lid\\":7}"}',
        "[]",
        '{"body":{"lid":"a"}}',
        b"\xff",
    ]
    redis_client.zadd(CONVERSIONS, dict.fromkeys(broken, 1))
    assert send(log) == Sent(sent=1, dead_letters=6)
    status = log.status()
    assert (status.conversions_waiting, status.conversions_dead) == (0, 6)
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


def test_a_message_too_large_for_sqs_becomes_a_dead_letter_alone(
    log: ClickLog, sqs: "SQSClient", settings: Settings, redis_client: redis.Redis
) -> None:
    add(log, "a", "large-enough")
    add(log, "too-large", landingPageUrl="x" * 2_000_000)
    add(log, "z")
    assert send(log) == Sent(sent=3, dead_letters=1)
    kept = dead(redis_client)
    assert json.loads(json.loads(kept[b"message"])["body"]) == {"lid": "too-large"}
    assert kept[b"error"]


def test_large_messages_share_a_request_only_as_far_as_sqs_takes_them(
    log: ClickLog, sqs: "SQSClient", settings: Settings
) -> None:
    add(log, *(f"lid-{number}" for number in range(8)), landingPageUrl="x" * 100_000)
    assert send(log) == Sent(sent=8)


def test_what_was_a_dead_letter_can_be_sent_again(
    log: ClickLog, sqs: "SQSClient", settings: Settings
) -> None:
    log.dead_letter_conversions([(message("a").encode(), "it was bad")])
    assert log.redeliver_conversions(10) == 1
    assert send(log) == Sent(sent=1)
    assert log.status().conversions_dead == 0


def test_an_sqs_that_is_away_keeps_the_messages(
    log: ClickLog, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://{LOCALHOST}:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    settings.AWS_SQS_QUEUE_URL = f"{url}/123456789012/{QUEUE}"
    add(log, *(f"lid-{number}" for number in range(25)))
    assert send(log) == Sent()
    assert log.status().conversions_waiting == 25
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "AWS_SQS_QUEUE_URL" in line


def test_a_queue_that_does_not_exist_keeps_the_messages(
    log: ClickLog, sqs: "SQSClient", settings: Settings
) -> None:
    settings.AWS_SQS_QUEUE_URL += "-other.fifo"
    add(log, "a")
    assert send(log) == Sent()
    assert log.status().conversions_waiting == 1


def test_a_redis_that_is_away_raises_nothing(sqs: "SQSClient") -> None:
    assert send(ClickLog(redis_away())) == Sent()


def test_without_a_queue_nothing_is_sent(log: ClickLog, settings: Settings) -> None:
    settings.AWS_SQS_QUEUE_URL = ""
    add(log, "a")
    tasks.send_conversions()
    assert log.status().conversions_due == 1
