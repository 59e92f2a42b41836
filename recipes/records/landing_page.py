"""Compiles a landing page of the recipe: split once into fixed text and the macros that each click fills."""

import re
from functools import lru_cache
from itertools import chain
from urllib.parse import quote

import msgspec

from recipes.records.hosts import REMEMBERED_HOSTS, BadHost, read_host, read_port, split_port

MACROS = ("subid", "cid", "lid", "affiliateId", "campaignId", "offerId")

# Characters that RFC 3986 allows in a URL; the percent sign is treated separately.
_URL_CHARACTERS = ":/?#[]@!$&'()*+,;=-._~%"
_PLAIN_URL = re.compile(r"[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~-]*")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HALF_PAIR = re.compile("[\ud800-\udfff]")

# Blanks, control and format characters, and invisible letters.
_INVISIBLE_RANGES = (
    *((0x00, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160)),
    *((0x1680, 0x1680), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2000, 0x200F), (0x2028, 0x202F)),
    *((0x205F, 0x206F), (0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0xE0001, 0xE0001), (0xE0020, 0xE007F)),
)
_INVISIBLE = "".join(map(chr, chain.from_iterable(range(a, b + 1) for a, b in _INVISIBLE_RANGES)))

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_AUTHORITY_END = re.compile(r"[/?#]")
# Misspelt "http" and "https", which would otherwise be taken for a host; none is a top-level domain.
_SCHEME_WORD = re.compile(r"(?=[hps]*t)(?=[hts]*p)[htps]{3,8}")
_SCHEME_AND_WWW = re.compile(r"https?www\.")

_MACRO = re.compile(r"\{(" + "|".join(MACROS) + r")\}")
# A page that is sent as it stands if its host is as browsers send it and its braces are those of macros. No
# semicolon: `&amp;` would have to be corrected.
_USUAL_PAGE = re.compile(r"https?://([a-z0-9.-]+\.[a-z]+)(?:[/?][A-Za-z0-9:/?@!$&'()*+,=._~{}-]*)?")
_NAME = r"(?:\s|%20)*([A-Za-z][\w.-]*)(?:\s|%20)*"
_OPEN, _CLOSE = r"(?:\{|%7B)", r"(?:\}|%7D)"
_BRACED = re.compile(f"{_OPEN}{{2}}{_NAME}{_CLOSE}{{2}}|{_OPEN}{_NAME}{_CLOSE}", re.IGNORECASE | re.ASCII)
_KNOWN = {name.lower(): name for name in MACROS}
# An ampersand as HTML writes it, once or more often.
_HTML_AMPERSAND = re.compile(r"&(?:(?:amp|#0*38|#x0*26)(?:;|%3B))+", re.IGNORECASE)

# The shortest and the longest value of each macro that visitors cannot choose.
_SHORTEST = {"lid": "0" * 8, "affiliateid": "", "campaignid": "1", "offerid": "0"}
_LONGEST = {"lid": "a" * 36, "affiliateid": "9" * 18, "campaignid": "9" * 18, "offerid": "9" * 18}


class BadPage(ValueError):
    """The text is not a landing page; the message says why."""


class Page(msgspec.Struct, frozen=True, gc=False):
    """A landing page, ready to be filled.

    `text` is the page as the recipe has it, and `shown` the same, split at its macros. `parts` alternates
    between fixed URL text and names of macros; joined with the macros' values it is the URL up to its
    fragment. `fragment` is the same for the rest, and begins with `#`. `joiner` goes between the page and the
    query that we add. `is_sent_as_shown` says that nothing had to be corrected. `notes` are defects of a page
    that stays in use.
    """

    text: str
    shown: tuple[str, ...]
    parts: tuple[str, ...]
    fragment: tuple[str, ...]
    joiner: str
    is_sent_as_shown: bool
    notes: tuple[str, ...] = ()


def compile_page(text: str) -> Page:
    """Compile the page in `text`.

    A page without a scheme gets `http://`; its host gets the form that browsers send. Raises `BadPage` for
    any scheme but http and https, and for a page whose host or port cannot exist.
    """
    return usual_page(text) or any_page(text)


def usual_page(text: str) -> Page | None:
    """Compile a page that needs no correction, as most do, in half the time; None for others.

    Raises `BadPage` like `any_page`, which compiles it to the same.
    """
    match = _USUAL_PAGE.fullmatch(text)
    if match is None or _host_and_port(match[1]) != match[1]:
        return None
    parts = tuple(_MACRO.split(text))
    if not len(parts) // 2 == text.count("{") == text.count("}"):
        return None
    return Page(text, parts, parts, (), _joiner(text), True)


def any_page(text: str) -> Page:
    """Compile a page of any form. Raises `BadPage`."""
    text = _whole_characters(text)
    scheme, authority, rest = _divided(text.strip(_INVISIBLE))
    host = _host_and_port(authority)
    if authority.endswith(":") and rest.startswith("//"):
        raise BadPage("has a scheme that is doubled or misspelt")
    if not scheme and not _is_far_host(host):
        raise BadPage("has no scheme, and what it begins with is no host")
    notes: tuple[str, ...] = ()
    if "&" in rest:
        rest, notes = _with_plain_ampersands(rest)
    before, mark, after = f"{scheme or 'http'}://{host}{rest}".partition("#")
    pieces, unknown = _at_macros(before)
    shown = pieces if text == before else _at_macros(text)[0]
    parts = _encoded_pieces(pieces)
    fragment: tuple[str, ...] = ()
    if mark:
        pieces, more = _at_macros(mark + after)
        fragment, unknown = _encoded_pieces(pieces), unknown | more
    notes += tuple(f"has {{{name}}}, which is no macro; it is sent as it stands" for name in unknown)
    joiner = _joiner(before)
    if shown == parts and not fragment:
        # Most pages need no correction: share one copy of the parts.
        return Page(text, parts, parts, fragment, joiner, True, notes)
    return Page(text, shown, parts, fragment, joiner, False, notes)


def redirect_url(text: str) -> str:
    """Return the URL of a page outside of offers and clicks: its macros are empty.

    Raises `BadPage`.
    """
    page = compile_page(text)
    return "".join((*page.parts[::2], *page.fragment[::2]))


def _joiner(before_fragment: str) -> str:
    if "?" not in before_fragment:
        return "?"
    return "" if before_fragment[-1] in "?&" else "&"


def trimmed(text: str) -> str:
    """Remove blanks and invisible characters at the ends of a text."""
    return text.strip(_INVISIBLE)


def _whole_characters(text: str) -> str:
    """Replace each half of a surrogate pair, which cannot be encoded, by U+FFFD."""
    return text if text.isascii() else _HALF_PAIR.sub("\ufffd", text)


def _divided(url: str) -> tuple[str, str, str]:
    """Split a URL into scheme ("" if it has none), authority, and the rest. Raises `BadPage`."""
    scheme, start = "", 0
    if url.startswith("//"):
        start = 2
    elif (match := _SCHEME.match(url)) and "." not in match[1] and match[1].lower() != "localhost":
        scheme, start = match[1].lower(), match.end() + 2
        if scheme not in ("http", "https"):
            raise BadPage(f"has the scheme {scheme}, only http and https are allowed")
        if not url.startswith("//", match.end()):
            raise BadPage(f"has no // behind {scheme}:")
    end = _AUTHORITY_END.search(url, start)
    cut = end.start() if end else len(url)
    return scheme, url[start:cut], url[cut:]


@lru_cache(REMEMBERED_HOSTS)
def _host_and_port(authority: str) -> str:
    """Return host and port in the form that browsers send, with macros as `{name}`. Raises `BadPage`."""
    try:
        # Looking for a brace first takes a tenth of the time.
        has_macro = ("{" in authority or "%7" in authority) and _BRACED.search(authority)
        host = _host_with_macros(authority) if has_macro else _plain_host(authority)
    except BadHost as error:
        raise BadPage(str(error)) from None
    name = split_port(host)[0].removesuffix(".")
    if _SCHEME_WORD.fullmatch(name.rpartition(".")[2]) or _SCHEME_AND_WWW.match(name):
        raise BadPage("has a scheme that is doubled or misspelt")
    return host


def _is_far_host(host: str) -> bool:
    """Return whether this is surely a host; one word may begin any text ("null", "landing/page.html")."""
    name = split_port(host)[0].removesuffix(".")
    return "." in name or name == "localhost" or name.startswith("[")


def _plain_host(authority: str) -> str:
    text, port = split_port(authority)
    host = read_host(text)
    return f"{host}:{read_port(port)}" if port else host


def _host_with_macros(authority: str) -> str:
    """Return a host with macros, which must be valid for every value of theirs. Raises `BadHost`."""
    for values in (_SHORTEST, _LONGEST):

        def value(match: re.Match[str], values: dict[str, str] = values) -> str:
            name = match[1] or match[2]
            if name.lower() not in values:
                raise BadHost(f"has {{{name}}} in its host, where it could name any host")
            return values[name.lower()]

        filled = _BRACED.sub(value, authority).lower()
        if _plain_host(filled) != filled:
            raise BadHost("has a macro in a host that is not plain ASCII")
    pieces = _at_macros(authority)[0]
    return "".join(f"{{{piece}}}" if at % 2 else piece.lower() for at, piece in enumerate(pieces))


def _with_plain_ampersands(rest: str) -> tuple[str, tuple[str, ...]]:
    """Replace `&amp;` in a query, where it can only mean `&`. Returns the query and a note of it."""
    path, mark, query = rest.partition("?")
    plain = _HTML_AMPERSAND.sub("&", query)
    if plain == query:
        return rest, ()
    return f"{path}{mark}{plain}", ("has &amp; in its query; it is read as &",)


def _at_macros(text: str) -> tuple[tuple[str, ...], dict[str, None]]:
    """Split a text at its macros. Returns text and names in turn, and the unknown names in order."""
    pieces = _MACRO.split(text)
    unknown: dict[str, None] = {}
    if "{" not in "".join(pieces[::2]) and "%7" not in text:
        # Most pages spell all macros correctly, and then this takes a fifth of the time.
        return tuple(pieces), unknown
    pieces = []
    start = 0
    for match in _BRACED.finditer(text):
        written = match[1] or match[2]
        name = _KNOWN.get(written.lower())
        if name is None:
            unknown[written] = None
        else:
            pieces += (text[start : match.start()], name)
            start = match.end()
    return (*pieces, text[start:]), unknown


def _encoded_pieces(pieces: tuple[str, ...]) -> tuple[str, ...]:
    """Encode in the fixed texts whatever must not stand in a URL."""
    if _PLAIN_URL.fullmatch("".join(pieces)):
        return pieces
    return tuple(piece if at % 2 else _encoded(piece) for at, piece in enumerate(pieces))


def _encoded(text: str) -> str:
    """Percent-encode whatever must not stand in a URL; existing percent-encoding stays."""
    return _STRAY_PERCENT.sub("%25", quote(text, safe=_URL_CHARACTERS))
