"""When to ask again what has failed: not before a pause, which doubles while it keeps failing."""

import math


class CircuitBreaker:
    """Closed: it may be asked. Open: it may not, but a probe may be made when the pause is over.

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
        """It failed, when asked or probed. What fails during a pause does not make it longer."""
        if not self.is_closed and now < self._probe_at:
            return
        if self.is_closed and now - self._closed_at > self._longest:
            # It worked for long enough to begin with the shortest pause again.
            self._failures = 0
        self.is_closed = False
        self._probe_at = now + min(self._longest, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1

    def may_probe(self, now: float) -> bool:
        """Whether it is open and its pause is over."""
        return not self.is_closed and now >= self._probe_at

    def succeed(self, now: float) -> None:
        """A probe succeeded."""
        if not self.is_closed:
            self.is_closed, self._closed_at = True, now
