"""One file of the spool: how it is written, read and taken over."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from offers.spool.directory import make_directory, new_name, sync_directory
from offers.spool.types import BrokenLine, PendingClick

# Longest line read at once: ten times a click's. A line of garbage may be as long as the disk is large.
MAX_LINE_BYTES = 1024 * 1024
COPY_BYTES = 1024 * 1024
PROBE_BYTES = 64 * 1024
# A dead letter keeps this many bytes of a line that holds no click.
KEPT_OF_BROKEN_LINE = 64 * 1024
_CONVERSION = re.compile(r"\d{1,18} ")


class SpooledClick(msgspec.Struct, omit_defaults=True):
    """A pending click in the form of a line: `click` is the record, JSON within JSON."""

    click: msgspec.Raw
    mark: str = ""
    unique: str = ""
    conversion: str = ""

    def pending(self) -> PendingClick:
        """Return the click in the form that goes into the log."""
        return PendingClick(bytes(self.click), self.mark, self.unique, self.conversion)


_decoder = msgspec.json.Decoder(SpooledClick)
_encoder = msgspec.json.Encoder()


def spool_line(click: PendingClick) -> bytes:
    """Return the line that holds a click."""
    return _encoder.encode(SpooledClick(msgspec.Raw(click.record), *click[1:])) + b"\n"


class SpoolFile:
    """One locked file of the spool; `position` is how many of its bytes have been replayed.

    `written` counts the clicks that this process has written to it, `replayed` the lines that went from it
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
        """Create a locked file, named by the time. Raises `OSError`; then nothing is left of it."""
        make_directory(directory)
        # Hidden until it is locked: in between, another process could take it for an orphan.
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
        """Lock a dead process's file. Returns None if that process lives, or another has taken it over."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process may have replayed and deleted it between our open and our lock. Then the file
            # that we locked has no name any more, and its clicks are already in the log.
            if os.fstat(descriptor).st_nlink == 0:
                raise BlockingIOError
        except OSError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def append(self, lines: bytes, clicks: int) -> None:
        """Put whole lines with `clicks` clicks on the disk. Raises `OSError`; then none of them is there."""
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        # A failed write, or somebody else, may have left half a line: then start a new one.
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
        """Return whether somebody has deleted the file."""
        return os.fstat(self._descriptor).st_nlink == 0

    def probe(self) -> None:
        """Check that there is room for a click. Raises `OSError` if there is none."""
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            rest = memoryview(b"\n" * PROBE_BYTES)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        finally:
            os.ftruncate(self._descriptor, end)

    def copy(self, other: "SpoolFile") -> None:
        """Copy the lines of another file into this one, which is empty. Raises `OSError`."""
        at = 0
        while block := os.pread(other._descriptor, COPY_BYTES, at):
            at += os.write(self._descriptor, block)
        os.fsync(self._descriptor)
        self._end, self.written = at, other.written

    def batches(self, size: int) -> Iterator[tuple[list[PendingClick], list[BrokenLine], int]]:
        """Yield the rest of the file, `size` lines at a time, each batch with the position behind it.

        Raises `OSError`.
        """
        position = self.position
        while lines := self._read(position, size):
            clicks: list[PendingClick] = []
            broken: list[BrokenLine] = []
            for line in lines:
                position += len(line)
                if not line.isspace():
                    _read_line(line, clicks, broken)
            yield clicks, broken, position

    def delete(self) -> None:
        """Delete the file and release its lock. Raises `OSError` if it cannot be deleted."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Release the lock; the file stays."""
        os.close(self._descriptor)

    def _read(self, position: int, count: int) -> list[bytes]:
        """Return up to `count` lines from a position on; lines that are too long come in pieces."""
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(position)
            return [
                line
                for _, line in zip(
                    range(count), iter(partial(file.readline, MAX_LINE_BYTES), b""), strict=False
                )
            ]


def _read_line(line: bytes, clicks: list[PendingClick], broken: list[BrokenLine]) -> None:
    """Add the content of a line to one of the two lists."""
    try:
        click = _decoder.decode(line)
        if click.conversion and not _CONVERSION.match(click.conversion):
            raise msgspec.ValidationError("its conversion message has no time")
        clicks.append(click.pending())
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        error, garbage = str(problem), line.strip(b"\0\n")
        if len(garbage) > KEPT_OF_BROKEN_LINE:
            error += f"; {len(garbage) - KEPT_OF_BROKEN_LINE:,} of its bytes are not kept"
        broken.append(BrokenLine(garbage[:KEPT_OF_BROKEN_LINE], error))
