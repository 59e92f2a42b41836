"""Decides when to use a service again after a failure: after a pause that doubles while it keeps failing."""

import math


class CircuitBreaker:
    """Closed: the service may be used. Open: it may not, except for a probe when the pause is over.

    Times are those of `time.monotonic`, in seconds.
    """

    def __init__(self, first_pause_seconds: float, longest_pause_seconds: float) -> None:
        self.is_closed = True
        self._first = first_pause_seconds
        self._longest = longest_pause_seconds
        self._failures = 0
        self._probe_at = 0.0
        self._closed_at = -math.inf

    def fail(self, now: float) -> None:
        """Note a failure of a use or a probe. Failures during a pause do not make it longer."""
        if not self.is_closed and now < self._probe_at:
            # All uses under way fail together when a service goes away: that is one failure, not many.
            return
        if self.is_closed and now - self._closed_at > self._longest:
            # The service has worked for long enough to start with the shortest pause again.
            self._failures = 0
        self.is_closed = False
        # The exponent is limited because a float overflows beyond 2.0 ** 1023, after a few hours of failures.
        self._probe_at = now + min(self._longest, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1

    def may_probe(self, now: float) -> bool:
        """Return whether the breaker is open and its pause is over."""
        return not self.is_closed and now >= self._probe_at

    def succeed(self, now: float) -> None:
        """Note that a probe succeeded: close the breaker."""
        if not self.is_closed:
            self.is_closed, self._closed_at = True, now
