"""Limits on the size of requests and on the time that clients may take: figures and checks, without I/O.

Every byte counts towards a limit, whatever the parser makes of it, and every phase of a connection has a time
limit. The checks cost an ordinary request two comparisons.
"""

from collections.abc import Sequence
from enum import Enum

MAX_URL_BYTES = 8 * 1024
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_BODY_BYTES = 1024 * 1024
# Bytes that come with a body but are not part of it: sizes and extensions of chunks, trailers.
MAX_FRAMING_BYTES = 64 * 1024
# A request of at most this size can exceed no limit but the number of headers. More data is parsed in pieces
# of this size, with a check after each.
SMALL_BYTES = 4 * 1024
# Parsing pauses while this many complete requests of a connection wait for their turn.
MAX_WAITING_REQUESTS = 32
# Time limits for a complete head, for a complete body with its trailers, and for a client to read some of an
# answer. A connection is checked every LOOK_SECONDS, so each may take that much longer. If idle connections
# are kept for less than HEAD_SECONDS, a head has no more either.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
UNREAD_SECONDS = 30.0
LOOK_SECONDS = 10.0

BAD_REQUEST, METHOD_NOT_ALLOWED, SERVER_ERROR = 400, 405, 500
BODY_TOO_LARGE, URL_TOO_LONG, HEAD_TOO_LARGE = 413, 414, 431

Headers = Sequence[tuple[bytes, bytes]]


class LimitExceeded(Exception):
    """The request exceeds a limit; `status` is that of the answer. Never leaves the connection."""

    def __init__(self, status: int) -> None:
        self.status = status


def check_head(url: bytes, headers: Headers) -> None:
    """Raise `LimitExceeded` for a head, complete or not, that is too large."""
    if len(url) > MAX_URL_BYTES:
        raise LimitExceeded(URL_TOO_LONG)
    size = len(url) + sum(len(name) + len(value) + 4 for name, value in headers)
    if len(headers) > MAX_HEADERS or size > MAX_HEAD_BYTES:
        raise LimitExceeded(HEAD_TOO_LARGE)


def check_unfinished_head(url: bytes, headers: Headers, received: int) -> None:
    """Raise `LimitExceeded` for an unfinished head that is too large, with bytes that the parser holds."""
    check_head(url, headers)
    if received > MAX_HEAD_BYTES:
        # Without a URL these were empty lines.
        raise LimitExceeded(HEAD_TOO_LARGE if headers else URL_TOO_LONG if url else BAD_REQUEST)


def check_rest(body: int, received: int, trailers: Headers) -> None:
    """Raise `LimitExceeded` if `received` bytes, `body` of them body, are too many for one request."""
    if body > MAX_BODY_BYTES or received - body > MAX_HEAD_BYTES + MAX_FRAMING_BYTES:
        raise LimitExceeded(BODY_TOO_LARGE)
    if len(trailers) > MAX_HEADERS:
        raise LimitExceeded(HEAD_TOO_LARGE)


def announced_length(head: Headers) -> int | None:
    """Return the bytes of the body that a head announces; None if it comes in chunks.

    Raises `LimitExceeded` if they are too many. The parser has checked the number, and that there is one.
    """
    length = dict(head).get(b"content-length")
    if length is None:
        return None
    if len(length) > 18 or int(length) > MAX_BODY_BYTES:
        raise LimitExceeded(BODY_TOO_LARGE)
    return int(length)


class Phase(Enum):
    """What a client has to do next."""

    IDLE = "begin a request"
    HEAD = "complete a head"
    BODY = "complete a body"
    ANSWERING = "nothing: it is our turn"


class Deadlines:
    """Detects clients that keep their connection waiting for too long, by a check every few seconds.

    A periodic check costs less than a timer that is cancelled and set anew for every request.
    """

    def __init__(self, keep_alive_seconds: float) -> None:
        """`keep_alive_seconds` is how long a connection may be idle."""
        self._keep_alive = keep_alive_seconds
        self._seen: tuple[Phase, object] = (Phase.ANSWERING, None)
        self._since = self._unread_since = 0.0
        self._unread = 0

    @property
    def next_look_seconds(self) -> float:
        """Seconds until the next check."""
        return min(LOOK_SECONDS, self._keep_alive)

    def is_late(self, phase: Phase, mark: object, now: float) -> bool:
        """Return whether this phase has lasted too long; `mark` is the same object as long as it lasts."""
        seen_phase, seen_mark = self._seen
        if phase is not seen_phase or mark is not seen_mark:
            self._seen, self._since = (phase, mark), now
            return False
        return phase is not Phase.ANSWERING and now - self._since >= self._limit(phase)

    def is_unread(self, unread_bytes: int, now: float) -> bool:
        """Return whether the client has read nothing of its answers for too long."""
        if not unread_bytes or unread_bytes != self._unread:
            self._unread, self._unread_since = unread_bytes, now
            return False
        return now - self._unread_since >= UNREAD_SECONDS

    def has_read(self) -> None:
        """Note that the client has read a part of its answers."""
        self._unread = 0

    def _limit(self, phase: Phase) -> float:
        if phase is Phase.BODY:
            return BODY_SECONDS
        return self._keep_alive if phase is Phase.IDLE else min(HEAD_SECONDS, self._keep_alive)
