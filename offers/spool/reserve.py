"""What the spool keeps for bad times: room on the disk that nobody else can take, and descriptors."""

import ctypes
import errno
import fcntl
import os
from contextlib import suppress
from itertools import count
from pathlib import Path

# Opening a spool file takes two: the file, and its directory for a moment.
SPARE_DESCRIPTORS = 2
# A small disk keeps most of its room.
LARGEST_SHARE_OF_FREE_SPACE = 10
PREFIX = ".reserve-"
# Of linux/falloc.h: allocate blocks behind the end of the file, and leave its size alone.
FALLOC_FL_KEEP_SIZE = 1
BLOCK_BYTES = 512


class SpoolReserve:
    """One process's reserve: a hidden, empty file with allocated blocks, and spare descriptors.

    The file is locked like a spool file. One that a dead process has left is used again, so there are never
    more of them than processes.
    """

    def __init__(self, directory: Path, size_bytes: int) -> None:
        """`size_bytes` is the room to keep on the disk; 0 keeps none."""
        self._directory = directory
        self._size = size_bytes
        self._path = directory
        self._file: int | None = None
        self._spare: list[int] = []

    @property
    def is_full(self) -> bool:
        """Whether nothing is missing from the reserve."""
        return len(self._spare) == SPARE_DESCRIPTORS and (self._file is not None or not self._size)

    def refill(self) -> None:
        """Get back what was used. Raises `OSError`, also where the file system cannot allocate blocks."""
        while len(self._spare) < SPARE_DESCRIPTORS:
            self._spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        if self._file is None and self._size:
            self._path, self._file = self._allocated()

    def take_file(self, path: Path) -> int | None:
        """Rename the reserved file to `path` and give its locked descriptor; None where there is none.

        What is appended to it goes to blocks that it has already. Raises `OSError`.
        """
        if self._file is None:
            return None
        self._path.rename(path)
        taken, self._file = self._file, None
        return taken

    def free_descriptors(self) -> bool:
        """Close the spare descriptors; tells whether there were any."""
        if not self._spare:
            return False
        while self._spare:
            os.close(self._spare.pop())
        return True

    def close(self) -> None:
        """Give room and descriptors back: the process ends."""
        self.free_descriptors()
        if self._file is not None:
            with suppress(OSError):
                self._path.unlink()
            os.close(self._file)
            self._file = None

    def _allocated(self) -> tuple[Path, int]:
        for number in count():
            path = self._directory / f"{PREFIX}{number}"
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not _is_named(descriptor, path):
                    # Its owner made a spool file of it while we opened it.
                    raise BlockingIOError
            except BlockingIOError:
                os.close(descriptor)
                continue
            try:
                self._allocate(descriptor)
            except OSError:
                with suppress(OSError):
                    path.unlink()
                os.close(descriptor)
                raise
            return path, descriptor
        raise AssertionError

    def _allocate(self, descriptor: int) -> None:
        room = os.fstatvfs(descriptor)
        has = os.fstat(descriptor).st_blocks * BLOCK_BYTES
        free = room.f_bavail * room.f_frsize + has
        wanted = min(self._size, free // LARGEST_SHARE_OF_FREE_SPACE)
        if has < wanted:
            fallocate(descriptor, wanted)


def fallocate(descriptor: int, size_bytes: int) -> None:
    """Allocate blocks for `size_bytes`; the file's size stays. Raises `OSError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "fallocate"):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    if libc.fallocate(descriptor, FALLOC_FL_KEEP_SIZE, ctypes.c_int64(0), ctypes.c_int64(size_bytes)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)
