"""The spool: files that hold clicks while Redis is away.

Every process writes to a file of its own and holds a lock on it (`flock`) for as long as it lives, so a file
that can be locked belongs to nobody: its process is dead, and whoever finds it replays it. A line is one
click; lines are on the disk before their redirects leave.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

SUFFIX = ".ndjson"


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


_decoder = msgspec.json.Decoder(SpooledClick)
_encoder = msgspec.json.Encoder()


class Spool:
    """This process's part of the directory, which is made when the first click needs it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._file: SpoolFile | None = None
        self._closed: list[SpoolFile] = []

    def write(self, clicks: Sequence[SpooledClick]) -> None:
        """Put clicks on the disk, with one fsync. Raises `OSError`: then none of them is there."""
        lines = b"".join(_encoder.encode(click) + b"\n" for click in clicks)
        with self._lock:
            if self._file is None:
                self._file = SpoolFile.create(self._directory)
            self._file.append(lines)

    def claim(self) -> list["SpoolFile"]:
        """Every file that may be replayed, oldest first: our own, and those of dead processes.

        What is written from now on goes to a new file. A file stays claimed until `discard`.
        """
        with self._lock:
            if self._file is not None:
                self._closed.append(self._file)
                self._file = None
            ours = {file.path for file in self._closed}
            for path in sorted(self._directory.glob(f"*{SUFFIX}")):
                if path not in ours and (orphan := SpoolFile.adopt(path)) is not None:
                    self._closed.append(orphan)
            return sorted(self._closed, key=lambda file: file.path.name)

    def discard(self, file: "SpoolFile") -> None:
        """Delete a claimed file: all of it is in the log."""
        with self._lock:
            self._closed.remove(file)
            file.delete()


class SpoolFile:
    """One locked file of the spool; `position` is how many of its bytes have been replayed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.position = 0
        self._descriptor = descriptor

    @classmethod
    def create(cls, directory: Path) -> "SpoolFile":
        """A new file, named by the time, and locked. Raises `OSError`."""
        directory.mkdir(parents=True, exist_ok=True)
        # Hidden until it is locked: nobody may take it for a dead process's file.
        name = f"{time.time_ns():020}-{os.getpid()}"
        hidden, path = directory / f".{name}", directory / f"{name}{SUFFIX}"
        descriptor = os.open(hidden, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        hidden.rename(path)
        _sync_directory(directory)
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

    def append(self, lines: bytes) -> None:
        """Put whole lines on the disk. Raises `OSError`: then none of them is there."""
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            # Half a line would spoil the one that follows it.
            os.ftruncate(self._descriptor, end)
            raise

    def batches(self, size: int) -> Iterator[tuple[list[SpooledClick], list[BrokenLine], int]]:
        """What is still to be replayed, `size` lines at a time, each with the position that follows it."""
        with self.path.open("rb") as lines:
            lines.seek(self.position)
            while batch := [line for _, line in zip(range(size), lines, strict=False)]:
                clicks: list[SpooledClick] = []
                broken: list[BrokenLine] = []
                for line in batch:
                    try:
                        clicks.append(_decoder.decode(line))
                    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
                        broken.append(BrokenLine(line, str(problem)))
                yield clicks, broken, lines.tell()

    def delete(self) -> None:
        """Delete it, and let go of the lock."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
