"""Ad tokens: both forms, and everything that is none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.links.tokens import (
    DAMAGE,
    AdTarget,
    BadToken,
    TokenReader,
    encrypt,
    encrypt_text,
    key_bytes,
    read_target,
    seal,
)
from tests.environment import ENCRYPTION_KEY

IDS = st.integers(min_value=1, max_value=10**18 - 1)
SEALING_KEY = b"s" * 32
READER = TokenReader(ENCRYPTION_KEY, 100, {"k": SEALING_KEY})
FORMS = {"v1": encrypt(2, 4, ENCRYPTION_KEY), "v2": seal(2, 4, "k", SEALING_KEY)}
BLANKS = " \t\r\n\x0b\x0c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000"


def read(text: str) -> AdTarget:
    return READER.read(encrypt_text(text, ENCRYPTION_KEY))


@given(IDS, IDS)
def test_what_was_encrypted_is_read_again(offer_id: int, campaign_id: int) -> None:
    assert READER.read(encrypt(offer_id, campaign_id, ENCRYPTION_KEY)) == (offer_id, campaign_id)


@pytest.mark.parametrize(
    "text",
    [
        "2|4",
        "2|4|more|fields",
        "02|004",
        '{"offerId": 2, "campaignId": 4}',
        '{"campaignId": "4", "offerId": "2", "other": [1]}',
        ' {"offerId":2,"campaignId":4} ',
    ],
)
def test_both_forms_name_an_offer_and_a_campaign(text: str) -> None:
    assert read(text) == AdTarget(2, 4)


@pytest.mark.parametrize(
    "text",
    [
        *("", "2", "2|", "|4", "0|4", "2|0", "-2|4", "+2|4", "2.0|4", "2e0|4", "0x2|4", " 2 | 4", "٢|4"),
        "9" * 19 + "|4",
        *("{}", "{", "[]", '{"offerId": 2}', '{"offerId": 2.5, "campaignId": 4}', '{"offerId": true}'),
        '{"offerId": null, "campaignId": 4}',
        '{"offerId": 1000000000000000000, "campaignId": 4}',
        '{"offerId": "1000000000000000000", "campaignId": 4}',
        *('{"offerId": 2.0, "campaignId": 4}', '{"offerId": 2e0, "campaignId": 4}'),
        *('{"offerId": " 2", "campaignId": 4}', '{"offerId": [2], "campaignId": 4}', '{"offerId": -2}'),
        *("2|4\n", "2|4.", "\ufeff2|4", "2|" + "4" * 19),
        '{"a":' * 80,
    ],
)
def test_ids_are_positive_decimal_integers_and_nothing_else(text: str) -> None:
    with pytest.raises(BadToken):
        read(text)


def test_upper_case_hexadecimal_is_read() -> None:
    assert READER.read(encrypt(2, 4, ENCRYPTION_KEY).upper()) == (2, 4)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ":",
        "00" * 16,
        "00" * 16 + ":",
        "00" * 15 + ":" + "00" * 16,
        "00" * 16 + ":" + "00" * 15,
        "zz" * 16 + ":" + "00" * 16,
        "00 " * 16 + ":" + "00" * 16,
        "00" * 16 + ":" + "00" * 16 * 100,
        pytest.param(encrypt(2, 4, "another key of thirty-two bytes!"), id="another key"),
    ],
)
def test_what_is_no_token_is_a_bad_token(token: str) -> None:
    with pytest.raises(BadToken):
        READER.read(token)


@pytest.mark.parametrize("token", FORMS.values(), ids=FORMS)
@given(before=st.text(DAMAGE + BLANKS, max_size=9), behind=st.text(DAMAGE + BLANKS, max_size=9))
def test_damage_around_a_token_is_dropped(token: str, before: str, behind: str) -> None:
    assert READER.read(before + token + behind) == AdTarget(2, 4)
    assert READER.opened(before + token + behind).target == AdTarget(2, 4)


@pytest.mark.parametrize("token", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("damage", [" ", "\n", ".", '"', "\u200b"])
def test_damage_within_a_token_makes_it_a_bad_one(token: str, damage: str) -> None:
    for at in range(1, len(token)):
        with pytest.raises(BadToken):
            READER.read(token[:at] + damage + token[at:])


def test_an_expired_token_stays_so_whatever_is_around_it() -> None:
    token = seal(2, 4, "k", SEALING_KEY, expires_s=1)
    with pytest.raises(BadToken, match="expired"):
        READER.read(f"({token}).")


def test_where_the_old_form_is_refused_damage_does_not_hide_the_new_one() -> None:
    reader = TokenReader("", 10, {"k": SEALING_KEY})
    assert reader.read(f" <{FORMS['v2']}>") == AdTarget(2, 4)


def test_damaged_tokens_push_no_good_one_out() -> None:
    reader = TokenReader(ENCRYPTION_KEY, 10)
    good = encrypt(2, 4, ENCRYPTION_KEY)
    for count in range(100):
        reader.read(good + "." * count)
    assert reader.decrypted.cache_info().currsize == 1


@given(st.text() | st.from_regex(r"[0-9a-f]{32}:([0-9a-f]{32}){1,3}", fullmatch=True))
def test_no_text_raises_anything_but_bad_token(token: str) -> None:
    with suppress(BadToken):
        READER.read(token)


@given(st.binary(max_size=200))
def test_no_plain_text_raises_anything_but_bad_token(plain: bytes) -> None:
    with suppress(BadToken):
        read_target(plain)


def test_good_tokens_are_remembered_and_junk_is_not() -> None:
    reader = TokenReader(ENCRYPTION_KEY, 2)
    good = encrypt(2, 4, ENCRYPTION_KEY)
    reader.read(good)
    for junk in range(100):
        with suppress(BadToken):
            reader.read(f"{junk}:junk")
    reader.read(good)
    assert reader.decrypted.cache_info().hits == 1


@pytest.mark.parametrize("key", ["", "short", "k" * 33, "ü" * 32])
def test_a_key_has_32_bytes(key: str) -> None:
    with pytest.raises(ValueError, match="AES-256 needs 32"):
        key_bytes(key)
