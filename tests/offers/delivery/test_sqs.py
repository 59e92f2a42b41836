"""Conversion messages from the log to SQS, which is moto's here."""

import json
import time
from collections.abc import Callable
from hashlib import md5
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import redis
from pytest_django import Settings

from devstack.services import LOCALHOST, Service, free_port
from offers import tasks
from offers.click_log.stream import CONVERSIONS, DEAD_CONVERSIONS, ClickLog
from offers.delivery.sqs import ConversionQueue, Sent, send_due
from offers.spool.types import PendingClick
from tests.offers.impostor import Answer, Impostor
from tests.offers.logged import redis_away

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

QUEUE = "conversions-of-tests.fifo"


@pytest.fixture
def sqs(aws_endpoint: str, settings: Settings) -> "SQSClient":
    """An SQS client; the queue of the settings exists and is empty."""
    client: SQSClient = boto3.client("sqs", region_name=settings.AWS_REGION)
    url = client.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"]
    client.delete_queue(QueueUrl=url)
    settings.AWS_SQS_QUEUE_URL = client.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})[
        "QueueUrl"
    ]
    return client


def message(lid: str, **more: object) -> str:
    return json.dumps({"id": 1, "action": "update", "body": json.dumps({"lid": lid}), **more})


def add(log: ClickLog, *lids: str, due_in_ms: int = -1, **more: object) -> None:
    due_ms = int(time.time() * 1000) + due_in_ms
    for lid in lids:
        record = f'{{"lid":"{lid}"}}'.encode()
        log.append([PendingClick(record, conversion=f"{due_ms} {message(lid, **more)}")])


def received(sqs: "SQSClient", settings: Settings) -> "list[MessageTypeDef]":
    """All messages in the queue, in order."""
    found: list[MessageTypeDef] = []
    while batch := sqs.receive_message(
        QueueUrl=settings.AWS_SQS_QUEUE_URL, MaxNumberOfMessages=10, AttributeNames=["All"]
    ).get("Messages"):
        found += batch
        for one in batch:
            sqs.delete_message(QueueUrl=settings.AWS_SQS_QUEUE_URL, ReceiptHandle=one["ReceiptHandle"])
    return found


def dead(redis_client: redis.Redis) -> dict[bytes, bytes]:
    """The one message that was set aside."""
    found: Any = redis_client.xrange(DEAD_CONVERSIONS)
    ((_, kept),) = found
    return dict(kept)


def send(log: ClickLog) -> Sent:
    return send_due(log, ConversionQueue(), 5)


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


def test_a_message_of_a_clock_that_was_ahead_does_not_wait_for_that_time(
    log: ClickLog, sqs: "SQSClient", settings: Settings
) -> None:
    add(log, "a", due_in_ms=3_600_000)
    assert send(log) == Sent(sent=1)


def test_a_message_waits_for_its_time(log: ClickLog, sqs: "SQSClient", settings: Settings) -> None:
    add(log, "a", due_in_ms=600)
    assert send(log) == Sent()
    assert (log.status().conversions_due, log.status().conversions_waiting) == (0, 1)
    time.sleep(0.65)
    assert log.status().conversions_due == 1
    assert send(log) == Sent(sent=1)


def test_a_message_survives_a_redis_that_is_killed_while_it_waits(
    log: ClickLog, sqs: "SQSClient", settings: Settings, valkey: Service
) -> None:
    add(log, "waits", due_in_ms=100)
    valkey.kill()
    valkey.start()
    time.sleep(0.1)
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


def test_what_is_no_message_is_set_aside_and_the_others_are_sent(
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


def test_a_message_too_large_for_sqs_is_set_aside_alone(
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


def test_what_was_set_aside_can_be_sent_again(log: ClickLog, sqs: "SQSClient", settings: Settings) -> None:
    log.dead_letter_conversions([(message("a").encode(), "it was bad")])
    assert log.redeliver_conversions(10) == 1
    assert send(log) == Sent(sent=1)
    assert log.status().conversions_dead == 0


class Failing:
    """An SQS client that takes a batch's first message, refuses the second, and has no time for others."""

    def send_message_batch(self, Entries: list[dict[str, Any]], **_: object) -> dict[str, Any]:  # noqa: N803
        failed = [
            {"Id": one["Id"], "SenderFault": at == 0, "Code": "Because", "Message": "of this"}
            for at, one in enumerate(Entries[1:])
        ]
        return {"Successful": [taken(Entries[0])], "Failed": failed}


class Answering:
    """An SQS client that gives an answer made from the batch."""

    def __init__(self, answer: Callable[[list[dict[str, Any]]], object]) -> None:
        self._answer = answer

    def send_message_batch(self, Entries: list[dict[str, Any]], **_: object) -> object:  # noqa: N803
        return self._answer(Entries)


def taken(entry: dict[str, Any], **changed: object) -> dict[str, object]:
    """What SQS says of a message that it took."""
    checksum = md5(entry["MessageBody"].encode(), usedforsecurity=False).hexdigest()
    return {"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": checksum, **changed}


def test_only_what_was_sent_is_forgotten_and_only_what_is_bad_set_aside(
    log: ClickLog,
    sqs: "SQSClient",
    settings: Settings,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(log, "a", "b", "c", "d")
    queue = ConversionQueue()
    monkeypatch.setattr(queue, "_client", Failing())
    assert send_due(log, queue, 5) == Sent(sent=1, dead_letters=1)
    assert redis_client.zrange(CONVERSIONS, 0, -1) == [message("c").encode(), message("d").encode()]
    kept = dead(redis_client)
    assert (kept[b"message"], kept[b"error"]) == (message("b").encode(), b"Because: of this")


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


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: {},
        lambda _: {"Successful": None, "Failed": None},
        lambda _: [],
        lambda _: None,
        lambda entries: {"Successful": [{"Id": one["Id"]} for one in entries]},
        lambda entries: {"Successful": [taken(one, MD5OfMessageBody="0" * 32) for one in entries]},
        lambda entries: {"Successful": [taken(one, Id="77") for one in entries]},
        lambda entries: {"Successful": [taken(one, Id=7) for one in entries]},
        lambda entries: {"Successful": [taken(entries[0]), taken(entries[0])]},
        lambda _: {"Successful": ["0", "1"]},
        lambda _: {"Successful": "01"},
        lambda _: {"Successful": 7},
        lambda entries: {"Failed": [{"Id": one["Id"]} for one in entries]},
        lambda _: {"Failed": [{"Id": "77", "SenderFault": True, "Code": "x"}]},
        lambda entries: {"Failed": [{"Id": one["Id"], "SenderFault": "yes", "Code": "x"} for one in entries]},
    ],
)
def test_no_message_is_forgotten_for_an_answer_that_is_not_sqs(
    log: ClickLog,
    sqs: "SQSClient",
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[list[dict[str, Any]]], object],
) -> None:
    add(log, "a", "b")
    queue = ConversionQueue()
    monkeypatch.setattr(queue, "_client", Answering(answer))
    assert send_due(log, queue, 5) == Sent()
    assert (log.status().conversions_waiting, log.status().conversions_dead) == (2, 0)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "conversion messages wait" in line


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"{}"),
        (200, b"[]"),
        (200, b"null"),
        (200, b'{"Successful":[{"Id":"0"}]}'),
        (200, b'{"Successful":"x"}'),
        (200, b"<html></html>"),
        (204, b""),
        (302, b"{}"),
        (400, b"[]"),
        (500, b"\xff"),
    ],
)
def test_messages_stay_for_whatever_else_answers_over_http(
    log: ClickLog, settings: Settings, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    with Impostor(Answer(body, status)) as impostor:
        monkeypatch.setenv("AWS_ENDPOINT_URL", impostor.url)
        settings.AWS_SQS_QUEUE_URL = f"{impostor.url}/123456789012/{QUEUE}"
        add(log, "a", "b")
        assert send(log) == Sent()
    assert log.status().conversions_waiting == 2
