"""The spool's directory: the names of its files, and how it survives a power cut."""

import os
import time
from pathlib import Path

SUFFIX = ".ndjson"


def new_name() -> str:
    """The name of a new spool file: names sort by the time at which they were made."""
    return f"{time.time_ns():020}-{os.getpid()}{SUFFIX}"


def make_directory(directory: Path) -> None:
    """Make it where it is missing, with its parents, so that it is there after a power cut.

    Raises `OSError`.
    """
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_directory(made.parent)


def sync_directory(directory: Path) -> None:
    """Let the names in a directory survive a power cut. Raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
