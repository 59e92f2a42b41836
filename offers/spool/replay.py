"""From the spool into the click log: in which order, and when a file is done with.

Web workers replay while they run, `offers/delivery/drain.py` when an instance stops. Each has its own kind of
connection to the log, and both use this.
"""

from collections.abc import Iterator
from typing import NamedTuple

import structlog

from offers.spool.spool import Spool
from offers.spool.types import BrokenLine, PendingClick

PART_CLICKS = 200

logger = structlog.stdlib.get_logger(__name__)


class Part(NamedTuple):
    """Some lines of a spool file: the clicks, and the lines that hold none."""

    clicks: list[PendingClick]
    broken: list[BrokenLine]


def parts(spool: Spool) -> Iterator[Part]:
    """What the spool holds for the log, file after file, the oldest first. Raises `OSError`.

    Advancing the iterator acknowledges the previous part: it will not come again, and a file without further
    parts is deleted. A caller that fails stops advancing, which leaves the part to the next run. A file that
    cannot be read or deleted is put off for a while; the others go on.
    """
    while (file := spool.claim()) is not None:
        name = file.path.name
        try:
            for clicks, broken, position in file.batches(PART_CLICKS):
                yield Part(clicks, broken)
                file.position = position
                file.replayed += len(clicks) + len(broken)
            missing = spool.discard(file)
        except OSError as error:
            spool.postpone(file)
            logger.warning("a spool file is put off", file=name, problem=str(error))
            continue
        logger.info("a spool file is replayed", file=name)
        if missing:
            logger.critical("clicks are lost", lost=missing, problem=f"somebody has cut {name}")
