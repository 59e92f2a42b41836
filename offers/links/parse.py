"""Reads what staff paste: a whole link, its query, or only its token."""

from typing import NamedTuple
from urllib.parse import quote, unquote

from offers.click_paths import OFFER_PARAMETER, ClickPaths
from offers.request import read_query

MAX_LINK_CHARACTERS = 8_000
_URL_TEXT = ":/?#[]@!$&'()*+,;=-._~%"
_WRAPPERS = frozenset({'""', "''", "<>"})
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
OFFER_ONLY = ClickPaths()


class BadLink(ValueError):
    """The text is no link of ours; the message says what to paste instead."""


class PastedLink(NamedTuple):
    """The parts of a link; "" for those that it lacks."""

    ad: str
    subid: str = ""
    cid: str = ""
    ad_domain: str = ""
    fp: str = ""


def read_link(text: str, paths: ClickPaths = OFFER_ONLY) -> PastedLink:
    """Read the link in `text`: a URL with or without scheme, `?ad=…`, or the bare token.

    `paths` are those of this instance. The token is not decrypted. Raises `BadLink`.
    """
    text = _unwrapped(text)
    if not text:
        raise BadLink("nothing was given: paste a link, such as https://…/offer?ad=…, or its token")
    if len(text) > MAX_LINK_CHARACTERS:
        raise BadLink(
            f"the link has {len(text):,} characters; no link of ours has over {MAX_LINK_CHARACTERS:,}"
        )
    before, mark, query = text.partition("#")[0].partition("?")
    if "/" in before and "=" not in before.partition("/")[0]:
        name = _parameter_at(before, paths)
        if not mark:
            raise BadLink(f"the link has no query: it should end with ?{name}=<token>")
    else:
        query = query if mark and not before else text.partition("#")[0]
        found = [name for name in paths.parameters.values() if _names(query, name)]
        name = found[0] if found else OFFER_PARAMETER
        if not found and "=" not in query.partition("&")[0].partition("?")[0]:
            query = f"{name}={query}"
    given = read_query(_sent(query), name)
    if name not in given:
        raise BadLink(f"the link has no `{name}` parameter: it should read …?{name}=<token>")
    return PastedLink(given[name], *(given.get(field, "") for field in PastedLink._fields[1:]))


def _unwrapped(text: str) -> str:
    """Strip quotes or brackets around the text, and invisible characters before it."""
    text = text.strip().lstrip(_INVISIBLE).strip()
    while len(text) > 1 and text[0] + text[-1] in _WRAPPERS:
        text = text[1:-1].strip()
    return text


def _parameter_at(before: str, paths: ClickPaths) -> str:
    """Return the parameter that holds the token, given a link's part before the query. Raises `BadLink`."""
    parameter = paths.parameter(unquote(before))
    if parameter is None:
        scheme, mark, rest = before.partition("://")
        _, slash, path = (rest if mark else scheme.removeprefix("//")).partition("/")
        parameter = paths.parameter(unquote(slash + path))
    if parameter is None:
        known = ", ".join(paths.parameters)
        raise BadLink(f"no clicks arrive at {slash + path or '/'}: this instance answers {known}")
    return parameter


def _names(query: str, parameter: str) -> bool:
    return parameter in read_query(_sent(query), parameter)


def _sent(query: str) -> bytes:
    """Encode the query as a browser sends it: what is not ASCII as UTF-8, percent-encoded."""
    try:
        # Bytes on a command line that are not UTF-8 arrive as halves of surrogate pairs.
        raw = query.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = query.encode("utf-8", "replace")
    return quote(raw, safe=_URL_TEXT).encode("ascii")
