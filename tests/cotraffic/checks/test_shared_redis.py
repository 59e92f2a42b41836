"""The system checks of the Redis that instances share: what is refused or told, and never a password."""

import pytest
from pytest_django import Settings

from cotraffic.checks.shared_redis import check_shared_redis
from devstack.services import LOCALHOST, free_port


def test_instances_need_not_share_a_redis(settings: Settings) -> None:
    settings.SHARED_REDIS_URL = ""
    assert check_shared_redis() == []


def test_a_shared_redis_that_answers_is_fine(redis_url: str, settings: Settings) -> None:
    settings.SHARED_REDIS_URL = redis_url
    assert check_shared_redis() == []


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://:{secret}@one:26379,two:26379",
        "redis+sentinel://:{secret}@/visitors",
        "redis+sentinel://:{secret}@one,,two/visitors",
        "redis+sentinel://:{secret}@one:port/visitors",
        "redis+sentinel://:{secret}@one:99999/visitors",
        "redis+sentinel://:{secret}@one/visitors/first",
        "redis+sentinel://:{secret}@one/visitors/0/0",
        "redis+sentinel://:a/{secret}@one/visitors",
        "redis+sentinel://:{secret}@one/visitors?socket_timeout=long",
        "redis+sentinel://:{secret}@one/visitors?passwort={secret}",
        "http+sentinel://:{secret}@one/visitors",
        "redis+sentinels://:{secret}@one/visitors",
        "redis+cluster://:{secret}@one:port",
        "rediss+cluster://:{secret}@one?ssl_ca_path=/a",
        "redis+sentinel://:{secret}@one/visitors?ssl_ca_certs=/a",
        "rediss+sentinel://:{secret}@one/visitors?ssl_ca_cert=/a",
        "redis://:{secret}@one:port/0",
        "redis://:{secret}@one:6379/0?passwort={secret}",
        "redis://:{secret}@[one/0",
        "one:6379",
    ],
)
def test_a_url_that_names_no_redis_is_refused_and_not_shown(settings: Settings, url: str) -> None:
    settings.SHARED_REDIS_URL = url.format(secret="hush")
    (message,) = check_shared_redis()
    assert message.id == "cotraffic.E043"
    assert "redis+sentinel://:PASSWORD@HOST:26379,HOST:26379/SERVICE/0" in (message.hint or "")
    assert "hush" not in f"{message.msg}{message.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:{secret}@{nobody}/0",
        "redis+cluster://:{secret}@{nobody}",
        "redis+sentinel://:{secret}@{nobody},{nobody}/visitors/0?sentinel_password={secret}",
        "rediss+sentinel://:{secret}@{nobody}/visitors",
    ],
)
def test_a_shared_redis_that_is_away_is_no_more_than_a_warning(settings: Settings, url: str) -> None:
    settings.SHARED_REDIS_URL = url.format(secret="hush", nobody=f"{LOCALHOST}:{free_port()}")
    (message,) = check_shared_redis()
    assert message.id == "cotraffic.W044"
    assert "counts as unique" in (message.hint or "")
    assert "hush" not in f"{message.msg}{message.hint}"


def test_of_sentinels_that_are_away_no_more_than_the_service_is_told(settings: Settings) -> None:
    settings.SHARED_REDIS_URL = f"redis+sentinel://{LOCALHOST}:{free_port()}/visitors"
    (message,) = check_shared_redis()
    told = "No master found for 'visitors'; a sentinel did not answer"
    assert message.msg == f"The shared Redis does not answer: {told}"
