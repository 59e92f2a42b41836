"""The spool: files that hold clicks while Redis is away.

Every process writes to a file of its own and holds a lock on it (`flock`) for as long as it lives, so a file
that can be locked belongs to nobody: its process is dead, and whoever finds it replays it. A line is one
click; lines are on the disk before their redirects leave. Files are read through the descriptor that holds
the lock, so that one which somebody deletes is not lost while its process lives.
"""

import errno
import fcntl
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from offers.spool.directory import SUFFIX, make_directory, new_name, sync_directory
from offers.spool.reserve import SpoolReserve

# A click's line is a tenth of that; garbage may be as long as the disk is large.
MAX_LINE_BYTES = 1024 * 1024
COPY_BYTES = 1024 * 1024
PROBE_BYTES = 64 * 1024
# What a dead letter keeps of a line that holds no click.
KEPT_OF_BROKEN_LINE = 64 * 1024
# A file that cannot be read or deleted is tried again after this time.
POSTPONED_SECONDS = 60.0
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
_CONVERSION = re.compile(r"\d{1,18} ")

logger = structlog.stdlib.get_logger(__name__)


class SpooledClick(msgspec.Struct, omit_defaults=True):
    """One line: the record, and the three further arguments with which it goes into the log."""

    click: msgspec.Raw
    mark: str = ""
    unique: str = ""
    conversion: str = ""

    def arguments(self) -> tuple[bytes | str, ...]:
        """What the log's script takes for this click."""
        return bytes(self.click), self.mark, self.unique, self.conversion


class BrokenLine(NamedTuple):
    """A line that holds no click: its bytes, and why."""

    line: bytes
    error: str

    def fields(self) -> tuple[bytes | str, ...]:
        """What a dead letter holds of it."""
        return "click", self.line, "unique", "", "error", self.error


class Postponed(NamedTuple):
    """A file to be left alone until a time of `time.monotonic`, and how far it was replayed."""

    until: float
    position: int


_decoder = msgspec.json.Decoder(SpooledClick)
_encoder = msgspec.json.Encoder()


class Spool:
    """This process's part of the directory, which is made when the first click needs it.

    At most one file is claimed for replay at a time, so a spool of any size takes few descriptors.
    """

    def __init__(self, directory: Path, reserve_bytes: int = 0) -> None:
        """`reserve_bytes` is the room that `refill_reserve` keeps on the disk for when it is full."""
        self.vanished = 0
        self.missing = 0
        self._directory = directory
        self._lock = threading.Lock()
        self._file: SpoolFile | None = None
        self._full: list[SpoolFile] = []
        self._claimed: SpoolFile | None = None
        self._postponed: dict[str, Postponed] = {}
        self._reserve = SpoolReserve(directory, reserve_bytes)

    def write(self, clicks: Sequence[SpooledClick]) -> None:
        """Put clicks on the disk, with one fsync. Raises `OSError`: then none of them is there."""
        lines = b"".join(_encoder.encode(click) + b"\n" for click in clicks)
        with self._lock:
            try:
                self._current().append(lines, len(clicks))
            except OSError as problem:
                if problem.errno not in NO_ROOM or not self._use_reserve():
                    raise
                self._current().append(lines, len(clicks))

    def probe(self) -> None:
        """Find out whether a click could be written. Raises `OSError` where it could not."""
        with self._lock:
            self._current().probe()

    def refill_reserve(self) -> None:
        """Keep room and descriptors for bad times. Raises `OSError`; then less is kept."""
        with self._lock:
            if not self._reserve.is_full:
                make_directory(self._directory)
                self._reserve.refill()

    def close_reserve(self) -> None:
        """Keep nothing any more: the process ends."""
        with self._lock:
            self._reserve.close()

    def claim(self) -> "SpoolFile | None":
        """The oldest file that may be replayed: our own, or that of a dead process. Raises `OSError`.

        What is written from now on goes to a new file. It stays claimed until `discard` or `postpone`; until
        then it is what every further call gives.
        """
        with self._lock:
            if self._claimed is None:
                self._claimed = self._oldest()
            return self._claimed

    def discard(self, file: "SpoolFile") -> int:
        """Delete a claimed file: all of it is in the log. Raises `OSError` where it cannot be deleted.

        Gives how many clicks this process wrote to it that were not there any more.
        """
        with self._lock:
            file.delete()
            self._claimed = None
            self._postponed.pop(file.path.name, None)
            missing = max(0, file.written - file.replayed)
            self.missing += missing
            return missing

    def postpone(self, file: "SpoolFile") -> None:
        """Let go of a claimed file that cannot be read or deleted now; the others go on."""
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
        except OSError as problem:
            if problem.errno not in NO_DESCRIPTORS or not self._reserve.free_descriptors():
                raise
        return SpoolFile.create(self._directory)

    def _use_reserve(self) -> bool:
        """Go on in the reserved file, where there is one. Raises `OSError`."""
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
            # The directory cannot be looked through; what we have open can be replayed all the same.
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
        """The oldest file of a dead process whose name comes before `before`."""
        now = time.monotonic()
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


class SpoolFile:
    """One locked file of the spool; `position` is how many of its bytes have been replayed.

    `written` counts the clicks that this process has put there, `replayed` the lines that were read and went
    into the log.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.position = 0
        self.written = 0
        self.replayed = 0
        self._descriptor = descriptor
        self._end = 0
        self._is_torn = False

    @classmethod
    def create(cls, directory: Path) -> "SpoolFile":
        """A new file, named by the time, and locked. Raises `OSError`; then nothing is left of it."""
        make_directory(directory)
        # Hidden until it is locked: nobody may take it for a dead process's file.
        path = directory / new_name()
        hidden = directory / f".{path.stem}"
        descriptor = os.open(hidden, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            hidden.rename(path)
            sync_directory(directory)
        except OSError:
            os.close(descriptor)
            for name in (hidden, path):
                with suppress(OSError):
                    name.unlink()
            raise
        return cls(path, descriptor)

    @classmethod
    def adopt(cls, path: Path) -> "SpoolFile | None":
        """The file, if its process is dead and nobody else has taken it up."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Somebody else may have replayed and deleted it while we opened it.
            if os.fstat(descriptor).st_nlink == 0:
                raise BlockingIOError
        except OSError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def append(self, lines: bytes, clicks: int) -> None:
        """Put whole lines with so many clicks on the disk. Raises `OSError`: then none of them is there."""
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        # Behind half a line, which a failed write or somebody else has left, a new one begins.
        is_torn = self._is_torn or end < self._end
        rest = memoryview(b"\n" + lines if is_torn else lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            self._is_torn = is_torn
            try:
                os.ftruncate(self._descriptor, end)
            except OSError:
                self._is_torn = True
            raise
        self._is_torn = False
        self._end = end + len(lines) + is_torn
        self.written += clicks

    def is_deleted(self) -> bool:
        """Whether somebody has deleted it."""
        return os.fstat(self._descriptor).st_nlink == 0

    def probe(self) -> None:
        """Find out whether there is room for a click. Raises `OSError`."""
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            rest = memoryview(b"\n" * PROBE_BYTES)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        finally:
            os.ftruncate(self._descriptor, end)

    def copy(self, other: "SpoolFile") -> None:
        """Put the lines of another file here, which is empty. Raises `OSError`."""
        at = 0
        while block := os.pread(other._descriptor, COPY_BYTES, at):
            at += os.write(self._descriptor, block)
        os.fsync(self._descriptor)
        self._end, self.written = at, other.written

    def batches(self, size: int) -> Iterator[tuple[list[SpooledClick], list[BrokenLine], int]]:
        """What is still to be replayed, `size` lines at a time, each with the position that follows it.

        Raises `OSError`.
        """
        position = self.position
        while lines := self._read(position, size):
            clicks: list[SpooledClick] = []
            broken: list[BrokenLine] = []
            for line in lines:
                position += len(line)
                if not line.isspace():
                    _read_line(line, clicks, broken)
            yield clicks, broken, position

    def delete(self) -> None:
        """Delete it, and let go of the lock. Raises `OSError` where it cannot be deleted."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the lock; the file stays."""
        os.close(self._descriptor)

    def _read(self, position: int, count: int) -> list[bytes]:
        """Up to so many lines from a position on, those that are too long in pieces."""
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(position)
            return [
                line
                for _, line in zip(
                    range(count), iter(partial(file.readline, MAX_LINE_BYTES), b""), strict=False
                )
            ]


def _read_line(line: bytes, clicks: list[SpooledClick], broken: list[BrokenLine]) -> None:
    """Put what a line holds in one of the two lists."""
    try:
        click = _decoder.decode(line)
        if click.conversion and not _CONVERSION.match(click.conversion):
            raise msgspec.ValidationError("its conversion message has no time")
        clicks.append(click)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        error, garbage = str(problem), line.strip(b"\0\n")
        if len(garbage) > KEPT_OF_BROKEN_LINE:
            error += f"; {len(garbage) - KEPT_OF_BROKEN_LINE:,} of its bytes are not kept"
        broken.append(BrokenLine(garbage[:KEPT_OF_BROKEN_LINE], error))
