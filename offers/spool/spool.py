"""The spool: files that hold clicks while Redis is away.

Every process writes to a file of its own and holds a lock on it (`flock`) as long as it lives. The kernel
releases the lock however the process ends, so a file that can be locked is an orphan: its process is dead,
and the first process that locks it replays it. Process ids in the names would not do instead: ids are reused,
and two containers on one disk have the same ones. A line is one click, and is on the disk before its redirect
leaves. Files are read through the descriptor that holds the lock, so a file that somebody deletes is not lost
as long as its process lives.
"""

import errno
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import structlog

from offers.spool.directory import SUFFIX, make_directory, new_name, sync_directory
from offers.spool.file import SpoolFile, spool_line
from offers.spool.reserve import SpoolReserve
from offers.spool.types import PendingClick

# A file that cannot be read or deleted is tried again after this many seconds.
POSTPONED_SECONDS = 60.0
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})

logger = structlog.stdlib.get_logger(__name__)


class Postponed(NamedTuple):
    """A file to leave alone until a time of `time.monotonic`, and the position where its replay continues."""

    until: float
    position: int


class Spool:
    """This process's files in the spool's directory, which is made when the first click needs it.

    At most one file is claimed for replay at a time, so a spool of any size takes few descriptors.
    """

    def __init__(self, directory: Path, reserve_bytes: int = 0) -> None:
        """`reserve_bytes` is the space on the disk that `refill_reserve` keeps for when the disk is full."""
        self.vanished = 0
        self.missing = 0
        self._directory = directory
        self._lock = threading.Lock()
        self._file: SpoolFile | None = None
        self._full: list[SpoolFile] = []
        self._claimed: SpoolFile | None = None
        self._postponed: dict[str, Postponed] = {}
        self._reserve = SpoolReserve(directory, reserve_bytes)

    def write(self, clicks: Sequence[PendingClick]) -> None:
        """Put clicks on the disk, with one fsync. Raises `OSError`; then none of them is there."""
        lines = b"".join(map(spool_line, clicks))
        with self._lock:
            try:
                self._current().append(lines, len(clicks))
            except OSError as error:
                if error.errno not in NO_ROOM or not self._use_reserve():
                    raise
                self._current().append(lines, len(clicks))

    def probe(self) -> None:
        """Check that a click could be written. Raises `OSError` if it could not."""
        with self._lock:
            self._current().probe()

    def refill_reserve(self) -> None:
        """Reserve space and descriptors again.

        Raises `OSError` if fewer are reserved, or if the directory takes no new files.
        """
        with self._lock:
            make_directory(self._directory)
            if not os.access(self._directory, os.W_OK | os.X_OK):
                raise OSError(f"{self._directory} takes no new files")
            if not self._reserve.is_full:
                self._reserve.refill()

    def close_reserve(self) -> None:
        """Release the reserve, because the process ends."""
        with self._lock:
            self._reserve.close()

    def claim(self) -> "SpoolFile | None":
        """Return the oldest file to replay, our own or a dead process's; None without one. Raises `OSError`.

        Later writes go to a new file. The file stays claimed until `discard` or `postpone`;
        until then every call returns it.
        """
        with self._lock:
            if self._claimed is None:
                self._claimed = self._oldest()
            return self._claimed

    def discard(self, file: "SpoolFile") -> int:
        """Delete a claimed file, because all of it is in the log. Raises `OSError` if it cannot be deleted.

        Returns how many clicks that this process wrote to it were missing.
        """
        with self._lock:
            file.delete()
            self._claimed = None
            self._postponed.pop(file.path.name, None)
            missing = max(0, file.written - file.replayed)
            self.missing += missing
            return missing

    def postpone(self, file: "SpoolFile") -> None:
        """Give a claimed file up for a while because it cannot be read or deleted; other files come first."""
        with self._lock:
            self._claimed = None
            self._postponed[file.path.name] = Postponed(time.monotonic() + POSTPONED_SECONDS, file.position)
            if file.is_deleted():
                self.missing += max(0, file.written - file.replayed)
            file.close()

    def _current(self) -> "SpoolFile":
        gone = self._file
        if gone is not None and not gone.is_deleted():
            return gone
        new = self._create()
        if gone is not None:
            self.vanished += 1
            logger.error("a spool file was deleted", file=gone.path.name, clicks=gone.written)
            try:
                new.copy(gone)
            except OSError:
                new.delete()
                raise
            gone.close()
        self._file = new
        return new

    def _create(self) -> "SpoolFile":
        try:
            return SpoolFile.create(self._directory)
        except OSError as error:
            if error.errno not in NO_DESCRIPTORS or not self._reserve.free_descriptors():
                raise
        return SpoolFile.create(self._directory)

    def _use_reserve(self) -> bool:
        """Write to the reserved file from now on. Returns False if there is none. Raises `OSError`."""
        path = self._directory / new_name()
        descriptor = self._reserve.take_file(path)
        if descriptor is None:
            return False
        if self._file is not None:
            self._full.append(self._file)
        self._file = SpoolFile(path, descriptor)
        logger.error("the spool uses its reserve", directory=str(self._directory))
        sync_directory(self._directory)
        return True

    def _oldest(self) -> "SpoolFile | None":
        own = min((*self._full, *filter(None, (self._file,))), key=lambda file: file.path.name, default=None)
        try:
            orphan = self._orphan(own.path.name if own else "~")
        except OSError:
            # The directory cannot be listed, but files that we have open can be replayed.
            if own is None:
                raise
            orphan = None
        if orphan is not None or own is None:
            return orphan
        if own is self._file:
            self._file = None
        else:
            self._full.remove(own)
        return own

    def _orphan(self, before: str) -> "SpoolFile | None":
        """Return the oldest file of a dead process with a name before `before`, None if there is none."""
        now = time.monotonic()
        # Names begin with the time, so orphans and our own file are replayed in the order they were written.
        for name in sorted(path.name for path in self._directory.glob(f"*{SUFFIX}")):
            if name >= before:
                break
            postponed = self._postponed.get(name)
            if postponed is not None and now < postponed.until:
                continue
            if (orphan := SpoolFile.adopt(self._directory / name)) is not None:
                orphan.position = postponed.position if postponed else 0
                return orphan
        return None
