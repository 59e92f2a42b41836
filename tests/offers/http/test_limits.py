"""The figures of one request and the times of one connection, without a socket."""

import pytest

from offers.http import limits
from offers.http.limits import (
    MAX_BODY_BYTES,
    MAX_FRAMING_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_URL_BYTES,
    Deadlines,
    LimitExceeded,
    Phase,
)

MANY = [(b"a", b"")] * (MAX_HEADERS + 1)


def test_what_is_within_the_limits_passes() -> None:
    limits.check_head(b"u" * MAX_URL_BYTES, MANY[1:])
    limits.check_unfinished_head(b"/", [], MAX_HEAD_BYTES)
    limits.check_rest(MAX_BODY_BYTES, MAX_BODY_BYTES + MAX_HEAD_BYTES + MAX_FRAMING_BYTES, MANY[1:])
    assert limits.announced_length([(b"content-length", b"%d" % MAX_BODY_BYTES)]) == MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("url", "headers", "status"),
    [
        (b"u" * (MAX_URL_BYTES + 1), [], 414),
        (b"/", MANY, 431),
        (b"/", [(b"a", b"b" * MAX_HEAD_BYTES)], 431),
    ],
)
def test_a_head_that_is_too_large_is_refused(
    url: bytes, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    with pytest.raises(LimitExceeded) as refused:
        limits.check_head(url, headers)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("url", "headers", "status"), [(b"", [], 400), (b"/", [], 414), (b"/", MANY[:1], 431)]
)
def test_bytes_that_the_parser_holds_back_count(
    url: bytes, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    with pytest.raises(LimitExceeded) as refused:
        limits.check_unfinished_head(url, headers, MAX_HEAD_BYTES + 1)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("body", "received", "trailers", "status"),
    [
        (MAX_BODY_BYTES + 1, 0, [], 413),
        (5, MAX_HEAD_BYTES + MAX_FRAMING_BYTES + 6, [], 413),
        (5, 5, MANY, 431),
    ],
)
def test_a_body_with_too_much_in_it_or_around_it_is_refused(
    body: int, received: int, trailers: list[tuple[bytes, bytes]], status: int
) -> None:
    with pytest.raises(LimitExceeded) as refused:
        limits.check_rest(body, received, trailers)
    assert refused.value.status == status


@pytest.mark.parametrize("length", [b"%d" % (MAX_BODY_BYTES + 1), b"9" * 5000])
def test_a_length_that_is_too_large_is_refused(length: bytes) -> None:
    with pytest.raises(LimitExceeded):
        limits.announced_length([(b"content-length", length)])


def test_a_body_in_chunks_announces_no_length() -> None:
    assert limits.announced_length([(b"transfer-encoding", b"chunked")]) is None


@pytest.mark.parametrize(
    ("phase", "seconds"),
    [(Phase.IDLE, 75), (Phase.HEAD, limits.HEAD_SECONDS), (Phase.BODY, limits.BODY_SECONDS)],
)
def test_a_phase_that_lasts_too_long_is_late(phase: Phase, seconds: float) -> None:
    deadlines, mark = Deadlines(75), object()
    assert not deadlines.is_late(phase, mark, 100)
    assert not deadlines.is_late(phase, mark, 100 + seconds - 0.1)
    assert deadlines.is_late(phase, mark, 100 + seconds)


def test_another_phase_and_another_request_begin_anew() -> None:
    deadlines, first, second = Deadlines(75), object(), object()
    for at, (phase, mark) in enumerate([(Phase.HEAD, first), (Phase.BODY, first), (Phase.BODY, second)]):
        assert not deadlines.is_late(phase, mark, at * 1000)


def test_our_own_turn_is_never_late() -> None:
    deadlines = Deadlines(75)
    assert not any(deadlines.is_late(Phase.ANSWERING, None, now) for now in (0, 1e6))


def test_a_head_has_no_longer_than_idle_connections_are_kept() -> None:
    deadlines, mark = Deadlines(1), object()
    assert not deadlines.is_late(Phase.HEAD, mark, 0)
    assert deadlines.is_late(Phase.HEAD, mark, 1)
    assert deadlines.next_look_seconds == 1


def test_an_answer_of_which_nothing_is_read_is_unread() -> None:
    deadlines = Deadlines(75)
    assert not deadlines.is_unread(5000, 0)
    assert not deadlines.is_unread(5000, limits.UNREAD_SECONDS - 1)
    assert deadlines.is_unread(5000, limits.UNREAD_SECONDS)


def test_who_reads_some_of_an_answer_has_time_again() -> None:
    deadlines = Deadlines(75)
    deadlines.is_unread(5000, 0)
    assert not deadlines.is_unread(4000, limits.UNREAD_SECONDS)
    deadlines.has_read()
    assert not deadlines.is_unread(4000, 10 * limits.UNREAD_SECONDS)
    assert not deadlines.is_unread(0, 20 * limits.UNREAD_SECONDS)
