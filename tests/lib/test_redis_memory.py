"""How full a Redis is, as it says itself."""

import pytest
import redis

from lib.redis_memory import MemoryUse, parse_memory


def test_what_redis_says_is_read(redis_client: redis.Redis) -> None:
    info = b"\r\n".join(
        b"%b:%b" % (name.encode(), str(value).encode()) for name, value in redis_client.info("memory").items()
    )
    found = parse_memory(info)
    assert found.used > 100_000
    assert found.limit == 0


@pytest.mark.parametrize(
    ("info", "percent"),
    [
        (
            b"# Memory\r\nused_memory:850\r\nused_memory_rss:9\r\nmaxmemory:1000\r\nmaxmemory_human:1K\r\n",
            85,
        ),
        (b"used_memory:850\r\nmaxmemory:0\r\n", 0),
        (b"", 0),
    ],
)
def test_use_is_a_share_of_the_limit_where_there_is_one(info: bytes, percent: float) -> None:
    assert parse_memory(info).percent == percent


@pytest.mark.parametrize(
    ("used", "did", "does"), [(84, False, False), (85, False, True), (84, True, True), (83, True, False)]
)
def test_use_that_was_above_a_mark_has_to_fall_clearly_below_it(used: int, did: bool, does: bool) -> None:
    assert MemoryUse(used, 100).exceeds(85, did=did) is does
