"""Keeps one MaxMind file open, whatever happens to the file on the disk.

Workers never map the file itself: one that is overwritten in place (`cp`, `wget -O`) or truncated would kill
each of them with SIGBUS at the next look-up. They share a mapped copy that nobody else writes to.
"""

import os
import tempfile
import threading
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

# A database must answer these look-ups, if only with no record, before it is used: half of a file, or garbage
# with a good end, raises at some of them.
TRIED_ADDRESSES = (*(f"{first}.{first}.7.9" for first in range(1, 224, 3)), "2001:4860:4860::8888")
COPY_STEP_BYTES = 1 << 20

Signature = tuple[int, int, int]


class NotUsable(Exception):
    """The file on the disk cannot be used; the text says why, in words for staff."""


class _Opened(NamedTuple):
    signature: Signature | None
    reader: maxminddb.Reader | None
    error: str | None


class GeoFile:
    """One MaxMind file of certain `kinds` (parts of the database type, such as "City").

    No method raises: while there is no usable file, every address is unknown, and `error` says why. An
    unusable file leaves the last good one in use.
    """

    def __init__(self, path: str, kinds: tuple[str, ...]) -> None:
        """Open the file at `path`. With "" the database is empty by choice, which is no error."""
        self.path = Path(path) if path else None
        self.error: str | None = None
        self._kinds = kinds
        self._reader: maxminddb.Reader | None = None
        self._signature: Signature | None = None
        self._fresh: _Opened | None = None
        self._opening = False
        if self.path is not None:
            self._use(self._open(self.path, self._seen()))

    @property
    def is_open(self) -> bool:
        """Whether a file is open, so that addresses can be looked up."""
        return self._reader is not None

    @property
    def database_type(self) -> str:
        """The type in the open file, such as GeoIP2-City; "" while none is open."""
        return self._reader.metadata().database_type if self._reader else ""

    @property
    def built_at_seconds(self) -> int:
        """The time at which the open file was built, in seconds since the epoch; 0 while none is open."""
        return self._reader.metadata().build_epoch if self._reader else 0

    def get(self, address: str) -> dict[str, Any]:
        """Return the record of `address`, empty if there is none."""
        if self._reader is None:
            return {}
        try:
            found = self._reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return {}
        return found if isinstance(found, dict) else {}

    def look(self) -> bool:
        """Check whether the file has changed. Returns whether another one is in use since the last call.

        A changed file is copied and tried in a thread, since clicks must not wait for it; a later call starts
        to use it. Raises nothing.
        """
        if self.path is None:
            return False
        if self._fresh is not None:
            opened, self._fresh = self._fresh, None
            return self._use(opened)
        seen = self._seen()
        # An unusable file is tried again each time: a change of permissions leaves no trace in its signature.
        if not self._opening and (seen != self._signature or self.error is not None):
            self._opening = True
            threading.Thread(target=self._open_again, args=(self.path, seen), daemon=True).start()
        return False

    @property
    def is_opening(self) -> bool:
        """Whether a changed file is being tried, or waits for the next call of `look`."""
        return self._opening or self._fresh is not None

    def _open_again(self, path: Path, seen: Signature | None) -> None:
        try:
            self._fresh = self._open(path, seen)
        finally:
            self._opening = False

    def _use(self, opened: _Opened) -> bool:
        self._signature, self.error = opened.signature, opened.error
        if opened.reader is None:
            return False
        # The old reader is not closed: another thread may be using it. It is freed after its last use.
        self._reader = opened.reader
        return True

    def _seen(self) -> Signature | None:
        """Return the signature by which one file at the path differs from the next; None without a file."""
        try:
            status = os.stat(self.path) if self.path else None
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size) if status else None

    def _open(self, path: Path, seen: Signature | None) -> _Opened:
        try:
            reader = open_copy(path, self._kinds)
            if self._seen() != seen:
                raise NotUsable("it is being written")
        except NotUsable as error:
            # A file that is still being written has another signature at the next look, and is tried again.
            return _Opened(seen, None, f"{path} {error}")
        return _Opened(seen, reader, None)


def open_copy(path: Path, kinds: tuple[str, ...]) -> maxminddb.Reader:
    """Copy the file, try some look-ups, and return a reader of the copy. Raises `NotUsable`."""
    try:
        reader = _opened_copy(path)
    except OSError as error:
        raise NotUsable(f"cannot be read: {error.strerror or error}") from None
    except (maxminddb.InvalidDatabaseError, ValueError):
        raise NotUsable("is no MaxMind database, or only a part of one") from None
    database_type = reader.metadata().database_type
    if not any(kind in database_type for kind in kinds):
        raise NotUsable(f"is a {database_type} database, not one of {' or '.join(kinds)}")
    try:
        version = reader.metadata().ip_version
        for address in TRIED_ADDRESSES:
            if version == 6 or ":" not in address:
                reader.get(address)
    except (maxminddb.InvalidDatabaseError, ValueError):
        raise NotUsable("is damaged: look-ups fail") from None
    return reader


def _opened_copy(path: Path) -> maxminddb.Reader:
    with path.open("rb") as source:
        status = os.fstat(source.fileno())
        name = blake2b(os.fsencode(path.absolute()), digest_size=8).hexdigest()
        file_name = f"{name}-{status.st_dev}-{status.st_ino}-{status.st_mtime_ns}-{status.st_size}.mmdb"
        try:
            copy = _copies() / file_name
            if not copy.is_file():
                _copy(source.fileno(), copy)
            return maxminddb.open_database(copy, maxminddb.MODE_AUTO)
        except OSError:
            # No disk takes the copy: use anonymous memory, which workers do not share.
            return _in_memory(source.fileno())


def _copy(source: int, copy: Path) -> None:
    """Copy a file atomically under its final name, and delete copies of earlier files at its path."""
    descriptor, draft = tempfile.mkstemp(dir=copy.parent)
    try:
        with os.fdopen(descriptor, "wb") as target:
            _transfer(source, target.fileno())
        os.replace(draft, copy)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise
    for old in copy.parent.glob(f"{copy.name.partition('-')[0]}-*.mmdb"):
        if old.name != copy.name:
            # Workers that have a deleted copy mapped can use it until their next look.
            old.unlink(missing_ok=True)


def _in_memory(source: int) -> maxminddb.Reader:
    descriptor = os.memfd_create("geoip")
    try:
        _transfer(source, descriptor)
        return maxminddb.open_database(f"/proc/self/fd/{descriptor}", maxminddb.MODE_AUTO)
    finally:
        # The reader has the memory mapped, and a mapping outlives its descriptor.
        os.close(descriptor)


def _transfer(source: int, target: int) -> None:
    at = 0
    while part := os.pread(source, COPY_STEP_BYTES, at):
        at += len(part)
        while part:
            part = part[os.write(target, part) :]


def _copies() -> Path:
    """Return the directory of the copies, which only this user can write to. Raises `OSError`."""
    directory = Path(tempfile.gettempdir()) / f"co-traffic-geoip-{os.geteuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o077 or directory.is_symlink():
        raise PermissionError(f"{directory} belongs to somebody else")
    return directory
