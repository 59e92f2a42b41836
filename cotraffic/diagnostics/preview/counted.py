"""Live counts for a preview: read from where they are, until that is out of reach."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from lib.shared_redis import AWAY, words
from offers.bootstrap import stored_counts
from offers.live_caps.store import CountSeen


class PreviewCounts:
    """Returns counts by name; `problem` says why they are 0 from some time on, "" where they are not."""

    def __init__(self) -> None:
        self.problem = ""
        self._read: Callable[[str], CountSeen] = _no_count

    def __call__(self, name: str) -> int:
        """Return the clicks of a count. Does not raise."""
        if self.problem:
            return 0
        try:
            return self._read(name).clicks
        except AWAY as error:
            self.problem = words(error)
            return 0

    @contextmanager
    def reading(self) -> Iterator["PreviewCounts | None"]:
        """Read counts until the end of the block; None where no clicks are counted."""
        if not settings.LIVE_CAPS:
            yield None
            return
        with stored_counts() as read:
            self._read = read
            yield self


def _no_count(_: str) -> CountSeen:
    return CountSeen()
