"""Reads what staff paste: a whole link, its query, or only its token."""

from typing import NamedTuple
from urllib.parse import quote

from offers.request import read_query

MAX_LINK_CHARACTERS = 8_000
_URL_TEXT = ":/?#[]@!$&'()*+,;=-._~%"


class BadLink(ValueError):
    """The text is no link of ours; the message says what to paste instead."""


class Link(NamedTuple):
    """What a link says; "" where it says nothing."""

    ad: str
    subid: str = ""
    cid: str = ""
    ad_domain: str = ""
    fp: str = ""


def read_link(text: str) -> Link:
    """The link in `text`: a URL with or without scheme, `?ad=…`, or the bare token. Raises `BadLink`.

    Whether the token names anything is not looked at.
    """
    text = text.strip().strip("<>\"'").strip()
    if not text:
        raise BadLink("nothing was given: paste a link, such as https://…/offer?ad=…, or its token")
    if len(text) > MAX_LINK_CHARACTERS:
        raise BadLink(
            f"the link has {len(text):,} characters; no link of ours has over {MAX_LINK_CHARACTERS:,}"
        )
    before, mark, query = text.partition("?")
    if not mark:
        if "://" in before or "/" in before:
            raise BadLink("the link has no query: it should end with ?ad=<token>")
        query = before if "=" in before else f"ad={before}"
    # A browser would send other letters as UTF-8, percent-encoded, and keep the fragment to itself.
    sent = quote(query.partition("#")[0], safe=_URL_TEXT)
    given = read_query(sent.encode("ascii"))
    if "ad" not in given:
        raise BadLink("the link has no `ad` parameter: it should read …/offer?ad=<token>")
    return Link(*(given.get(name, "") for name in Link._fields))
