"""Requests of every kind, from a seeded generator: good ones, odd ones, and bytes that are none."""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from offers.links.tokens import encrypt, encrypt_text, seal
from tests.environment import ENCRYPTION_KEY

KEY_ID, KEY = "f", b"fuzz-test-key-that-has-32-bytes!"
KEYS = f"{KEY_ID}:{KEY.hex()}"
# One that is answered, has its answer read, and closes the connection: it shows whether what came before it
# has left the connection in order.
LAST = b"GET /offer HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
HEADERS = [
    *("User-Agent", "Referer", "Accept-Language", "X-Forwarded-For", "x-forwarded-for", "Cookie", "Origin"),
    *("Sec-CH-UA-Platform", "Sec-CH-UA-Mobile", "Sec-CH-UA-Model", "Sec-CH-UA-Full-Version-List", "Accept"),
    *("X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "If-Modified-Since", "Range", "Authorization"),
    *("Accept-Encoding", "If-None-Match", "X-Other"),
]
VALUES = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
    *("Googlebot/2.1", "curl/8", "", " ", "unknown", "https", "bytes=0-", "bytes=5-1", "gzip, br", "*/*"),
    *("34.99.99.105", "82.237.47.21, 10.0.0.1", "[2001:4860:4860::8888]:443", "::ffff:1.2.3.4", ",,,"),
    *(
        "sessionid=abc; csrftoken=def",
        "sessionid=",
        '"Windows"',
        '"macOS"',
        "?0",
        "?1",
        'W/"x"',
        "fr-FR,fr;q=0.9",
    ),
    *("Wed, 21 Oct 2015 07:28:00 GMT", "Basic eA==", "https://evil.example/", "a" * 300),
]
PATHS = [
    *("/", "/offer", "/OFFER", "/Offer/", "/offer/x", "/health", "/ready", "/metrics", "/admin", "/admin/"),
    *("/admin/login/", "/admin/diagnostics/", "/admin/diagnostics/explain", "/admin/auth/user/1/change/"),
    *(
        "/static/admin/css/base.css",
        "/static/../settings.py",
        "/static/%2e%2e/manage.py",
        "/static/",
        "/favicon.ico",
    ),
    *(
        "//offer",
        "//OFFER//",
        "http://a_b:x//Offer?ad=1",
        "/caf\u00e9",
        "/%6fffer",
        "/offer%00",
        "/offer;x",
        "/\x7f",
        "/*",
        "*",
        "http://a.example/offer?ad=1",
        "/.env",
    ),
]
METHODS = [
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "LINK",
    "PROPFIND",
    "M-SEARCH",
    "QUERY",
]
PARAMETERS = [
    "ad",
    "subid",
    "cid",
    "ad_domain",
    "fp",
    "debug",
    "next",
    "q",
    "",
    "%61d",
    "AD",
    "a[]",
    "o",
    "amp;ad",
    "amp%3Bsubid",
]


class Request(NamedTuple):
    """One request, or bytes that are none (`raw`), which need not be answered."""

    kind: str
    data: bytes
    is_head: bool = False
    raw: bool = False


class Fuzzer:
    """Makes requests; the same seed makes the same ones, but for the keys' own randomness."""

    def __init__(self, seed: int, offers: list[int], campaigns: list[int]) -> None:
        self.chance = random.Random(seed)
        self._offers, self._campaigns = offers, campaigns
        self._tokens = [self._good_token() for _ in range(200)]
        self._kinds: list[tuple[Callable[[], Request], int]] = [
            (self.click, 30),
            (self.token, 30),
            (self.query, 12),
            (self.headers, 12),
            (self.method, 3),
            (self.path, 3),
            (self.body, 2),
            (self.broken, 3),
            (self.large, 1),
        ]

    def next(self) -> Request:
        """One more request."""
        makers, weights = zip(*self._kinds, strict=True)
        make: Callable[[], Request] = self.chance.choices(makers, weights)[0]
        return make()

    def click(self) -> Request:
        """A good link, from any visitor."""
        return Request(
            "click", self._get(f"/offer?ad={self._pick(self._tokens)}&cid={self._number()}", self._lines(3))
        )

    def token(self) -> Request:
        """A link whose token was tampered with, or is of our making but names nothing."""
        chance = self.chance.random()
        if chance < 0.6:
            token = self._tampered(self._pick(self._tokens))
        elif chance < 0.8:
            token = encrypt_text(self._text(60), ENCRYPTION_KEY)
        elif chance < 0.9:
            token = encrypt(self._number() + 1, self._number() + 1, ENCRYPTION_KEY)
        else:
            token = seal(
                self._number() + 1, self._number() + 1, KEY_ID, KEY, self._pick([0, 1, 2_000_000_000])
            )
        return Request("token", self._get(f"/offer?ad={_sendable(token)}", []))

    def query(self) -> Request:
        """A link with a query of any shape."""
        parts = [f"ad={self._pick(self._tokens)}"] if self.chance.random() < 0.7 else []
        parts += [
            f"{self._pick(PARAMETERS)}{self._pick(('=', '', '=='))}{_sendable(self._text(40))}"
            for _ in range(self.chance.randrange(8))
        ]
        self.chance.shuffle(parts)
        return Request(
            "query", self._get(f"/offer?{self._pick(['&', '&&', ';']).join(parts)}", self._lines(1))
        )

    def headers(self) -> Request:
        """A link with headers of any kind."""
        return Request("headers", self._get(f"/offer?ad={self._pick(self._tokens)}", self._lines(12)))

    def method(self) -> Request:
        """A link, asked with another method."""
        method = self._pick(METHODS)
        head = self._get(f"/offer?ad={self._pick(self._tokens)}", self._lines(2), method)
        return Request("method", head, method == "HEAD")

    def path(self) -> Request:
        """Another path, which leads to Django."""
        path = self._pick(PATHS) + self._pick(["", "", "?", f"?{_sendable(self._text(30))}"])
        return Request("path", self._get(_sendable(path) or "/", self._lines(3)))

    def body(self) -> Request:
        """A request with a body, whole or in pieces."""
        body = self.chance.randbytes(self.chance.randrange(2000))
        path = self._pick([f"/offer?ad={self._pick(self._tokens)}", "/admin/login/", "/offer", "/metrics"])
        lines = [
            b"Content-Type: "
            + self._pick([b"application/x-www-form-urlencoded", b"multipart/form-data", b"x"])
        ]
        if self.chance.random() < 0.5:
            lines.append(b"Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        else:
            lines.append(b"Content-Length: %d" % len(body))
        if self.chance.random() < 0.2:
            lines.append(b"Expect: 100-continue")
        return Request("body", self._get(path, lines, self._pick(["POST", "GET", "PUT"])) + body)

    def broken(self) -> Request:
        """The bytes of a request with some of them changed, cut or doubled; often no HTTP any more."""
        data = bytearray(self._pick([self.click, self.headers, self.body, self.path])().data)
        for _ in range(self.chance.randrange(1, 5)):
            at = self.chance.randrange(len(data) or 1)
            change = self.chance.randrange(4)
            if change == 0:
                data[at : at + 1] = self.chance.randbytes(1)
            elif change == 1:
                data[at:at] = self._pick([b"\r\n", b"\0", b" ", b":", b"\xff", b"\r\n\r\n", b"\n", data[:20]])
            elif change == 2:
                del data[at : at + self.chance.randrange(1, 20)]
            else:
                del data[at:]
        return Request("broken", bytes(data), raw=True)

    def large(self) -> Request:
        """A request that is over a limit, or just within."""
        size = self._pick([4000, 8000, 8300, 40_000, 300_000])
        path = f"/offer?ad={self._pick(self._tokens)}"
        shape = self.chance.randrange(3)
        if shape == 0:
            data = self._get(f"{path}&subid={'s' * size}", [])
        elif shape == 1:
            data = self._get(path, [b"X-%d: %d" % (at, at) for at in range(size // 40)])
        else:
            data = self._get(path, [b"X-Large: " + b"a" * size])
        return Request("large", data, raw=True)

    def _get(self, path: str, lines: list[bytes], method: str = "GET") -> bytes:
        start = f"{method} {path} HTTP/1.1".encode("latin-1", "replace")
        return b"\r\n".join([start, b"Host: a.example", *lines, b"", b""])

    def _lines(self, most: int) -> list[bytes]:
        return [
            f"{self._pick(HEADERS)}: {self._value()}".encode("latin-1", "replace")
            for _ in range(self.chance.randrange(most + 1))
        ]

    def _value(self) -> str:
        if self.chance.random() < 0.7:
            return str(self._pick(VALUES))
        # What may stand in a header: everything from the space on but DEL.
        return "".join(c for c in self._text(60) if " " <= c != "\x7f" and ord(c) < 256)

    def _text(self, most: int) -> str:
        pools = ("0123456789abcdef", '{}[]":,|0123456789', "%&=+#;/?é€\0\t \x7f", "abcdefghij{cid}{lid}")
        pool = self._pick(pools)
        return "".join(self.chance.choices(pool, k=self.chance.randrange(most)))

    def _tampered(self, token: str) -> str:
        at = self.chance.randrange(len(token))
        other = self._pick("0123456789abcdefgV.:-_=% ")
        changed: str = self._pick(
            [
                token[:at] + other + token[at + 1 :],
                token[:at] + other + token[at:],
                token[:at] + token[at + 1 :],
                token[:at],
                token + token,
                token.upper(),
                token[::-1],
            ]
        )
        return changed

    def _good_token(self) -> str:
        offer, campaign = self._pick(self._offers), self._pick(self._campaigns)
        return (
            encrypt(offer, campaign, ENCRYPTION_KEY)
            if self.chance.random() < 0.5
            else seal(offer, campaign, KEY_ID, KEY)
        )

    def _number(self) -> int:
        return self.chance.randrange(10 ** self.chance.randrange(1, 12))

    def _pick(self, among: Sequence[Any]) -> Any:
        return among[self.chance.randrange(len(among))]


def _sendable(text: str) -> str:
    """The text as it may stand in a request line: no controls, spaces or characters beyond ASCII."""
    return "".join(c if "!" <= c <= "~" and c != "#" else f"%{ord(c) & 255:02x}" for c in text)
