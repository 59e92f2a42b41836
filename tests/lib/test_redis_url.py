"""The URL of a Redis: what it may say, and that anything else is refused before a connection is opened."""

from contextlib import suppress

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from cotraffic.checks import broker, instance
from lib.redis_url import BadRedisUrl, open_connection, read_url
from lib.shared_redis import BadSharedUrl, open_shared
from offers.click_log.connection import LogConnection

GOOD = [
    "redis://",
    "redis://localhost",
    "redis://localhost:6379/0",
    "redis://localhost:6379/15",
    "redis://:p%40w@[::1]:6379/0",
    "redis://user:pw@host/0?socket_timeout=1.5&socket_connect_timeout=2&health_check_interval=3&client_name=a",
    "redis://host/0?socket_keepalive=false&max_connections=20&retry_on_timeout=true",
    "redis://host?db=4",
    "unix:///var/run/redis.sock",
    "unix://user:pw@/var/run/redis.sock?db=2",
    "rediss://host",
    "rediss://host/0?ssl_cert_reqs=none",
    "rediss://host/0?ssl_cert_reqs=optional&ssl_check_hostname=no",
    "rediss://host/0?ssl_ca_certs=/a/b.crt&ssl_certfile=/a/c.crt&ssl_keyfile=/a/c.key&ssl_password=%23",
    "rediss://host/0?ssl_ca_path=/a&ssl_min_version=772&ssl_ciphers=ECDHE-ECDSA-AES256-GCM-SHA384",
    "rediss://host/0?ssl_include_verify_flags=VERIFY_X509_STRICT,VERIFY_CRL_CHECK_LEAF",
    "rediss://host/0?ssl_exclude_verify_flags=VERIFY_X509_STRICT",
]
BAD = [
    "",
    "host:6379",
    "http://host",
    "redis+cluster://host",
    "redis://:hush/unquoted@host/0",
    "redis://:hush#unquoted@host/0",
    "redis://:hush?unquoted=x@host/0",
    "redis://:hush?unquoted@host/0",
    "redis://:hush@host:port/0",
    "redis://:hush@host:99999/0",
    "redis://:hush@[host/0",
    "redis://:hush@host/zero",
    "redis://:hush@host/0/1",
    "redis://:hush@host/-1",
    "redis://:hush@host?db=first",
    "redis://:hush@host?db=-1",
    "redis://:hush@host?db=",
    "redis://:hush@host?db=1&db=2",
    "redis://:hush@host?hush=x",
    "redis://:hush@host?decode_responses=true",
    "redis://:hush@host?protocol=3",
    "redis://:hush@host?socket_timeout=hush",
    "redis://:hush@host?socket_keepalive=perhaps",
    "redis://:hush@host?ssl_ca_certs=/a/b.crt",
    "unix:///hush?ssl_cert_reqs=none",
    "rediss://:hush@host?ssl_ca_cert=/a/b.crt",
    "rediss://:hush@host?ssl_ca_certs=",
    "rediss://:hush@host?ssl_ca_certs",
    "rediss://:hush@host?ssl_cert_reqs=CERT_NONE",
    "rediss://:hush@host?ssl_cert_reqs=None",
    "rediss://:hush@host?ssl_check_hostname=off-hush",
    "rediss://:hush@host?ssl_min_version=TLSv1_2",
    "rediss://:hush@host?ssl_min_version=5",
    "rediss://:hush@host?ssl_ciphers=hush",
    "rediss://:hush@host?ssl_ca_data=hush",
    "rediss://:hush@host?ssl_include_verify_flags=VERIFY_HUSH",
    "rediss://:hush@host?ssl_validate_ocsp=true",
]


@pytest.mark.parametrize("url", GOOD)
def test_a_url_that_says_where_redis_is_describes_a_connection(url: str) -> None:
    assert open_connection(url) is not None


@pytest.mark.parametrize("url", BAD)
def test_a_url_that_redis_py_would_misread_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(BadRedisUrl) as raised:
        read_url(url)
    assert str(raised.value).startswith("has ")
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("url", BAD)
def test_the_click_log_is_not_opened_at_such_a_url(url: str) -> None:
    with pytest.raises(BadRedisUrl):
        LogConnection(url)


@pytest.mark.parametrize("url", [url for url in BAD if url and "+cluster" not in url])
def test_a_shared_redis_is_not_opened_at_such_a_url(url: str) -> None:
    for shared in (url, url.replace("://", "+cluster://", 1)):
        with pytest.raises(BadSharedUrl) as raised:
            open_shared(shared, 1)
        assert "hush" not in str(raised.value)


@pytest.mark.parametrize("url", [url for url in BAD if url.startswith("redis")])
def test_the_checks_refuse_such_a_url_with_a_hint(url: str) -> None:
    with override_settings(REDIS_URL=url, CELERY_BROKER_URL=url):
        (of_redis,) = instance.check_redis_url()
    assert (of_redis.id, bool(of_redis.hint)) == ("cotraffic.E065", True)
    assert "hush" not in f"{of_redis.msg}{of_redis.hint}"


def test_the_checks_refuse_such_a_url_of_a_broker() -> None:
    with override_settings(CELERY_BROKER_URL="rediss://:hush@host?ssl_ca_cert=/a"):
        (message,) = broker.check_broker()
    assert message.id == "cotraffic.E056"
    assert "hush" not in f"{message.msg}{message.hint}"


@given(st.text(), st.text())
def test_no_text_raises_anything_else(text: str, query: str) -> None:
    for url in (text, f"redis://{text}", f"rediss://host/{text}?{query}", f"unix://{text}?{query}"):
        with suppress(BadRedisUrl):
            assert read_url(url)["connection_class"]
