"""Corrects request lines that the parser would refuse although they can mean only one thing."""

import re

from offers.request import percent_encoded

_SCHEME_AND_HOST = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*(?=/)")


def origin_form(target: bytes) -> bytes:
    """Remove scheme and host, which nothing uses, from a request target.

    The parser refuses hosts that violate the grammar, such as one with an underscore.
    """
    found = _SCHEME_AND_HOST.match(target)
    return target[found.end() :] if found else target


def with_ascii_line(data: bytes, *, is_new: bool = True) -> bytes:
    """Percent-encode the bytes beyond ASCII in the request line with which the data begins.

    Some clients send links with such bytes. Only the line is changed, so every body keeps its length. With
    `is_new`, the data may begin with empty lines.
    """
    begin = len(data) - len(data.lstrip(b"\r\n")) if is_new else 0
    end = data.find(b"\n", begin)
    return percent_encoded(data) if end < 0 else percent_encoded(data[:end]) + data[end:]
