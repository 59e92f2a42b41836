"""Only what SQS itself says of a message counts: other answers let it wait."""

from collections.abc import Callable
from hashlib import md5
from typing import TYPE_CHECKING, Any

import pytest
import redis
from pytest_django import Settings

from offers.click_log.stream import CONVERSIONS, ClickLog
from offers.delivery.sqs import ConversionQueue, Sent, send_due
from tests.offers.delivery.conversions import QUEUE, add, dead, message, send
from tests.offers.impostor import Answer, Impostor

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


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


def test_only_what_was_sent_is_forgotten_and_only_what_is_bad_is_a_dead_letter(
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
