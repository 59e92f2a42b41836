"""Links that are refused, by what is wrong with them: fresh ones for every sample, where that matters."""

import random
from collections.abc import Callable
from typing import Any

from offers.links.tokens import BadToken, TokenReader, encrypt, encrypt_text, seal
from tests.environment import ENCRYPTION_KEY

KEY_ID, KEY = "t", b"timing-test-key-of-32-bytes....."
KEYS = f"{KEY_ID}:{KEY.hex()}"
EXPIRED_S = 1_600_000_000
OFFERS: list[dict[str, Any]] = [
    {"offerId": 1, "status": "public", "type": "regular", "landingPageUrl": "https://one.example/"},
    {"offerId": 3, "status": "inactive", "type": "regular", "landingPageUrl": "https://three.example/"},
]
CAMPAIGNS: list[dict[str, Any]] = [
    {"campaignId": 1, "affiliateId": 7, "campaignStatus": "active"},
    {"campaignId": 2, "affiliateId": 8, "campaignStatus": "blocked"},
    {"campaignId": 3, "affiliateId": 9, "campaignStatus": "active", "affiliateStatus": "blacklisted"},
]
_READER = TokenReader(ENCRYPTION_KEY, 1, {KEY_ID: KEY})

Maker = Callable[[random.Random], str]


def makers() -> dict[str, Maker]:
    """What makes a token of each class; "" stands for a link without one."""
    remembered = seal(1, 1, KEY_ID, KEY, EXPIRED_S)
    return {
        "no token": lambda _: "",
        "not hexadecimal": lambda r: f"{_hex(r, 15)}zz:{_hex(r, 16)}",
        "wrong length": lambda r: f"{_hex(r, 16)}:{_hex(r, 15)}",
        "broken padding": _broken_padding,
        "good padding, other text": lambda r: encrypt_text(_hex(r, 3), ENCRYPTION_KEY),
        "JSON without ids": lambda r: encrypt_text(f'{{"a":{r.randrange(1000)}}}', ENCRYPTION_KEY),
        "unknown offer": lambda r: encrypt(r.randrange(10**6, 10**9), 1, ENCRYPTION_KEY),
        "unknown offer, again": lambda _: encrypt(999, 1, ENCRYPTION_KEY),
        "unknown campaign": lambda r: encrypt(1, r.randrange(10**6, 10**9), ENCRYPTION_KEY),
        "inactive offer": lambda _: encrypt(3, 1, ENCRYPTION_KEY),
        "blocked campaign": lambda _: encrypt(1, 2, ENCRYPTION_KEY),
        "blacklisted affiliate": lambda _: encrypt(1, 3, ENCRYPTION_KEY),
        "v2 not base64url": lambda r: f"v2.{KEY_ID}.{_hex(r, 20)}!",
        "v2 unknown key": lambda _: seal(1, 1, "other", KEY),
        "v2 changed": _changed,
        "v2 unknown offer": lambda r: seal(r.randrange(10**6, 10**9), 1, KEY_ID, KEY),
        "v2 expired": lambda _: seal(1, 1, KEY_ID, KEY, EXPIRED_S),
        "v2 expired, again": lambda _: remembered,
        "damaged, not hexadecimal": lambda r: f"%22({_hex(r, 15)}zz:{_hex(r, 16)}).%0A",
        "damaged, unknown offer": lambda r: (
            f"%22({encrypt(r.randrange(10**6, 10**9), 1, ENCRYPTION_KEY)}).%0A"
        ),
        "damaged, blocked campaign": lambda _: f"%22({encrypt(1, 2, ENCRYPTION_KEY)}).%0A",
    }


def _hex(chance: random.Random, length: int) -> str:
    return chance.randbytes(length).hex()


def _broken_padding(chance: random.Random) -> str:
    while True:
        token = encrypt(1, 1, ENCRYPTION_KEY)
        changed = token[:-2] + _hex(chance, 1)
        try:
            _READER.read(changed)
        except BadToken as error:
            if "padding" in str(error):
                return changed


def _changed(chance: random.Random) -> str:
    token = seal(1, 1, KEY_ID, KEY)
    at = chance.randrange(len(token) - 10, len(token) - 2)
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
