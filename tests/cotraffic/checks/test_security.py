"""The checks of what keeps others out: what is refused, under which id, and that no key is shown."""

import pytest
from pytest_django import Settings

from cotraffic.checks import instance, security
from tests.cotraffic.checks.test_instance import only

KEY = "0f" * 32


def test_the_keys_of_tests_pass(settings: Settings) -> None:
    settings.AD_TOKEN_KEYS = [f"b:{KEY}", f"a:{'1f' * 32}"]
    assert security.check_token_keys() == []


def test_an_unknown_word_for_the_old_form_is_refused(settings: Settings) -> None:
    settings.AD_TOKEN_V1 = "yes"
    assert only(security.check_token_keys()).id == "cotraffic.E060"


@pytest.mark.parametrize("entries", [[KEY], [f"a:{KEY[:-1]}"], [f"a:{KEY}", f"a:{KEY}"], [f"a:{KEY}", ""]])
def test_keys_that_cannot_be_read_are_refused_and_not_shown(settings: Settings, entries: list[str]) -> None:
    settings.AD_TOKEN_KEYS = entries
    message = only(security.check_token_keys())
    assert message.id == "cotraffic.E021"
    assert KEY[:-1] not in f"{message.msg}{message.hint}"


def test_an_instance_that_can_read_no_link_is_refused(settings: Settings) -> None:
    settings.AD_TOKEN_V1 = "refuse"
    assert only(security.check_token_keys()).id == "cotraffic.E022"


def test_where_the_old_form_is_refused_its_key_is_not_needed(settings: Settings) -> None:
    settings.AD_TOKEN_V1, settings.ENCRYPTION_KEY, settings.AD_TOKEN_KEYS = "refuse", "", [f"a:{KEY}"]
    assert instance.check_encryption_key() == []
    assert security.check_token_keys() == []


def test_a_key_with_two_purposes_is_warned_of(settings: Settings) -> None:
    settings.AD_TOKEN_KEYS = [f"a:{settings.ENCRYPTION_KEY.encode().hex()}"]
    assert only(security.check_token_keys()).id == "cotraffic.W023"


@pytest.mark.parametrize("entry", ["pl?o", "/pl", "/health?o", "/offer?ad", "/back-office/x?o", "/pl?subid"])
def test_an_alias_that_cannot_be_is_refused_with_a_hint(settings: Settings, entry: str) -> None:
    settings.ADMIN_PATH, settings.CLICK_ALIASES = "back-office/", ["/ad?ad", entry]
    message = only(security.check_click_aliases())
    assert (message.id, entry in message.msg) == ("cotraffic.E047", True)
    assert "/ad?ad,/pl?o" in str(message.hint)


def test_aliases_as_the_newest_links_have_them_pass(settings: Settings) -> None:
    settings.CLICK_ALIASES = ["/ad?ad", "/pl?o"]
    assert security.check_click_aliases() == []
