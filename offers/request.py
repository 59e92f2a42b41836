"""What a click brings along, taken from the ASGI scope that both doors receive."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from offers.devices import NO_HINTS, ClientHints
from offers.visitors import Clues

# Of a parameter given twice the first counts for what we decode or compare; the affiliate's own notes are
# joined, as links in the field expect.
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
    }
)

Scope = Mapping[str, Any]


class ClickRequest(msgspec.Struct, frozen=True, gc=False):
    """One GET /offer, or `head`: a HEAD, which is answered alike and is no click.

    Texts are "" where the request did not bring them.
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


def read_request(scope: Scope) -> ClickRequest:
    """The click request in an ASGI HTTP scope; whatever the bytes are, it does not raise."""
    client = scope.get("client")
    head = scope["method"] == "HEAD"
    return read_click(scope["query_string"], scope["headers"], client[0] if client else "", head)


def read_click(
    query_string: bytes, headers: Iterable[tuple[bytes, bytes]], peer: str, head: bool = False
) -> ClickRequest:
    """The same from its parts. Names of headers are in lower case."""
    given = read_query(query_string).get
    header = _headers(headers).get
    return ClickRequest(
        given("ad", ""),
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
        ),
    )


def read_query(query_string: bytes) -> dict[str, str]:
    """The parameters of a query string; broken UTF-8 becomes the replacement character."""
    query: dict[str, str] = {}
    for part in query_string.decode("latin-1").split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = unquote_plus(name, errors="replace"), unquote_plus(value, errors="replace")
        if name not in query:
            query[name] = value
        elif name in JOINED:
            query[name] = f"{query[name]},{value}"
    return query


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """The headers that matter by lower-case name; repeated ones are joined as HTTP has it."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in _READ:
            text = value.decode("latin-1")
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
