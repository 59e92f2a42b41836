"""A landing page as the recipe gives it, split once into what is fixed and what each click fills in."""

import re
from urllib.parse import quote

import msgspec

MACROS = ("subid", "cid", "lid", "affiliateId", "campaignId", "offerId")

# What RFC 3986 lets stand in a URL; the percent sign is looked at apart.
_URL_CHARACTERS = ":/?#[]@!$&'()*+,;=-._~%"
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MACRO = re.compile(r"\{(" + "|".join(MACROS) + r")\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")
_AUTHORITY = re.compile(r"(https?://)([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_HOST_AND_PORT = re.compile(r"[^:/?#]+:\d+(?:[/?#]|$)")
_EDGE_SPACE = "".join(map(chr, range(33)))


class BadPage(ValueError):
    """The text cannot be a landing page; the message says why."""


class Page(msgspec.Struct, frozen=True, gc=False):
    """A landing page, ready to be filled.

    `text` is the page as the recipe has it, and `shown` the same, split. `parts` alternates between fixed URL
    text and the name of a macro; joined, with the macros' values, it is the URL up to its fragment.
    `fragment` is the same for what follows the first `#`, and begins with it. `joiner` goes between the page
    and the query we add. `is_sent_as_shown`: nothing about it had to be put right.
    """

    text: str
    shown: tuple[str, ...]
    parts: tuple[str, ...]
    fragment: tuple[str, ...]
    joiner: str
    is_sent_as_shown: bool


def compile_page(text: str) -> Page:
    """The page behind `text`.

    A page without a scheme gets `http://`. Raises `BadPage` for any scheme but http and https, and for a page
    without a host.
    """
    url = _ascii_host(_with_scheme(text.strip(_EDGE_SPACE)))
    before, mark, after = url.partition("#")
    parts = _split(before)
    joiner = "?" if "?" not in before else "" if before[-1] in "?&" else "&"
    shown, fragment = tuple(_MACRO.split(text)), _split(mark + after) if mark else ()
    if shown == parts and not fragment:
        # Most pages: one copy of them is enough.
        return Page(text, parts, parts, fragment, joiner, True)
    return Page(text, shown, parts, fragment, joiner, False)


def _with_scheme(url: str) -> str:
    if url.startswith("//"):
        return f"http:{url}"
    scheme = _SCHEME.match(url)
    if scheme is None or (scheme[2] is None and _HOST_AND_PORT.match(url)):
        return f"http://{url}"
    if scheme[1].lower() not in ("http", "https"):
        raise BadPage(f"has the scheme {scheme[1].lower()}, only http and https are allowed")
    if scheme[2] is None:
        raise BadPage("has no host")
    return url


def _ascii_host(url: str) -> str:
    match = _AUTHORITY.fullmatch(url)
    if match is None or not match[2].rpartition("@")[2]:
        raise BadPage("has no host")
    scheme, authority, rest = match.groups()
    if not authority.isascii():
        try:
            authority = authority.encode("idna").decode("ascii")
        except UnicodeError:
            raise BadPage("has a host name that is not valid") from None
    return f"{scheme.lower()}{authority}{rest}"


def _split(text: str) -> tuple[str, ...]:
    pieces = _MACRO.split(text)
    return tuple(piece if at % 2 else _encoded(piece) for at, piece in enumerate(pieces))


def _encoded(text: str) -> str:
    """Everything that may not stand in a URL percent-encoded; what is encoded already stays."""
    return _STRAY_PERCENT.sub("%25", quote(text, safe=_URL_CHARACTERS, errors="replace"))
