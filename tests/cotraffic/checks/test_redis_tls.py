"""The system checks open Redis as the workers do, with every option of its URL."""

from pathlib import Path

from django.core.checks import CheckMessage
from django.test import override_settings

from cotraffic.checks import broker, instance, shared_redis
from cotraffic.checks import redis as redis_checks
from tests.tls import Certificates, TlsEnd, url_of


def complaints(url: str) -> list[str | None]:
    """The ids of what the checks say of a URL in all three places."""
    with override_settings(REDIS_URL=url, SHARED_REDIS_URL=url, CELERY_BROKER_URL=url):
        found: list[CheckMessage] = [
            *instance.check_redis_url(),
            *instance.check_redis(),
            *redis_checks.check_clicks_can_be_written(),
            *redis_checks.check_redis_keeps_clicks(),
            *broker.check_broker(),
            *shared_redis.check_shared_redis(),
        ]
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_the_checks_open_what_the_workers_open(end: TlsEnd, certificates: Certificates) -> None:
    assert complaints(url_of(end, ssl_ca_certs=certificates.authority.ca)) == []
    assert complaints(url_of(end)) == ["cotraffic.E005", "cotraffic.W044"]


def test_a_file_that_is_not_there_is_named(end: TlsEnd, certificates: Certificates, tmp_path: Path) -> None:
    missing = tmp_path / "none.crt"
    for option in ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"):
        with override_settings(REDIS_URL=url_of(end, **{option: missing})):
            (message,) = instance.check_redis_url()
        assert f"{option} that cannot be read: {missing}" in message.msg
