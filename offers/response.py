"""HTTP answers as every entry point sends them, and the pages of refused clicks."""

import msgspec

Headers = tuple[tuple[bytes, bytes], ...]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer.

    `location` is where a redirect leads, None where the answer is none; `headers` has it as ASGI takes it.
    """

    status: int
    other_headers: Headers
    body: bytes = b""
    location: str | None = None

    @property
    def headers(self) -> Headers:
        """All headers; their names are in lower case."""
        if self.location is None:
            return self.other_headers
        return ((b"location", self.location.encode()), *self.other_headers)


NO_STORE = (b"cache-control", b"no-store")
HTML = (b"content-type", b"text/html; charset=utf-8")
EMPTY = (b"content-length", b"0")
# Asks browsers that freeze their user agent to say more with the next click, which they remember from a
# redirect, too (https://wicg.github.io/client-hints-infrastructure/#accept-ch-cache). Others ignore it.
ACCEPT_CH = (b"accept-ch", b"Sec-CH-UA-Platform-Version, Sec-CH-UA-Model, Sec-CH-UA-Full-Version-List")
_REDIRECT_HEADERS = (NO_STORE, ACCEPT_CH, EMPTY)

_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><h1>{title}</h1><p>{text}</p></html>\n"
)
NOT_FOUND_PAGE = _PAGE.format(title="Not found", text="There is nothing at this link.").encode()
UNAVAILABLE_PAGE = _PAGE.format(title="One moment", text="Please try again in a few seconds.").encode()


# To a browser that fetches ahead: it keeps nothing, and asks again when the person clicks.
NOT_AHEAD = Answer(503, (NO_STORE, EMPTY))


def redirect(location: str) -> Answer:
    """Return the answer that sends a visitor to `location`."""
    return Answer(302, _REDIRECT_HEADERS, b"", location)


def html_page(status: int, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    """Return an answer with an HTML page that nobody may keep, and `more` headers."""
    length = (b"content-length", str(len(body)).encode())
    return Answer(status, (HTML, NO_STORE, *more, length), body)
