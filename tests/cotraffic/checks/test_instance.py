"""The system checks: what is refused, under which id, and that each says what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.checks import CheckMessage
from pytest_django.fixtures import Settings as SettingsWrapper

from cotraffic.checks import instance
from devstack.services import free_port


def only(messages: list[CheckMessage]) -> CheckMessage:
    assert len(messages) == 1
    assert messages[0].hint
    return messages[0]


def test_a_missing_key_is_refused(settings: SettingsWrapper) -> None:
    settings.ENCRYPTION_KEY = ""
    assert only(instance.check_encryption_key()).id == "cotraffic.E001"


@pytest.mark.parametrize("length", [1, 31, 33, 64])
def test_a_key_of_another_length_is_refused(settings: SettingsWrapper, length: int) -> None:
    settings.ENCRYPTION_KEY = "k" * length
    message = only(instance.check_encryption_key())
    assert (message.id, f"{length} bytes" in message.msg) == ("cotraffic.E002", True)


def test_a_key_is_never_shown(settings: SettingsWrapper) -> None:
    settings.ENCRYPTION_KEY = "not-for-the-eyes-of-others"
    message = only(instance.check_encryption_key())
    assert settings.ENCRYPTION_KEY not in f"{message.msg}{message.hint}"


@pytest.mark.usefixtures("geoip_databases")
def test_a_city_database_that_cannot_be_used_is_an_error(settings: SettingsWrapper, tmp_path: Path) -> None:
    settings.MAXMIND_PATH = str(tmp_path / "none.mmdb")
    message = only(instance.check_geoip())
    assert (message.id, "No such file" in message.msg) == ("cotraffic.E003", True)


@pytest.mark.usefixtures("geoip_databases")
def test_an_isp_database_that_cannot_be_used_is_a_warning(settings: SettingsWrapper, tmp_path: Path) -> None:
    (tmp_path / "broken.mmdb").write_bytes(b"this is no database")
    settings.MAXMIND_PATH_ISP = str(tmp_path / "broken.mmdb")
    assert only(instance.check_geoip()).id == "cotraffic.W003"
    settings.MAXMIND_PATH_ISP = ""
    assert instance.check_geoip() == []


@pytest.mark.usefixtures("geoip_databases")
def test_databases_in_each_others_place_are_named(settings: SettingsWrapper) -> None:
    settings.MAXMIND_PATH = settings.MAXMIND_PATH_ISP
    assert "is a GeoIP2-ISP database" in only(instance.check_geoip()).msg


def test_a_redis_that_does_not_answer_is_refused(settings: SettingsWrapper) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert only(instance.check_redis()).id == "cotraffic.E005"


def test_a_redis_url_that_cannot_be_read_is_refused_and_not_shown(settings: SettingsWrapper) -> None:
    settings.REDIS_URL = "redis://:hush/unquoted@localhost/0"
    message = only(instance.check_redis_url())
    assert instance.check_redis() == []
    assert (message.id, "hush" in f"{message.msg}{message.hint}") == ("cotraffic.E065", False)


@pytest.mark.parametrize("name", ["DEFAULT_REDIRECT_URL", "NOT_FOUND_REDIRECT_URL"])
@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "ftp://a.example/", "http://https://a.example/", "https://a.example:x/"]
)
def test_a_redirect_url_that_is_no_page_is_refused(settings: SettingsWrapper, name: str, value: str) -> None:
    setattr(settings, name, value)
    message = only(instance.check_urls())
    assert (message.id, message.msg.startswith(name)) == ("cotraffic.E006", True)


def test_without_a_page_of_last_resort_nothing_starts(settings: SettingsWrapper) -> None:
    settings.DEFAULT_REDIRECT_URL = ""
    assert only(instance.check_urls()).id == "cotraffic.E006"


@pytest.mark.parametrize("name", ["DEFAULT_REDIRECT_URL", "NOT_FOUND_REDIRECT_URL"])
@pytest.mark.parametrize("value", ["https://a.example/?s={clickid}", "https://a.example/?a=1&amp;b=2"])
def test_a_redirect_url_with_a_defect_that_leaves_it_in_use_is_a_warning(
    settings: SettingsWrapper, name: str, value: str
) -> None:
    setattr(settings, name, value)
    message = only(instance.check_urls())
    assert (message.id, message.msg.startswith(name)) == ("cotraffic.W046", True)


def test_a_proxy_that_is_no_network_is_refused(settings: SettingsWrapper) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "the load balancer"]
    assert only(instance.check_networks()).id == "cotraffic.E007"


def test_a_reader_of_metrics_that_is_no_network_is_refused(settings: SettingsWrapper) -> None:
    settings.METRICS_ALLOW = ["127.0.0.1", "prometheus"]
    assert only(instance.check_networks()).id == "cotraffic.E020"


def test_a_missing_secret_key_is_refused(settings: SettingsWrapper) -> None:
    settings.SECRET_KEY = ""
    assert only(instance.check_secret_key()).id == "cotraffic.E008"


@pytest.mark.usefixtures("redis_url", "geoip_databases")
@pytest.mark.parametrize(
    "check",
    [
        instance.check_encryption_key,
        instance.check_geoip,
        instance.check_redis,
        instance.check_urls,
        instance.check_networks,
        instance.check_secret_key,
    ],
)
def test_an_instance_that_is_well_passes(check: Callable[[], list[CheckMessage]]) -> None:
    assert check() == []
