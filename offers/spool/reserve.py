"""Reserves disk space and file descriptors, so that the spool works when either runs out."""

import ctypes
import errno
import fcntl
import os
from contextlib import suppress
from itertools import count
from pathlib import Path

# Creating a spool file takes two descriptors: the file, and for a moment its directory.
SPARE_DESCRIPTORS = 2
# The reserve takes at most a tenth of the free space, so that a small disk keeps most of it.
LARGEST_SHARE_OF_FREE_SPACE = 10
PREFIX = ".reserve-"
# From linux/falloc.h: allocate blocks behind the end of the file without changing its size.
FALLOC_FL_KEEP_SIZE = 1
BLOCK_BYTES = 512


class SpoolReserve:
    """One process's reserve: a hidden, empty file with allocated blocks, and spare descriptors.

    The file is locked like a spool file. A file left by a dead process is reused, so there are never more
    such files than processes.
    """

    def __init__(self, directory: Path, size_bytes: int) -> None:
        """`size_bytes` is the space to reserve on the disk; 0 reserves none."""
        self._directory = directory
        self._size = size_bytes
        self._path = directory
        self._file: int | None = None
        self._spare: list[int] = []

    @property
    def is_full(self) -> bool:
        """Whether the reserve is complete."""
        return len(self._spare) == SPARE_DESCRIPTORS and (self._file is not None or not self._size)

    def refill(self) -> None:
        """Reserve what is missing. Raises `OSError`, also if the file system cannot allocate blocks."""
        while len(self._spare) < SPARE_DESCRIPTORS:
            self._spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        if self._file is None and self._size:
            self._path, self._file = self._allocated()

    def take_file(self, path: Path) -> int | None:
        """Rename the reserved file to `path`. Returns its locked descriptor, None if there is no such file.

        Appended data goes to the blocks that it already has. Raises `OSError`.
        """
        if self._file is None:
            return None
        self._path.rename(path)
        taken, self._file = self._file, None
        return taken

    def free_descriptors(self) -> bool:
        """Close the spare descriptors. Returns whether there were any."""
        if not self._spare:
            return False
        while self._spare:
            os.close(self._spare.pop())
        return True

    def close(self) -> None:
        """Release the space and the descriptors, because the process ends."""
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
                    # Its owner turned it into a spool file while we opened it.
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
    """Allocate blocks for `size_bytes` without changing the file's size. Raises `OSError`."""
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
