"""From the spool into the click log: in which order, and when a file is done with.

Web workers replay while they run, and `offers/drain.py` when an instance stops. Each has its own kind of
connection to the log, and both go by this.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import structlog

from offers.spool import BrokenLine, Spool, SpoolFile

PART_CLICKS = 200

logger = structlog.stdlib.get_logger(__name__)


class Part(NamedTuple):
    """Some lines of a spool file: how many clicks, what the log's script takes for them, and broken lines."""

    clicks: int
    arguments: list[bytes | str]
    broken: list[BrokenLine]


def parts(spool: Spool, files: Sequence[SpoolFile]) -> Iterator[Part]:
    """What claimed files hold, in the order in which it was spooled. Raises `OSError` from a bad disk.

    To ask for the next part says that the one before is in the log: it will not come again, and a file
    without further parts is deleted. Whoever fails does not ask again, and the part is left to the next.
    """
    for file in files:
        for clicks, broken, position in file.batches(PART_CLICKS):
            yield Part(len(clicks), [argument for click in clicks for argument in click.arguments()], broken)
            file.position = position
        spool.discard(file)
        logger.info("a spool file is replayed", file=file.path.name)
