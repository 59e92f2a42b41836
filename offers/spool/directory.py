"""The spool's directory: names for its files, and changes that survive a power cut."""

import os
import time
from pathlib import Path

SUFFIX = ".ndjson"


def new_name() -> str:
    """Return a name for a new spool file; names sort by the time at which they were made."""
    return f"{time.time_ns():020}-{os.getpid()}{SUFFIX}"


def make_directory(directory: Path) -> None:
    """Create the directory and its parents, durably, where they are missing.

    Raises `OSError`.
    """
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_directory(made.parent)


def sync_directory(directory: Path) -> None:
    """Sync a directory, so that the names in it survive a power cut. Raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
