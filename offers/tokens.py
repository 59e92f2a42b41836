"""Ad tokens: `<iv hex>:<ciphertext hex>`, AES-256-CBC with PKCS#7 padding, naming an offer and a campaign.

CBC carries no authentication, so whatever is wrong with a token, the outside sees one and the same answer:
the reasons below are for debug answers and logs only.
"""

import os
from functools import lru_cache
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

KEY_BYTES = 32
BLOCK_BYTES = 16
# The longest text worth decrypting: two ids of 18 digits in JSON, with room for further fields.
MAX_CIPHERTEXT_BYTES = 512
MAX_ID_DIGITS = 18


class BadToken(ValueError):
    """The token names nothing; the message says what is wrong with it."""


class AdTarget(NamedTuple):
    """What an ad token names."""

    offer_id: int
    campaign_id: int


class TokenReader:
    """Decrypts tokens, remembering good ones; junk is never remembered, so it cannot push them out."""

    def __init__(self, key: str, cache_entries: int) -> None:
        self._algorithm = AES(key_bytes(key))
        self.read = lru_cache(cache_entries)(self._read)

    def _read(self, token: str) -> AdTarget:
        """What `token` names. Raises `BadToken`."""
        iv_hex, mark, ciphertext_hex = token.partition(":")
        if not mark:
            raise BadToken("has no colon between IV and ciphertext")
        iv, ciphertext = _from_hex(iv_hex), _from_hex(ciphertext_hex)
        if len(iv) != BLOCK_BYTES:
            raise BadToken("has an IV that is not 16 bytes")
        if not 0 < len(ciphertext) <= MAX_CIPHERTEXT_BYTES or len(ciphertext) % BLOCK_BYTES:
            raise BadToken("has a ciphertext of a length that cannot be")
        decryptor = Cipher(self._algorithm, CBC(iv)).decryptor()
        return read_target(_without_padding(decryptor.update(ciphertext) + decryptor.finalize()))


def key_bytes(key: str) -> bytes:
    """The 32 bytes of an encryption key. Raises `ValueError` for a key of another length."""
    encoded = key.encode()
    if len(encoded) != KEY_BYTES:
        raise ValueError(f"the encryption key has {len(encoded)} bytes, AES-256 needs {KEY_BYTES}")
    return encoded


def encrypt(offer_id: int, campaign_id: int, key: str) -> str:
    """A token, in the `offer|campaign` form, as co-admin-back makes them."""
    return encrypt_text(f"{offer_id}|{campaign_id}", key)


def encrypt_text(text: str, key: str) -> str:
    """`text` as the plain text of a token."""
    plain = text.encode()
    padding = BLOCK_BYTES - len(plain) % BLOCK_BYTES
    iv = os.urandom(BLOCK_BYTES)
    encryptor = Cipher(AES(key_bytes(key)), CBC(iv)).encryptor()
    ciphertext = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return f"{iv.hex()}:{ciphertext.hex()}"


def read_target(plain: bytes) -> AdTarget:
    """The ids in the plain text of a token, in either form. Raises `BadToken`."""
    if plain.lstrip()[:1] == b"{":
        try:
            fields = msgspec.json.decode(plain)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise BadToken("holds broken JSON") from None
        return AdTarget(_json_id(fields.get("offerId")), _json_id(fields.get("campaignId")))
    offer_id, mark, rest = plain.partition(b"|")
    if not mark:
        raise BadToken("holds neither JSON nor two ids")
    return AdTarget(_decimal_id(offer_id), _decimal_id(rest.partition(b"|")[0]))


def _from_hex(text: str) -> bytes:
    try:
        # bytes.fromhex would skip white space, and a token has none.
        return bytes.fromhex(text) if text.isalnum() else b""
    except ValueError:
        raise BadToken("is not hexadecimal") from None


def _without_padding(padded: bytes) -> bytes:
    length = padded[-1]
    if not 1 <= length <= BLOCK_BYTES or padded[-length:] != bytes([length]) * length:
        raise BadToken("has broken padding")
    return padded[:-length]


def _json_id(value: object) -> int:
    if type(value) is int and 0 < value < 10**MAX_ID_DIGITS:
        return value
    if isinstance(value, str):
        return _decimal_id(value.encode())
    raise BadToken("holds an id that is not a positive integer")


def _decimal_id(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > MAX_ID_DIGITS or int(digits) == 0:
        raise BadToken("holds an id that is not a positive integer")
    return int(digits)
