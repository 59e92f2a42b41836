"""Ad tokens, which name an offer and a campaign in a link. docs/protocol.md has both forms to the byte.

- the old form, `<iv hex>:<ciphertext hex>`: AES-256-CBC with PKCS#7 padding, which nothing authenticates;
- the sealed form, `v2.<key id>.<base64url>`: AES-256-GCM, with several keys at a time and an optional expiry.

Every bad token gets the same answer from outside: the reasons below are for debug answers and logs only.
"""

import os
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

KEY_BYTES = 32
BLOCK_BYTES = 16
# The longest text worth decrypting: two ids of 18 digits in JSON, with room for further fields.
MAX_CIPHERTEXT_BYTES = 512
MAX_ID_DIGITS = 18

SEALED_MARK = "v2."
# Occurs in every token of the old form, in no sealed one, and in no damage around a token.
OLD_FORM_MARK = ":"
NONCE_BYTES = 12
TAG_BYTES = 16
# Two ids of 18 digits, an expiry of 12 digits, and the bars between them.
MAX_SEALED_BYTES = NONCE_BYTES + 2 * MAX_ID_DIGITS + 12 + 2 + TAG_BYTES
MAX_EXPIRY_S = 10**12 - 1
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_KEY_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_SEALED_TEXT = re.compile(rb"([0-9]{1,18})\|([0-9]{1,18})(?:\|([0-9]{1,12}))?")
# Damage that mailers, pages and people leave around a token. None of these characters can be part of one:
# quotes, brackets, full stops and commas, also typographic and full-width; invisible characters; the mark of
# bytes that were not UTF-8. White space is dropped as well.
DAMAGE = (
    "\"'`<>().,;"
    "\u00b4\u00ab\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2026\u2032\u2033\u2039\u203a"
    "\u3001\u3002\u3008\u3009\u300a\u300b\u300c\u300d\u300e\u300f\u3010\u3011\u301d\u301e\u301f"
    "\uff02\uff07\uff08\uff09\uff0c\uff0e\uff1b\uff1c\uff1e\uff40\uff61"
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff\ufffd"
)
_AROUND = DAMAGE + "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
NO_KEYS: Mapping[str, bytes] = MappingProxyType({})


class BadToken(ValueError):
    """The token names nothing; the message says what is wrong with it."""


class AdTarget(NamedTuple):
    """What an ad token names."""

    offer_id: int
    campaign_id: int


class AdToken(NamedTuple):
    """A decrypted token. `key_id` is "" for the old form; `expires_s` (since the epoch) is 0 for never."""

    target: AdTarget
    key_id: str = ""
    expires_s: int = 0


class TokenReader:
    """Decrypts tokens and caches good ones; junk is never cached, so it cannot evict them.

    `key` decrypts the old form, "" refuses it; `sealed_keys` are the keys of the sealed form, by their ids.
    """

    def __init__(self, key: str, cache_entries: int, sealed_keys: Mapping[str, bytes] = NO_KEYS) -> None:
        self._algorithm = AES(key_bytes(key)) if key else None
        self._sealed = {key_id: AESGCM(secret) for key_id, secret in sealed_keys.items()}
        self.decrypted = lru_cache(cache_entries)(self._decrypted)

    def read(self, token: str) -> AdTarget:
        """Return what `token` names. Raises `BadToken`, also for one that has expired."""
        try:
            target, _, expires_s = self.decrypted(token)
        except BadToken:
            target, _, expires_s = self._undamaged(token)
        # Checked after the cache, because a cached token expires, too.
        if expires_s and expires_s <= time.time():
            raise BadToken(f"expired at {datetime.fromtimestamp(expires_s, UTC).isoformat()}")
        return target

    def opened(self, token: str) -> AdToken:
        """Decrypt `token`, whether it has expired or not. Raises `BadToken`."""
        try:
            return self.decrypted(token)
        except BadToken:
            return self._undamaged(token)

    def _undamaged(self, token: str) -> AdToken:
        """Decrypt a token that could not be read, without the damage around it. Raises `BadToken`.

        Only the bare token is cached: one token can be damaged in any number of ways.
        """
        return self.decrypted(token.strip(_AROUND))

    def _decrypted(self, token: str) -> AdToken:
        """Decrypt `token` as it stands. Raises `BadToken`."""
        return self._unsealed(token) if token.startswith(SEALED_MARK) else self._from_old_form(token)

    def _from_old_form(self, token: str) -> AdToken:
        if self._algorithm is None:
            raise BadToken("has the old form, which AD_TOKEN_V1 refuses")
        iv_hex, mark, ciphertext_hex = token.partition(OLD_FORM_MARK)
        if not mark:
            raise BadToken("has no colon between IV and ciphertext")
        iv, ciphertext = _from_hex(iv_hex), _from_hex(ciphertext_hex)
        if len(iv) != BLOCK_BYTES:
            raise BadToken("has an IV that is not 16 bytes")
        if not 0 < len(ciphertext) <= MAX_CIPHERTEXT_BYTES or len(ciphertext) % BLOCK_BYTES:
            raise BadToken("has a ciphertext of a length that cannot be")
        # CBC authenticates nothing: only the checks of padding and text catch a changed token. Visitors get
        # one answer for all of them, on a common beat, so that they are no padding oracle.
        decryptor = Cipher(self._algorithm, CBC(iv)).decryptor()
        plain = _without_padding(decryptor.update(ciphertext) + decryptor.finalize())
        return AdToken(read_target(plain))

    def _unsealed(self, token: str) -> AdToken:
        key_id, mark, payload = token[len(SEALED_MARK) :].partition(".")
        if not mark:
            raise BadToken("has no dot between key id and payload")
        sealed = _from_base64url(payload)
        # The id chooses the key, so that links under old keys can be read while new ones are made.
        key = self._sealed.get(key_id)
        if key is None:
            raise BadToken("was sealed with a key that is not among AD_TOKEN_KEYS")
        try:
            plain = key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(key_id))
        except InvalidTag:
            raise BadToken("was changed, or sealed with another key of the same id") from None
        text = _SEALED_TEXT.fullmatch(plain)
        if text is None:
            raise BadToken("holds neither two ids nor two ids and an expiry")
        target = AdTarget(_decimal_id(text[1]), _decimal_id(text[2]))
        return AdToken(target, key_id, int(text[3] or 0))


def key_bytes(key: str) -> bytes:
    """Return the 32 bytes of an encryption key. Raises `ValueError` for a key of another length."""
    encoded = key.encode()
    if len(encoded) != KEY_BYTES:
        raise ValueError(f"the encryption key has {len(encoded)} bytes, AES-256 needs {KEY_BYTES}")
    return encoded


def sealed_keys(entries: Iterable[str]) -> dict[str, bytes]:
    """Read keys from entries of the form `<id>:<64 hex digits>`, in their order.

    Raises `ValueError` for a malformed entry; the message shows the id at most, never the key.
    """
    keys: dict[str, bytes] = {}
    for at, entry in enumerate(entries, 1):
        key_id, _, key_hex = entry.strip().partition(":")
        if not _KEY_ID.fullmatch(key_id):
            raise ValueError(f"entry {at} has an id that is not 1 to 16 letters, digits, - or _")
        if not _KEY_HEX.fullmatch(key_hex):
            raise ValueError(f"the key of entry {at} is not 64 hexadecimal digits")
        if key_id in keys:
            raise ValueError(f"the id {key_id} is given twice")
        keys[key_id] = bytes.fromhex(key_hex)
    return keys


def seal(offer_id: int, campaign_id: int, key_id: str, key: bytes, expires_s: int = 0) -> str:
    """Make a sealed token; `expires_s` is in seconds since the epoch, 0 for never.

    Raises `ValueError` for numbers that no token can hold.
    """
    _check_ids(offer_id, campaign_id)
    if not 0 <= expires_s <= MAX_EXPIRY_S:
        raise ValueError("the expiry is not within the years that a token can hold")
    text = f"{offer_id}|{campaign_id}" + (f"|{expires_s}" if expires_s else "")
    # Random, not counted: instances share the key but no counter, and a nonce must never come twice.
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), _bound(key_id))
    return f"{SEALED_MARK}{key_id}.{urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def encrypt(offer_id: int, campaign_id: int, key: str) -> str:
    """Make a token of the old form, with `offer|campaign` inside, as co-admin-back does.

    Raises `ValueError` for a key of another length, and for ids that no token can hold.
    """
    _check_ids(offer_id, campaign_id)
    return encrypt_text(f"{offer_id}|{campaign_id}", key)


def encrypt_text(text: str, key: str) -> str:
    """Encrypt `text` as a token of the old form."""
    plain = text.encode()
    padding = BLOCK_BYTES - len(plain) % BLOCK_BYTES
    iv = os.urandom(BLOCK_BYTES)
    encryptor = Cipher(AES(key_bytes(key)), CBC(iv)).encryptor()
    ciphertext = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return f"{iv.hex()}:{ciphertext.hex()}"


def read_target(plain: bytes) -> AdTarget:
    """Read the ids from the plain text of a token of either form. Raises `BadToken`."""
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


def _check_ids(*ids: int) -> None:
    if not all(0 < number < 10**MAX_ID_DIGITS for number in ids):
        raise ValueError(f"ids are positive numbers of at most {MAX_ID_DIGITS} digits")


def _from_hex(text: str) -> bytes:
    try:
        # bytes.fromhex would skip white space, and a token has none.
        return bytes.fromhex(text) if text.isalnum() else b""
    except ValueError:
        raise BadToken("is not hexadecimal") from None


def _from_base64url(text: str) -> bytes:
    """Decode unpadded base64url, in its one canonical spelling only."""
    try:
        decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        raise BadToken("has a payload that is not base64url") from None
    if not NONCE_BYTES + TAG_BYTES < len(decoded) <= MAX_SEALED_BYTES:
        raise BadToken("has a payload of a length that cannot be")
    # The decoder ignores characters outside the alphabet and surplus bits, so one token would have many
    # spellings: encode again and compare.
    if urlsafe_b64encode(decoded).rstrip(b"=").decode() != text:
        raise BadToken("has a payload that is not base64url in its shortest form")
    return decoded


def _bound(key_id: str) -> bytes:
    """Return the associated data of a seal: it covers version and key id, so neither can be exchanged."""
    return f"{SEALED_MARK}{key_id}".encode()


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
