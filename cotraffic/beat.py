"""Celery beat's scheduler: every entry is an interval, measured by a clock that nobody can set."""

import time
from typing import Any

import structlog
from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from kombu import Producer

RETRY_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
# A broker that is away fails all entries alike: one line for all of them, and another after this long.
COMPLAIN_SECONDS = 30.0

logger = structlog.stdlib.get_logger(__name__)


class IntervalScheduler(Scheduler):
    """Sends each task of `beat_schedule` at its interval in seconds.

    Celery's own scheduler uses the wall clock, and keeps the last runs in a file: when a clock that was ahead
    is corrected, nothing is due until the time of those runs comes again, even after a restart. This one uses
    `time.monotonic` and keeps nothing, so everything is due when beat starts.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._due_at: dict[str, float] = {}
        self._failing_since: float | None = None
        self._complained_at = 0.0
        super().__init__(*args, **kwargs)

    def tick(self, *_: object, **__: object) -> float:
        """Send every task that is due. Returns the seconds until the next one is."""
        for name, entry in self.schedule.items():
            now = time.monotonic()
            if self._due_at.get(name, 0.0) > now:
                continue
            self.apply_entry(entry, producer=self.producer)
            # After a pause a task runs once, not once for each run that was missed.
            self._due_at[name] = max(self._due_at.get(name, now), now - RETRY_SECONDS) + _seconds(entry)
        next_at = min(
            (self._due_at[name] for name in self.schedule), default=time.monotonic() + RETRY_SECONDS
        )
        return max(0.0, min(next_at - time.monotonic(), LONGEST_PAUSE_SECONDS))

    def apply_entry(self, entry: ScheduleEntry, producer: Producer | None = None) -> None:
        """Send one task. A broker that is away is logged and not raised: the next interval is the retry."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            now = time.monotonic()
            if self._failing_since is None:
                self._failing_since = now
            if now - self._complained_at >= COMPLAIN_SECONDS:
                self._complained_at = now
                logger.error("background tasks cannot be queued", task=entry.task, problem=str(error)[:300])
            return
        if self._failing_since is not None:
            logger.info(
                "background tasks are queued again", after_s=round(time.monotonic() - self._failing_since)
            )
            self._failing_since, self._complained_at = None, 0.0


def _seconds(entry: ScheduleEntry) -> float:
    interval: Any = entry.schedule
    return float(interval.run_every.total_seconds())
