"""Making links: which form, which key, when they end, and what the command prints."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from offers.links.links import CannotLink, ad_link, ad_token, read_expiry, token_reader
from offers.links.tokens import BadToken

KEYS = [f"new:{'01' * 32}", f"old:{'02' * 32}"]


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> None:
    settings.AD_TOKEN_KEYS = KEYS
    settings.HOST, settings.PORT = "localhost", 5000


def test_a_link_has_the_old_form_where_that_is_accepted() -> None:
    link = ad_link("https://click.example/", 1, 2)
    head, _, token = link.partition("/offer?ad=")
    assert (head, ":" in token) == ("https://click.example", True)
    assert token_reader().read(token) == (1, 2)


def test_where_the_old_form_is_refused_a_link_is_sealed(settings: Settings) -> None:
    settings.AD_TOKEN_V1 = "refuse"
    assert ad_token(1, 2).startswith("v2.new.")
    assert token_reader().read(ad_token(1, 2)) == (1, 2)
    with pytest.raises(CannotLink, match="AD_TOKEN_V1"):
        ad_token(1, 2, sealed=False)


def test_the_old_form_is_refused_by_any_word_that_does_not_accept_it(settings: Settings) -> None:
    old = ad_token(1, 2)
    settings.AD_TOKEN_V1 = "reject"
    with pytest.raises(BadToken):
        token_reader().read(old)


@pytest.mark.parametrize("expiry", ["9999-12-31T23:59-14:00", "9000-01-01", "999999w"])
def test_a_time_that_no_calendar_reaches_is_refused(expiry: str) -> None:
    with pytest.raises(CannotLink, match="too far ahead"):
        read_expiry(expiry)


def test_the_first_key_seals() -> None:
    assert ad_token(1, 2, sealed=True).startswith("v2.new.")


def test_a_link_that_ends_is_sealed() -> None:
    assert ad_token(1, 2, expires_s=4_000_000_000).startswith("v2.new.")


def test_without_keys_nothing_is_sealed(settings: Settings) -> None:
    settings.AD_TOKEN_KEYS = []
    with pytest.raises(CannotLink, match="AD_TOKEN_KEYS is not set"):
        ad_token(1, 2, sealed=True)


@pytest.mark.parametrize("sealed", [True, False])
def test_ids_that_no_token_can_hold_make_no_link(sealed: bool) -> None:
    with pytest.raises(CannotLink, match="positive"):
        ad_token(0, 2, sealed=sealed)


@pytest.mark.parametrize(
    ("text", "expires_s"),
    [
        ("90m", 1_000_000_000 + 5400),
        ("30d", 1_000_000_000 + 30 * 86_400),
        ("2w", 1_000_000_000 + 14 * 86_400),
        ("2030-01-02", datetime(2030, 1, 2, tzinfo=UTC).timestamp()),
        ("2030-01-02T03:04", datetime(2030, 1, 2, 3, 4, tzinfo=UTC).timestamp()),
        ("2030-01-02T03:04:05+02:00", datetime(2030, 1, 2, 1, 4, 5, tzinfo=UTC).timestamp()),
    ],
)
def test_an_expiry_is_a_duration_or_a_moment(text: str, expires_s: float) -> None:
    assert read_expiry(text, now_s=1_000_000_000) == expires_s


@pytest.mark.parametrize("text", ["", "soon", "30", "30y", "-1d", "2030-13-01", "0d", "1999-01-01"])
def test_what_is_no_moment_to_come_is_refused(text: str) -> None:
    with pytest.raises(CannotLink):
        read_expiry(text, now_s=1_000_000_000)


def printed(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("ad_link", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_prints_the_link_alone() -> None:
    out, err = printed("1", "2")
    assert out.startswith("http://localhost:5000/offer?ad=")
    assert (out.count("\n"), err) == (1, "")


def test_the_command_says_when_a_link_expires() -> None:
    out, err = printed("1", "2", "--expires", "2090-01-01", "--site", "https://click.example")
    assert out.startswith("https://click.example/offer?ad=v2.new.")
    assert "expires at 2090-01-01T00:00:00+00:00" in err


def test_the_command_says_why_there_is_no_link(settings: Settings) -> None:
    settings.AD_TOKEN_KEYS = []
    with pytest.raises(CommandError, match="AD_TOKEN_KEYS is not set"):
        printed("1", "2", "--v2")
