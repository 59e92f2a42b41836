"""The system checks of Redis: each setting that may lose a click is told, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from django.core.checks import run_checks
from django.test import override_settings
from pytest_django import Settings

from cotraffic.checks.redis import check_clicks_can_be_written, check_redis_keeps_clicks
from devstack.services import LOCALHOST, free_port


@contextmanager
def configured(client: redis.Redis, name: str, value: str) -> Iterator[None]:
    """The tests' Redis with one of its settings changed."""
    before = client.config_get(name)[name] or ""
    client.config_set(name, value)
    try:
        yield
    finally:
        client.config_set(name, before)


def test_a_redis_started_with_our_options_is_fine(redis_client: redis.Redis) -> None:
    assert check_redis_keeps_clicks() == []


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("appendonly", "no", "W040"),
        ("appendfsync", "everysec", "W041"),
        ("appendfsync", "no", "W041"),
        ("maxmemory-policy", "allkeys-lru", "W042"),
    ],
)
def test_a_setting_that_may_lose_clicks_is_told(
    redis_client: redis.Redis, name: str, value: str, number: str
) -> None:
    with configured(redis_client, name, value):
        (message,) = check_redis_keeps_clicks()
    assert message.id == f"cotraffic.{number}"
    assert f"{name} {value}" in message.msg
    assert "deploy/redis.conf" in (message.hint or "")


def test_of_a_redis_that_is_away_nothing_is_said(settings: Settings) -> None:
    settings.REDIS_URL = f"redis://{LOCALHOST}:{free_port()}/0"
    assert check_redis_keeps_clicks() == []


def test_of_a_url_that_cannot_be_read_its_own_check_speaks_alone(settings: Settings) -> None:
    settings.REDIS_URL = "redis://host:port/0"
    found = [message.id for message in run_checks() if "REDIS_URL" in message.msg]
    assert found == ["cotraffic.E065"]
    assert check_clicks_can_be_written() == check_redis_keeps_clicks() == []


def test_of_a_redis_that_does_not_tell_nothing_is_said(
    redis_client: redis.Redis, redis_url: str, settings: Settings
) -> None:
    redis_client.acl_setuser(
        "guest", enabled=True, passwords=["+guest"], commands=["+@all", "-config"], keys=["*"]
    )
    settings.REDIS_URL = redis_url.replace("redis://", "redis://guest:guest@")
    try:
        with configured(redis_client, "appendfsync", "everysec"):
            assert check_redis_keeps_clicks() == []
    finally:
        redis_client.acl_deluser("guest")


@pytest.mark.parametrize("forbidden", ["-evalsha", "-script|load", "-@scripting"])
def test_a_user_who_may_not_write_clicks_is_told(
    redis_client: redis.Redis, redis_url: str, forbidden: str
) -> None:
    redis_client.acl_setuser(
        "reader", enabled=True, passwords=["+pw"], commands=["+@all", forbidden], keys=["*"]
    )
    url = redis_url.replace("redis://", "redis://reader:pw@")
    try:
        with override_settings(REDIS_URL=url):
            (message,) = check_clicks_can_be_written()
    finally:
        redis_client.acl_deluser("reader")
    assert message.id == "cotraffic.E055"
    assert "EVALSHA" in (message.hint or "")
