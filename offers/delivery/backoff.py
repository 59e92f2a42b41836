"""Pauses delivery after a failure of DynamoDB, for all workers of the instance together.

Redis keys:

- `clicks:failures`: the number of failures in succession; expires after some minutes without one.
- `clicks:pause`: exists while delivery waits, or while one worker (its value) tries for all of them.
"""

import random

from redis import Redis

from offers.click_log.scripts import WRITE

FAILURES = "clicks:failures"
PAUSE = "clicks:pause"
FIRST_PAUSE_SECONDS = 0.1
# Limits one pause: delivery resumes within seconds of DynamoDB. Chance keeps instances from trying together.
LONGEST_PAUSE_SECONDS = 5.0
FORGET_FAILURES_SECONDS = 300
# A try takes less than this, so a turn held for longer belongs to a dead worker.
TRY_MS = 10_000


def growing_pause(failures: int, first: float, longest: float) -> float:
    """Return seconds to wait after failures in succession: random, below a bound that doubles each time."""
    return random.uniform(0, min(longest, first * 2.0 ** min(failures, 30)))  # noqa: S311


class DeliveryBackoff:
    """After a failure, one worker at a time tries with one batch, until DynamoDB takes it.

    Every method raises `RedisError` while Redis is away.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._write = redis.register_script(WRITE)

    def is_troubled(self) -> bool:
        """Return whether the last request to DynamoDB failed."""
        return bool(self._redis.exists(FAILURES))

    def take_turn(self, consumer: str) -> bool:
        """Return whether this worker may try now; the others wait until it has reported the result."""
        if self._redis.pttl(PAUSE) > TRY_MS:
            # No pause and no try is that long: Redis' clock was set back.
            self._redis.delete(PAUSE)
        return bool(self._write(args=["SET", PAUSE, consumer, "NX", "PX", TRY_MS]))

    def release_turn(self) -> None:
        """Release the turn without a result: the log was empty."""
        self._redis.delete(PAUSE)

    def failed(self, consumer: str) -> float:
        """Count a failure. Returns the seconds for which no worker tries."""
        failures = int(self._write(args=["INCR", FAILURES]))
        seconds = growing_pause(failures - 1, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._redis.expire(FAILURES, FORGET_FAILURES_SECONDS)
        self._write(args=["SET", PAUSE, consumer, "PX", max(1, int(seconds * 1000))])
        return seconds

    def succeeded(self) -> None:
        """End the pauses: DynamoDB takes clicks again."""
        self._redis.delete(FAILURES, PAUSE)
