"""Replays the spool: yields its clicks in order, and deletes a file when all of it is in the click log.

Web workers replay while they run, `offers/delivery/drain.py` when an instance stops. They have different
kinds of connections to the log, and share this module.
"""

from collections.abc import Iterator
from typing import NamedTuple

import structlog

from offers.spool.spool import Spool
from offers.spool.types import BrokenLine, PendingClick

PART_CLICKS = 200

logger = structlog.stdlib.get_logger(__name__)


class Part(NamedTuple):
    """Some lines of a spool file: clicks, and lines that hold none."""

    clicks: list[PendingClick]
    broken: list[BrokenLine]


def parts(spool: Spool) -> Iterator[Part]:
    """Yield the content of the spool, oldest file first. Raises `OSError`.

    Advancing the iterator acknowledges the previous part: it will not come again, and a file without further
    parts is deleted. A caller that fails stops advancing, which leaves the part to the next run. A file that
    cannot be read or deleted is postponed; the others go on.
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
            logger.warning("a spool file is postponed", file=name, problem=str(error))
            continue
        logger.info("a spool file is replayed", file=name)
        if missing:
            logger.critical("clicks are lost", lost=missing, problem=f"somebody has cut {name}")
