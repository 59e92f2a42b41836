"""A click that is refused is explained too: why, exactly why, and what to do about it."""

import pytest
import redis
from pytest_django import Settings

from cotraffic.diagnostics.explain.result import RuleState
from offers.links.tokens import encrypt, encrypt_text, seal, sealed_keys
from tests.environment import ENCRYPTION_KEY
from tests.offers.explaining import ALPINE, Explained


@pytest.mark.parametrize(
    ("token", "detail", "hint"),
    [
        ("", "no colon", "`ad` parameter is empty"),
        ("junk", "no colon", "cut off"),
        ("zz:yy", "not hexadecimal", "Copy the link again"),
        ("00:11", "IV", "32 hexadecimal digits"),
        ("00" * 16 + ":11", "length", "cut off"),
        pytest.param(
            encrypt(1, 1, "another-key-another-key-another!"), "", "ENCRYPTION_KEY", id="another key"
        ),
        pytest.param(
            encrypt_text("hello", ENCRYPTION_KEY), "neither JSON nor two ids", "ENCRYPTION_KEY", id="no ids"
        ),
        ("v2.k9." + "A" * 60, "AD_TOKEN_KEYS", "compare AD_TOKEN_KEYS"),
        ("v2.k9", "no dot", "cut off"),
    ],
)
def test_a_bad_token_is_told_what_is_wrong_with_it(
    explained: Explained, token: str, detail: str, hint: str
) -> None:
    refused = explained(link=f"https://c.example/offer?ad={token}").refused
    assert refused
    assert (refused.reason, refused.status) == ("bad token", 404)
    assert detail in refused.detail
    assert hint in refused.hint


def test_an_expired_link_still_names_its_records_and_worked_before(
    explained: Explained, settings: Settings
) -> None:
    settings.AD_TOKEN_KEYS = [f"k1:{'ab' * 32}"]
    token = seal(ALPINE, 5101, "k1", sealed_keys(settings.AD_TOKEN_KEYS)["k1"], 1_700_000_000)
    explanation = explained(link=token)
    assert explanation.refused
    assert "expired at 2023-11-14 22:13:20 UTC" in explanation.refused.detail
    assert explanation.offer
    assert explanation.offer.name == "Alpine Hiking Shop"
    assert explained(link=token, at="2023-11-01").refused is None


@pytest.mark.parametrize(
    ("offer", "campaign", "reason"),
    [
        (99_999, 5101, "unknown offer"),
        (ALPINE, 99_999, "unknown campaign"),
        (ALPINE, 5123, "blocked campaign"),
        (ALPINE, 5125, "blocked affiliate"),
    ],
)
def test_a_refused_pair_tells_why_and_what_to_do(
    explained: Explained, offer: int, campaign: int, reason: str
) -> None:
    explanation = explained(offer, campaign)
    assert explanation.refused
    assert explanation.refused.reason == reason
    assert explanation.refused.hint
    assert explanation.offer
    assert explanation.campaign
    assert (explanation.offer.id, explanation.campaign.id) == (offer, campaign)
    assert {rule.state for rule in explanation.rules} == {RuleState.NOT_ASKED}


def test_a_refused_click_tells_where_the_operator_sends_it(explained: Explained, settings: Settings) -> None:
    settings.NOT_FOUND_REDIRECT_URL = "https://nothing.example/"
    refused = explained(ALPINE, 5125).refused
    assert refused
    assert (refused.status, "https://nothing.example/" in refused.visitor_sees) == (302, True)


def test_without_a_recipe_it_says_how_to_load_one(explained: Explained, redis_client: redis.Redis) -> None:
    redis_client.flushall()
    refused = explained(ALPINE, 5101).refused
    assert refused
    assert (refused.reason, refused.status) == ("nothing loaded", 503)
    assert "recipe_sync" in refused.hint
