"""Replies are what they should be, or an error of redis-py."""

import pytest
import redis
from redis import Redis

from lib.redis_replies import bytes_list, number, optional_bytes, scored_ids


def test_values_come_as_bytes_and_missing_ones_as_none(redis_client: Redis) -> None:
    redis_client.set("a", "1")
    assert optional_bytes(redis_client.get("a")) == b"1"
    assert optional_bytes(redis_client.get("b")) is None
    assert bytes_list(redis_client.mget("a", "b")) == [b"1", None]


def test_a_missing_number_is_zero(redis_client: Redis) -> None:
    redis_client.set("a", "17")
    assert (number(redis_client.get("a")), number(redis_client.get("b"))) == (17, 0)


def test_ids_come_with_their_scores(redis_client: Redis) -> None:
    redis_client.zadd("scores", {"7": 1_700_000_000_000, "8": 1_700_000_000_001})
    found = scored_ids(redis_client.zrange("scores", 0, -1, withscores=True))
    assert found == [(7, 1_700_000_000_000), (8, 1_700_000_000_001)]


@pytest.mark.parametrize("reply", ["text", 1, [b"a"], {}])
def test_another_reply_is_an_error_of_redis_py(reply: object) -> None:
    with pytest.raises(redis.InvalidResponse):
        optional_bytes(reply)
