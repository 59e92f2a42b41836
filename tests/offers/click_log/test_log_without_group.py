"""The log of a Redis whose data somebody has deleted in the middle of a question."""

import pytest
import redis
from redis.exceptions import RedisError

from offers.click_log.stream import GROUP, LOG, ClickLog


def test_a_group_that_has_vanished_is_a_redis_that_has_no_answer(
    log: ClickLog, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.delivery.create()
    redis_client.xgroup_destroy(LOG, GROUP)
    # Another process may do so after the log has made sure of its group.
    monkeypatch.setattr(log.delivery, "create", lambda: None)
    with pytest.raises(RedisError, match="delivery group"):
        log.status()
