"""HTTP answers as both entry points send them; the pages that a visitor sees whose click is refused."""

from typing import NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]


class Answer(NamedTuple):
    """An HTTP answer; headers as ASGI takes them, their names in lower case."""

    status: int
    headers: Headers
    body: bytes


NO_STORE = (b"cache-control", b"no-store")


HTML = (b"content-type", b"text/html; charset=utf-8")


EMPTY = (b"content-length", b"0")


_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><h1>{title}</h1><p>{text}</p></html>\n"
)


NOT_FOUND_PAGE = _PAGE.format(title="Not found", text="There is nothing at this link.").encode()


UNAVAILABLE_PAGE = _PAGE.format(title="One moment", text="Please try again in a few seconds.").encode()


def redirect(location: str) -> Answer:
    """The answer that sends a visitor to `location`."""
    return Answer(302, ((b"location", location.encode()), NO_STORE, EMPTY), b"")


def html_page(status: int, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    """Return an answer with an HTML page that nobody may keep, and `more` headers."""
    length = (b"content-length", str(len(body)).encode())
    return Answer(status, (HTML, NO_STORE, *more, length), body)
