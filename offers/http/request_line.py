"""The request line where the parser would refuse it, though it can mean one thing only."""

import re

from offers.request import percent_encoded

_SCHEME_AND_HOST = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*(?=/)")


def origin_form(target: bytes) -> bytes:
    """A request target from its path on, without scheme and host, which nothing here looks at.

    The parser refuses hosts that are none by the letter, such as one with an underscore.
    """
    found = _SCHEME_AND_HOST.match(target)
    return target[found.end() :] if found else target


def with_ascii_line(data: bytes) -> bytes:
    """Data that begins within a request line, with the line's bytes beyond ASCII percent-encoded.

    Some clients send links so. Nothing behind the line is changed, so every body keeps its length.
    """
    begin = len(data) - len(data.lstrip(b"\r\n"))
    end = data.find(b"\n", begin)
    return percent_encoded(data) if end < 0 else percent_encoded(data[:end]) + data[end:]
