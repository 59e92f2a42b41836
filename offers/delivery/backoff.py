"""How long delivery leaves DynamoDB alone after it failed. All workers of the instance share it.

Redis keys:

- `clicks:failures`: how many times in succession DynamoDB took nothing; forgotten after a quiet while.
- `clicks:pause`: exists while delivery waits, or while one worker, its value, tries for all of them.
"""

import random

from redis import Redis

from offers.click_log.scripts import WRITE

FAILURES = "clicks:failures"
PAUSE = "clicks:pause"
FIRST_PAUSE_SECONDS = 0.1
# Instances that failed together must not come back together, yet within seconds of DynamoDB.
LONGEST_PAUSE_SECONDS = 5.0
FORGET_FAILURES_SECONDS = 300
# A try takes less than this; a turn held for longer belongs to a dead worker.
TRY_MS = 10_000


def growing_pause(failures: int, first: float, longest: float) -> float:
    """Seconds to wait after failures in succession: at random, up to a bound that doubles each time."""
    return random.uniform(0, min(longest, first * 2.0 ** min(failures, 30)))  # noqa: S311


class DeliveryBackoff:
    """After a failure, one worker at a time tries with one batch, until DynamoDB takes it.

    Every method raises `RedisError` while Redis is away.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._write = redis.register_script(WRITE)

    def is_troubled(self) -> bool:
        """Whether DynamoDB failed the last time."""
        return bool(self._redis.exists(FAILURES))

    def take_turn(self, consumer: str) -> bool:
        """Whether this worker is the one to try now; others wait until it has said how that went."""
        if self._redis.pttl(PAUSE) > TRY_MS:
            # Redis' clock was set back: no pause and no try is that long.
            self._redis.delete(PAUSE)
        return bool(self._write(args=["SET", PAUSE, consumer, "NX", "PX", TRY_MS]))

    def release_turn(self) -> None:
        """Release the turn without a result: the log was empty."""
        self._redis.delete(PAUSE)

    def failed(self, consumer: str) -> float:
        """Note that DynamoDB took nothing; returns for how many seconds no worker tries."""
        failures = int(self._write(args=["INCR", FAILURES]))
        seconds = growing_pause(failures - 1, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._redis.expire(FAILURES, FORGET_FAILURES_SECONDS)
        self._write(args=["SET", PAUSE, consumer, "PX", max(1, int(seconds * 1000))])
        return seconds

    def succeeded(self) -> None:
        """Note that DynamoDB takes clicks again."""
        self._redis.delete(FAILURES, PAUSE)
