"""The application with one thing left out: clicks are made into records, but written nowhere.

What is left of a click's latency is what the group commit adds to it.
"""

from collections.abc import Callable

from cotraffic import asgi
from offers import bootstrap
from offers.click_log.commit import Fate
from offers.click_log.conversions import due_conversion
from offers.click_log.record import Click, fingerprint, record
from offers.click_log.writer import ClickWriter


class Unwritten(ClickWriter):
    """Does all that is done for a click, but lets its redirect leave at once."""

    def write(self, click: Click, then: Callable[[Fate], object]) -> None:
        """Make the record, forget it, and go on."""
        record(click), fingerprint(click), due_conversion(click)
        then(Fate.ANSWER)


setattr(bootstrap, "ClickWriter", Unwritten)  # noqa: B010 - the type checker would forbid it, and rightly
application = asgi.application
