"""The sealed form of ad tokens (v2): what it holds, what it refuses, how its keys are changed."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from offers.links.tokens import MAX_EXPIRY_S, BadToken, TokenReader, encrypt, seal, sealed_keys
from tests.environment import ENCRYPTION_KEY

IDS = st.integers(min_value=1, max_value=10**18 - 1)
KEY_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,16}", fullmatch=True)
KEYS = {"new": b"n" * 32, "old": b"o" * 32}
READER = TokenReader(ENCRYPTION_KEY, 100, KEYS)
FAR = 4_000_000_000
GOOD = seal(101, 5101, "new", KEYS["new"])


def sealed_text(plain: bytes, key_id: str = "new", bound: str = "v2.new") -> str:
    nonce = b"0" * 12
    sealed = nonce + AESGCM(KEYS[key_id]).encrypt(nonce, plain, bound.encode())
    return f"v2.{key_id}.{urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


@given(IDS, IDS, KEY_IDS, st.binary(min_size=32, max_size=32), st.just(0) | st.integers(FAR, MAX_EXPIRY_S))
def test_what_was_sealed_is_read_again(
    offer_id: int, campaign_id: int, key_id: str, key: bytes, expires_s: int
) -> None:
    token = seal(offer_id, campaign_id, key_id, key, expires_s)
    reader = TokenReader("", 1, {key_id: key})
    assert reader.read(token) == (offer_id, campaign_id)
    assert reader.decrypted(token)[1:] == (key_id, expires_s)


@given(IDS, IDS)
def test_a_sealed_token_stands_in_a_url_as_it_is(offer_id: int, campaign_id: int) -> None:
    token = seal(offer_id, campaign_id, "2026-b_1", KEYS["new"])
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_the_same_ids_are_never_sealed_the_same_way_twice() -> None:
    assert len({seal(1, 1, "new", KEYS["new"]) for _ in range(100)}) == 100


@given(st.integers(0, len(GOOD) - 1), st.characters(max_codepoint=255))
def test_any_changed_character_is_refused(at: int, character: str) -> None:
    changed = GOOD[:at] + character + GOOD[at + 1 :]
    if changed != GOOD:
        with pytest.raises(BadToken):
            READER.read(changed)


@given(st.integers(0, len(urlsafe_b64decode(GOOD[7:] + "==")) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(at: int, by: int) -> None:
    sealed = bytearray(urlsafe_b64decode(GOOD[7:] + "=="))
    sealed[at] ^= by
    with pytest.raises(BadToken):
        READER.read("v2.new." + urlsafe_b64encode(sealed).rstrip(b"=").decode())


@pytest.mark.parametrize("end", ["=", "==", "A", "-", "%00", "\0", ".A", " A"])
def test_nothing_but_damage_may_follow_a_token(end: str) -> None:
    with pytest.raises(BadToken):
        READER.read(GOOD + end)


def test_every_cut_is_refused() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(BadToken):
            READER.read(GOOD[:length])


def test_the_seal_covers_the_key_id() -> None:
    reader = TokenReader("", 10, {"a": KEYS["new"], "b": KEYS["new"]})
    token = seal(1, 2, "a", KEYS["new"])
    assert reader.read(token) == (1, 2)
    with pytest.raises(BadToken, match="changed"):
        reader.read(token.replace("v2.a.", "v2.b."))


@pytest.mark.parametrize("bound", ["", "v2.", "v2.old", "v3.new", "new"])
def test_the_seal_covers_version_and_key_id_and_nothing_else(bound: str) -> None:
    assert READER.read(sealed_text(b"1|2")) == (1, 2)
    with pytest.raises(BadToken, match="changed"):
        READER.read(sealed_text(b"1|2", bound=bound))


@pytest.mark.parametrize(
    "plain",
    [
        *(b"", b"1", b"1|", b"|2", b"0|2", b"1|0", b"-1|2", b"1|2|", b"1|2|3|4", b"1|2|x", b" 1|2", b"1|2\n"),
        b'{"offerId": 1, "campaignId": 2}',
        b"\xd9\xa1|2",
        b"1" * 19 + b"|2",
    ],
)
def test_a_seal_around_anything_but_ids_is_refused(plain: bytes) -> None:
    with pytest.raises(BadToken):
        READER.read(sealed_text(plain))


@given(IDS, IDS)
def test_the_forms_are_never_confused(offer_id: int, campaign_id: int) -> None:
    only_old = TokenReader(ENCRYPTION_KEY, 1)
    only_sealed = TokenReader("", 1, KEYS)
    with pytest.raises(BadToken):
        only_old.read(seal(offer_id, campaign_id, "new", KEYS["new"]))
    with pytest.raises(BadToken, match="AD_TOKEN_V1"):
        only_sealed.read(encrypt(offer_id, campaign_id, ENCRYPTION_KEY))


def test_the_same_key_for_both_forms_still_opens_neither_as_the_other() -> None:
    shared = ENCRYPTION_KEY.encode()
    reader = TokenReader(ENCRYPTION_KEY, 1, {"a": shared})
    old = encrypt(1, 2, ENCRYPTION_KEY)
    sealed = urlsafe_b64decode(seal(1, 2, "a", shared)[5:] + "==")
    for token in (f"v2.a.{old}", f"v2.{old}", f"{sealed[:16].hex()}:{sealed[16:32].hex()}"):
        with pytest.raises(BadToken):
            reader.read(token)


def test_links_under_an_old_key_work_until_it_is_taken_out() -> None:
    old = seal(1, 2, "old", KEYS["old"])
    assert READER.read(old) == (1, 2)
    with pytest.raises(BadToken, match="AD_TOKEN_KEYS"):
        TokenReader("", 10, {"new": KEYS["new"]}).read(old)


def test_an_expired_link_is_a_bad_token_that_says_since_when() -> None:
    with pytest.raises(BadToken, match=r"expired at 2001-09-09T01:46:40\+00:00"):
        READER.read(seal(1, 2, "new", KEYS["new"], 1_000_000_000))


def test_a_remembered_link_expires_too(monkeypatch: pytest.MonkeyPatch) -> None:
    token = seal(1, 2, "new", KEYS["new"], FAR)
    assert READER.read(token) == (1, 2)
    monkeypatch.setattr(time, "time", lambda: FAR - 0.5)
    assert READER.read(token) == (1, 2)
    monkeypatch.setattr(time, "time", lambda: float(FAR))
    with pytest.raises(BadToken, match="expired"):
        READER.read(token)


@pytest.mark.parametrize("numbers", [(0, 1, 0), (1, -1, 0), (10**18, 1, 0), (1, 1, -1), (1, 1, 10**12)])
def test_what_no_token_can_hold_is_not_sealed(numbers: tuple[int, int, int]) -> None:
    offer_id, campaign_id, expires_s = numbers
    with pytest.raises(ValueError, match=r"ids|expiry"):
        seal(offer_id, campaign_id, "new", KEYS["new"], expires_s)


def test_keys_keep_their_order() -> None:
    assert list(sealed_keys([f"b:{'0' * 64}", f" a:{'1F' * 32} "])) == ["b", "a"]


@pytest.mark.parametrize(
    "entries",
    [[""], ["a"], ["a:"], [f":{'0' * 64}"], [f"a b:{'0' * 64}"], ["a:" + "0" * 63], [f"a:{'x' * 64}"]],
)
def test_what_is_no_key_is_refused_without_being_shown(entries: list[str]) -> None:
    with pytest.raises(ValueError, match="entry 1") as raised:
        sealed_keys(entries)
    assert entries[0][2:] == "" or entries[0][2:] not in str(raised.value)


def test_an_id_that_is_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        sealed_keys([f"a:{'0' * 64}", f"a:{'1' * 64}"])
