"""`make bench-archive`: what it costs to keep a click as Parquet, and what it weighs there."""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import django
from redis import Redis

from devstack.services import LOCALHOST, Service, free_port, valkey_command
from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from offers.archive.archive import archive  # noqa: E402
from offers.archive.hours import merge  # noqa: E402
from offers.archive.log import ArchiveLog  # noqa: E402
from offers.archive.parquet import ClickParquet  # noqa: E402
from offers.archive.partitions import hours, size  # noqa: E402
from offers.click_log.stream import ClickLog  # noqa: E402
from tests.bench.records import fill  # noqa: E402


def main() -> None:
    """Measure several times, and print the medians."""
    parser = argparse.ArgumentParser(prog="make bench-archive", description=__doc__)
    parser.add_argument("--clicks", type=int, default=100_000, help="how many a run (default: 100,000)")
    parser.add_argument("--runs", type=int, default=3, help="runs (default: 3)")
    options = parser.parse_args()
    found = [run(options.clicks) for _ in range(options.runs)]
    for name, values in zip(
        ("written", "merged", "bytes a click, merged"), zip(*found, strict=True), strict=True
    ):
        unit = "" if name.startswith("bytes") else "CPU us a click"
        print(f"{name:<24}{statistics.median(values):>8.1f}  {min(values):.1f} to {max(values):.1f}  {unit}")


def run(clicks: int) -> tuple[float, float, float]:
    """CPU microseconds a click for writing and for merging, and the bytes of a click."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        directory, root = Path(name), Path(name) / "archive"
        with Service("valkey", valkey_command(port, directory), port), Redis(LOCALHOST, port) as client:
            fill(ClickLog(client), clicks, began_ms=time.time_ns() // 1_000_000)
            started = time.process_time()
            done = archive(ArchiveLog(client), root, 3600)
            written = time.process_time()
        if done.clicks != clicks:
            raise SystemExit(f"{done.clicks} of {clicks} clicks were archived")
        with ClickParquet(root) as parquet:
            begun = time.process_time()
            merge(root, parquet, hours(root))
            merged = time.process_time()
        _, size_bytes = size(root)
        return (written - started) / clicks * 1e6, (merged - begun) / clicks * 1e6, size_bytes / clicks


if __name__ == "__main__":
    main()
