"""Reads a click from an HTTP request: its token, parameters, headers and client hints. Never raises."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus, unquote_to_bytes

import msgspec

from offers.click_paths import OFFER_PARAMETER
from offers.visitors.automated import PURPOSE, PURPOSE_HEADERS, SEC_PURPOSE, X_MOZ, X_PURPOSE, read_purpose
from offers.visitors.device import NO_HINTS, ClientHints
from offers.visitors.visitor import Clues

# Repeated parameters: the first one wins, except for the affiliate's own notes, which are joined, as links in
# the field expect.
JOINED = frozenset({"subid", "cid"})
_READ = frozenset(
    {
        b"x-forwarded-for",
        b"user-agent",
        b"accept-language",
        b"referer",
        b"sec-ch-ua-mobile",
        b"sec-ch-ua-platform",
        b"sec-ch-ua-platform-version",
        b"sec-ch-ua-model",
        b"sec-ch-ua-full-version-list",
        *PURPOSE_HEADERS,
    }
)

# Mailers turn the `&` before a name into `&amp;`, sometimes several times.
_ESCAPED_AND = "amp;"
# Ends a token to which further parameters were joined: a question mark, or a percent-encoded `?` or `&`.
_END_OF_TOKEN = re.compile(r"\?|%3[fF]|%26")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")

Scope = Mapping[str, Any]


class ClickRequest(msgspec.Struct, frozen=True, gc=False):
    """One GET of a click's path; with `head` a HEAD, which gets the same answer and is not a click.

    `ad` is the token, whichever parameter holds it at the path of the click. Texts that the request lacks
    are "".
    """

    ad: str
    subid: str
    cid: str
    ad_domain: str
    fp: str
    debug: bool
    head: bool
    referer: str
    clues: Clues


def read_request(scope: Scope, token_parameter: str = OFFER_PARAMETER) -> ClickRequest:
    """Read the click request in an ASGI HTTP scope. Raises nothing, whatever the bytes are."""
    client = scope.get("client")
    head = scope["method"] == "HEAD"
    peer = client[0] if client else ""
    return read_click(scope["query_string"], scope["headers"], peer, head, token_parameter)


def read_click(
    query_string: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    peer: str,
    head: bool = False,
    token_parameter: str = OFFER_PARAMETER,
) -> ClickRequest:
    """Read a click request from its parts. Names of headers must be in lower case."""
    given = read_query(query_string, token_parameter).get
    found = _headers(headers)
    header = found.get
    # Written out, because nearly no click has any of them, and this is on the way of every click.
    has_purpose = SEC_PURPOSE in found or PURPOSE in found or X_PURPOSE in found or X_MOZ in found
    return ClickRequest(
        given(token_parameter, ""),
        given("subid", ""),
        given("cid", ""),
        given("ad_domain", ""),
        given("fp", ""),
        given("debug") == "debug",
        head,
        header(b"referer", ""),
        Clues(
            peer,
            header(b"x-forwarded-for", ""),
            header(b"user-agent", ""),
            header(b"accept-language", ""),
            _hints(header),
            read_purpose([found[name] for name in PURPOSE_HEADERS if name in found]) if has_purpose else None,
        ),
    )


def read_query(query_string: bytes, token_parameter: str = OFFER_PARAMETER) -> dict[str, str]:
    """Read the parameters of a query string; broken UTF-8 becomes the replacement character.

    Names and values count as they are written, except for what happens to links on their way: `amp;` before a
    name is ignored, and a question mark or a percent-encoded `&` behind the token begins the next parameter.
    """
    if not query_string.isascii():
        query_string = percent_encoded(query_string)
    text = query_string.decode("ascii")
    is_plain = "%" not in text and "+" not in text and ";" not in text
    query: dict[str, str] = {}
    for part in text.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if not is_plain and ("%" in part or "+" in part or ";" in part):
            if "%" in name or "+" in name or ";" in name:
                name = _decoded_name(name)
            value = unquote_plus(value, errors="replace")
        if name not in query:
            query[name] = value
        elif name in JOINED:
            query[name] = f"{query[name]},{value}"
    token = query.get(token_parameter)
    if token is None:
        return read_query(query_string.lstrip(b"?"), token_parameter) if text.startswith("?") else query
    if "?" in token or (not is_plain and "&" in token):
        return read_query(_divided(text, token_parameter), token_parameter)
    return query


def percent_encoded(raw: bytes) -> bytes:
    """Percent-encode every byte beyond ASCII, as a browser would have sent it."""
    return _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], raw)


def header_text(value: bytes) -> str:
    """Decode a header's value: UTF-8, else Latin-1, which older HTTP specified."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _decoded_name(name: str) -> str:
    name = unquote_plus(name, errors="replace")
    while name.startswith(_ESCAPED_AND):
        name = name[len(_ESCAPED_AND) :]
    return name


def _divided(text: str, token_parameter: str) -> bytes:
    """Replace the mark that ends the token, percent-encoded or not, by `&`."""
    parts = text.split("&")
    for at, part in enumerate(parts):
        name, _, value = part.partition("=")
        if _decoded_name(name) != token_parameter:
            continue
        token, *rest = _END_OF_TOKEN.split(value, maxsplit=1)
        further = "".join(rest).lstrip("?").encode()
        if b"=" not in further:
            # The whole query was percent-encoded together with the question mark.
            further = percent_encoded(unquote_to_bytes(further))
        parts[at] = f"{name}={token}"
        parts.insert(at + 1, further.decode("ascii"))
        break
    return "&".join(parts).encode()


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """Return the headers that matter, by lower-case name; repeated ones are joined as HTTP specifies."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in _READ:
            try:
                text = value.decode()
            except UnicodeDecodeError:
                text = header_text(value)
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


def _hints(header: Any) -> ClientHints:
    if header(b"sec-ch-ua-platform") is None and header(b"sec-ch-ua-mobile") is None:
        return NO_HINTS
    return ClientHints(
        mobile=header(b"sec-ch-ua-mobile", ""),
        platform=header(b"sec-ch-ua-platform", ""),
        platform_version=header(b"sec-ch-ua-platform-version", ""),
        model=header(b"sec-ch-ua-model", ""),
        full_version_list=header(b"sec-ch-ua-full-version-list", ""),
    )
