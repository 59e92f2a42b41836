"""Cuts zeros off the end of Redis' append-only file, so that Redis starts again after a power cut.

A file system that allocates late may leave zeros where the last writes were not on the disk yet. None of
those writes was acknowledged: with `appendfsync always` an answer leaves after the sync. Redis cuts off half
a command by itself (`aof-load-truncated`), but takes zeros for damage and does not start. A copy of the end
is kept beside the file. Damage anywhere else is left alone: a person decides, docs/operating.md says how.

Usage: cut_zeros.py DIRECTORY (Redis' `dir`).
"""

import os
import sys
import time
from pathlib import Path

STEP_BYTES = 1 << 16


def cut_zeros(file: Path) -> int:
    """Cut the zeros at the end of a file off, and keep a note of it; returns how many bytes they were."""
    with file.open("r+b") as opened:
        size = end = opened.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - STEP_BYTES)
            opened.seek(start)
            part = opened.read(end - start).rstrip(b"\0")
            end = start + len(part)
            if part:
                break
        if end == size:
            return 0
        kept = file.with_name(f"{file.name}.cut-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        opened.seek(max(0, end - STEP_BYTES))
        # Keep the last commands before the zeros too: they show where the file ended.
        kept.write_bytes(opened.read(min(end, STEP_BYTES)) + b"\0" * min(size - end, STEP_BYTES))
        opened.truncate(end)
        os.fsync(opened.fileno())
    print(
        f"{file}: {size - end} zero bytes at its end, as a power cut leaves them, were cut off; "
        f"{kept.name} has a copy of where the file ended",
        file=sys.stderr,
        flush=True,
    )
    return size - end


def main() -> None:
    """Look at the newest part of the append-only file, which is the one that was being written."""
    parts = Path(sys.argv[1]).glob("appendonlydir/*.incr.aof")
    if newest := max(parts, key=lambda part: part.stat().st_mtime, default=None):
        cut_zeros(newest)


if __name__ == "__main__":
    main()
