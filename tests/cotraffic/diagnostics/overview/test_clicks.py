"""What the overview says of clicks on their way: delivery, the spool, and those that are lost."""

from pathlib import Path

import pytest
import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from offers.click_log.stream import ClickLog
from offers.spool.directory import SUFFIX
from offers.spool.types import PendingClick
from tests.cotraffic.diagnostics.looking import now_ms, parts, publish


@pytest.fixture
def log(redis_client: redis.Redis) -> ClickLog:
    return ClickLog(redis_client)


def test_clicks_that_wait_too_long_are_told(log: ClickLog, redis_client: redis.Redis) -> None:
    log.append([PendingClick(b'{"lid":"9ed72f87"}', unique="0")])
    assert parts()["dynamodb"].state == "ok"
    old = f"{now_ms() - 7_300_000}-0"
    redis_client.delete("clicks")
    redis_client.xadd("clicks", {"click": "{}", "unique": "0"}, id=old)
    delivery = parts()["dynamodb"]
    assert (delivery.state, "the oldest for 2 h" in delivery.sentence) == ("error", True)


def test_a_dynamodb_that_takes_nothing_says_why(log: ClickLog) -> None:
    log.note_table("DynamoDB refuses us; check AWS_DYNAMODB_TABLE_NAME")
    delivery = parts()["dynamodb"]
    assert (delivery.state, "AWS_DYNAMODB_TABLE_NAME" in delivery.sentence) == ("error", True)


def test_lost_clicks_are_red(staff_client: Client, redis_client: redis.Redis, redis_url: str) -> None:
    redis_client.hset("clicks:totals", "lost", 3)
    publish(redis_url, commits={"lost": 3})
    delivery = parts()["dynamodb"]
    assert (delivery.state, delivery.sentence) == ("error", "3 clicks lost since the workers started.")
    shown = staff_client.get(reverse("diagnostics:overview")).text
    assert '<dd class="is-error">3</dd>' in shown
    assert '<td class="num is-error" data-label="Lost">3</td>' in shown


def test_clicks_lost_long_ago_are_not_forgotten(redis_client: redis.Redis) -> None:
    redis_client.hset("clicks:totals", "lost", 3)
    assert parts()["dynamodb"].state == "warning"


def test_clicks_in_the_spool_are_told(redis_client: redis.Redis, settings: Settings, tmp_path: Path) -> None:
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    assert parts()["spool"].state == "ok"
    (tmp_path / f"one{SUFFIX}").write_bytes(b"{}\n{}\n")
    assert parts()["spool"].sentence == "2 clicks waiting on disk for Redis."
