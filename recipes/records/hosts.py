"""Normalises the host and port of a URL to the form that browsers send.

Names follow UTS 46 without transitional processing and with the options of the URL standard: `ß` stays
itself and emoji are allowed (https://url.spec.whatwg.org/#idna). Beyond it, a host must be one that can
exist: a name of the DNS, or an address written in full.
"""

import re
import unicodedata
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import unquote

import idna

REMEMBERED_HOSTS = 4096
MAX_LABEL_CHARACTERS = 63
MAX_NAME_CHARACTERS = 253
MAX_PORT = 65535

_PLAIN_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_-]+", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PORT = re.compile(r"0*([0-9]{1,5})", re.ASCII)
_ENCODED_PREFIX = "xn--"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_JOINERS = "\u200c\u200d"


class BadHost(ValueError):
    """The text is not a host that can exist; the message says why."""


def split_port(authority: str) -> tuple[str, str | None]:
    """Return the host, and the text behind its colon or None if there is no colon.

    Raises `BadHost` for a user name, which no URL in an answer may have (RFC 9110, 4.2.4).
    """
    if "@" in authority:
        raise BadHost("has a user name in front of its host")
    bracket = authority.rfind("]")
    host, colon, port = authority[bracket + 1 :].rpartition(":")
    if not colon:
        return authority, None
    return authority[: bracket + 1] + host, port


def read_port(port: str) -> int:
    """Read a port. Raises `BadHost` unless it is a number from 1 to 65535."""
    digits = _PORT.fullmatch(port)
    number = int(digits[1]) if digits else 0
    if not 1 <= number <= MAX_PORT:
        raise BadHost("has a port that is none")
    return number


@lru_cache(REMEMBERED_HOSTS)
def read_host(text: str) -> str:
    """Return the ASCII form of a host: a name, an IPv4 address, or an IPv6 address in brackets.

    Raises `BadHost`.
    """
    if not text:
        raise BadHost("has no host")
    if text.startswith("["):
        return _ipv6(text)
    name = text.lower()
    if "%" in name or not name.isascii():
        name = _mapped(text)
    if _ENCODED_PREFIX in name or not _PLAIN_NAME.fullmatch(name):
        name = _encoded_name(name)
    labels = name.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels)
    if len(name.removesuffix(".")) > MAX_NAME_CHARACTERS:
        raise BadHost("has a host name that is too long")
    if len(max(labels, key=len)) > MAX_LABEL_CHARACTERS:
        raise BadHost("has a host name with a part that is too long")
    return name


def _ipv6(text: str) -> str:
    literal = text[1:-1]
    try:
        IPv6Address(literal)
    except AddressValueError:
        literal = ""
    # An IPv6 zone has a meaning on one machine only.
    if not literal or not text.endswith("]") or "%" in literal:
        raise BadHost("has an IPv6 address that is none")
    return text.lower()


def _ipv4(labels: list[str]) -> str:
    """Read an address of four decimal numbers; browsers also accept fewer, and other bases: we do not."""
    try:
        return str(IPv4Address(".".join(labels)))
    except AddressValueError:
        raise BadHost("has an IPv4 address that is none") from None


def _mapped(text: str) -> str:
    """Decode percent-encoding, and map every character as UTS 46 says."""
    try:
        return idna.uts46_remap(unquote(text, errors="strict"), std3_rules=False)
    except UnicodeError:
        raise BadHost("has a host name with a character that no host has") from None


def _encoded_name(name: str) -> str:
    """Return the ASCII form of a mapped name."""
    labels = name.removesuffix(".").split(".")
    if "" in labels:
        raise BadHost("has a host name with an empty part" if name.strip(".") else "has no host")
    decoded = [_decoded(label) for label in labels]
    is_right_to_left = any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in "".join(decoded))
    for label in decoded:
        _check(label, is_right_to_left)
    return ".".join(map(_encoded, decoded)) + ("." if name.endswith(".") else "")


def _decoded(label: str) -> str:
    """Decode a label from Punycode. Raises `BadHost` for one that begins with `xn--` and is not Punycode."""
    if not label.startswith(_ENCODED_PREFIX):
        return label
    bad = BadHost(f"has a host name with {label[:MAX_LABEL_CHARACTERS]}, which encodes no name")
    if not label.isascii() or len(label) > MAX_LABEL_CHARACTERS:
        raise bad
    try:
        decoded = label.removeprefix(_ENCODED_PREFIX).encode().decode("punycode")
        remapped = idna.uts46_remap(decoded, std3_rules=False)
    except (UnicodeError, ValueError):
        raise bad from None
    if decoded != remapped or decoded.isascii() or _encoded(decoded) != label:
        raise bad
    return decoded


def _check(label: str, is_right_to_left: bool) -> None:
    """Check what UTS 46 demands of a label (CheckJoiners and CheckBidi). Raises `BadHost`."""
    if unicodedata.category(label[0]).startswith("M"):
        raise BadHost("has a host name with an accent that stands on nothing")
    try:
        joined = all(idna.valid_contextj(label, at) for at, sign in enumerate(label) if sign in _JOINERS)
        if is_right_to_left:
            idna.check_bidi(label, check_ltr=True)
    except ValueError:
        joined = False
    if not joined:
        raise BadHost("has a host name with a mixture of scripts that no host has")


def _encoded(label: str) -> str:
    if label.startswith(_ENCODED_PREFIX):
        raise BadHost("has a host name that is encoded twice")
    encoded = label if label.isascii() else _ENCODED_PREFIX + label.encode("punycode").decode("ascii")
    # Punycode copies ASCII characters unchanged, so this still finds those that no label may have.
    if not _LABEL.fullmatch(encoded):
        raise BadHost("has a host name with a character that no host has")
    return encoded
