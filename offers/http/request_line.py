"""Finds request lines, and corrects some that the parser would refuse although their meaning is clear."""

import re

from offers.request import percent_encoded

_SCHEME_AND_HOST = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*(?=/)")
# Without the `%` that a method may have, for here it stands for a byte beyond ASCII that is encoded by now.
_REQUEST_LINE = re.compile(rb"[\r\n]*[!#$&'*+.^_`|~0-9A-Za-z-]+ [^\x00-\x20\x7f]+ HTTP/1\.[01]\r\n")
_EMPTY_LINE = re.compile(rb"\A[\r\n]+|\r\n\r\n")


def origin_form(target: bytes) -> bytes:
    """Remove scheme and host, which nothing uses, from a request target.

    The parser refuses hosts that violate the grammar, such as one with an underscore.
    """
    found = _SCHEME_AND_HOST.match(target)
    return target[found.end() :] if found else target


def is_request(data: bytes) -> bool:
    """Return whether data begins with a request line, of any method (RFC 9112, 3)."""
    return _REQUEST_LINE.match(data) is not None


def end_of_request(data: bytes) -> int:
    """Return the first place in data where a request without a body, or with one in chunks, may end.

    That is behind an empty line, which may have begun before the data; else the end of the data.
    """
    found = _EMPTY_LINE.search(data)
    return found.end() if found else len(data)


def with_ascii_line(data: bytes) -> bytes:
    """Percent-encode the bytes beyond ASCII in the request line, or part of one, with which the data begins.

    Some clients send links with such bytes. Only the line is changed, so every body keeps its length.
    """
    end = data.find(b"\n")
    return percent_encoded(data) if end < 0 else percent_encoded(data[:end]) + data[end:]
