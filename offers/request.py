"""What a click brings along, taken from the ASGI scope that both doors receive."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from offers.devices import NO_HINTS, ClientHints

# Of a parameter given twice the first counts for what we decode or compare; the affiliate's own notes are
# joined, as links in the field expect.
JOINED = frozenset({"subid", "cid"})

Scope = Mapping[str, Any]


class ClickRequest(msgspec.Struct, frozen=True):
    """One GET /offer, or `head`: a HEAD, which is answered alike and is no click.

    Texts are "" where the request did not bring them; `peer` is the socket's address.
    """

    ad: str
    subid: str
    cid: str
    ad_domain: str
    fp: str
    debug: bool
    head: bool
    peer: str
    forwarded_for: str
    user_agent: str
    accept_language: str
    referer: str
    hints: ClientHints


def read_request(scope: Scope) -> ClickRequest:
    """The click request in an ASGI HTTP scope; whatever the bytes are, it does not raise."""
    query = read_query(scope["query_string"])
    headers = _headers(scope)
    client = scope.get("client")
    return ClickRequest(
        ad=query.get("ad", ""),
        subid=query.get("subid", ""),
        cid=query.get("cid", ""),
        ad_domain=query.get("ad_domain", ""),
        fp=query.get("fp", ""),
        debug=query.get("debug") == "debug",
        head=scope["method"] == "HEAD",
        peer=client[0] if client else "",
        forwarded_for=headers.get(b"x-forwarded-for", ""),
        user_agent=headers.get(b"user-agent", ""),
        accept_language=headers.get(b"accept-language", ""),
        referer=headers.get(b"referer", ""),
        hints=_hints(headers),
    )


def read_query(query_string: bytes) -> dict[str, str]:
    """The parameters of a query string; broken UTF-8 becomes the replacement character."""
    query: dict[str, str] = {}
    for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="replace"):
        if name not in query:
            query[name] = value
        elif name in JOINED:
            query[name] = f"{query[name]},{value}"
    return query


def _headers(scope: Scope) -> dict[bytes, str]:
    """Header values by lower-case name; repeated ones are joined as HTTP has it."""
    headers: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        headers[name] = f"{headers[name]},{text}" if name in headers else text
    return headers


def _hints(headers: dict[bytes, str]) -> ClientHints:
    if b"sec-ch-ua-platform" not in headers and b"sec-ch-ua-mobile" not in headers:
        return NO_HINTS
    return ClientHints(
        mobile=headers.get(b"sec-ch-ua-mobile", ""),
        platform=headers.get(b"sec-ch-ua-platform", ""),
        platform_version=headers.get(b"sec-ch-ua-platform-version", ""),
        model=headers.get(b"sec-ch-ua-model", ""),
        full_version_list=headers.get(b"sec-ch-ua-full-version-list", ""),
    )
