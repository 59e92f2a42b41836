"""A conversion message is sent once, however late a spool brings its click back."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from pytest_django import Settings

from offers.click_log.stream import CONVERSIONS, SENT, SENT_SECONDS, ClickLog
from offers.delivery.sqs import Sent
from offers.spool.replay import parts
from offers.spool.spool import Spool
from offers.spool.types import PendingClick
from tests.offers.delivery.conversions import add, message, received, send

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def replay(log: ClickLog, tmp_path: Path, *lids: str) -> None:
    """Bring clicks back from a spool, as of a batch that Redis had taken when its answer was lost."""
    spool = Spool(tmp_path / "spool")
    spool.write(
        [PendingClick(b'{"lid":"%b"}' % lid.encode(), conversion=f"1 {message(lid)}") for lid in lids]
    )
    for part in parts(spool):
        log.append(part.clicks)


def test_a_replay_brings_no_message_back_that_was_sent(
    log: ClickLog, sqs: "SQSClient", settings: Settings, tmp_path: Path
) -> None:
    add(log, "a")
    assert send(log) == Sent(sent=1)
    assert len(received(sqs, settings)) == 1
    replay(log, tmp_path, "a", "b")
    assert send(log) == Sent(sent=1)
    assert [one["Body"] for one in received(sqs, settings)] == [message("b")]
    assert log.status().conversions_waiting == 0


def test_a_message_that_was_not_sent_yet_is_sent_once_after_a_replay(
    log: ClickLog, sqs: "SQSClient", settings: Settings, tmp_path: Path
) -> None:
    add(log, "a")
    replay(log, tmp_path, "a")
    assert send(log) == Sent(sent=1)
    assert len(received(sqs, settings)) == 1


def test_a_lid_is_remembered_in_the_step_that_forgets_its_message_and_for_two_days(
    log: ClickLog, sqs: "SQSClient", redis_client: redis.Redis
) -> None:
    add(log, "a")
    send(log)
    assert redis_client.zcard(CONVERSIONS) == 0
    assert SENT_SECONDS - 60 < redis_client.ttl(f"{SENT}:a") <= SENT_SECONDS == 48 * 3600


def test_a_message_that_sqs_refused_is_not_taken_for_sent(log: ClickLog, sqs: "SQSClient") -> None:
    log.dead_letter_conversions([(message("a").encode(), "it was bad")])
    assert log.sent_conversions(["a"]) == set()
    assert log.redeliver_conversions(10) == 1
    assert send(log) == Sent(sent=1)


def test_messages_leave_a_redis_that_has_no_memory_left(
    log: ClickLog, sqs: "SQSClient", settings: Settings, redis_client: redis.Redis
) -> None:
    add(log, "a")
    redis_client.config_set("maxmemory", 1)
    try:
        assert send(log) == Sent(sent=1)
    finally:
        redis_client.config_set("maxmemory", 0)
    assert log.sent_conversions(["a", "b"]) == {"a"}


def test_a_lid_takes_little_memory(log: ClickLog, sqs: "SQSClient", redis_client: redis.Redis) -> None:
    lid = "2f1d3c4b-0000-4000-8000-000000000000"
    log.forget_sent_conversions({b"message": lid})
    assert 0 < (redis_client.memory_usage(f"{SENT}:{lid}") or 0) <= 160


@pytest.mark.parametrize("lids", [[], ["a"]])
def test_nothing_was_sent_in_an_empty_redis(log: ClickLog, lids: list[str]) -> None:
    assert log.sent_conversions(lids) == set()
