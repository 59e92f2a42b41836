"""`make bench`: what a click costs. docs/performance.md says how to read the table.

The server has a core for itself; wrk, Redis and whatever else runs share another.
"""

import argparse
import os
import platform
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import django
import msgspec

from tests import environment
from tests.bench.wrk import demand_wrk

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from tests.bench.figures import FIGURES, FULL, QUICK, Bench, Row  # noqa: E402
from tests.bench.stage import Cores, save  # noqa: E402
from tests.bench.sustained import sustained  # noqa: E402
from tests.bench.whole import whole  # noqa: E402

ALL_FIGURES = {**FIGURES, "whole": whole, "sustained": sustained}


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=ALL_FIGURES,
        metavar="FIGURE",
        help=f"one of {', '.join(ALL_FIGURES)}; may be given more than once (default: all)",
    )
    parser.add_argument("--runs", type=int, help=f"of each subject (default: {FULL.runs})")
    parser.add_argument("--seconds", type=int, help=f"of each run, whole ones (default: {FULL.seconds})")
    parser.add_argument("--quick", action="store_true", help="see whether the bench works; measures nothing")
    arguments = parser.parse_args()
    demand_wrk()
    options = QUICK if arguments.quick else FULL
    changed = {name: getattr(arguments, name) for name in ("runs", "seconds") if getattr(arguments, name)}
    options = msgspec.structs.replace(options, **changed)
    rows: list[Row] = []
    print(heading(), flush=True)
    cores = Cores.take()
    for name in arguments.only or ALL_FIGURES:
        with ExitStack() as stack:
            for found in ALL_FIGURES[name](Bench(stack, cores, options)):
                rows.append(found)
                print(line(found), flush=True)
    name = "clicks-quick" if arguments.quick else "clicks"
    path = save(name, {**about(), "options": msgspec.to_builtins(options), "rows": msgspec.to_builtins(rows)})
    print(f"\n{options.runs} runs of {options.seconds} s each, medians; written to {path}")
    if failed := sum(found.failed for found in rows):
        raise SystemExit(f"{failed} clicks failed")


def about() -> dict[str, Any]:
    """Where and when it was measured."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg()[0],
    }


def heading() -> str:
    """The first lines of the table."""
    return (
        f"{'figure':<13}{'':<35}{'clicks/s':>10}{'share':>8}  {'of':<24}"
        f"{'p50 ms':>8}{'p99 ms':>9}{'CPU us':>8}{'failed':>8}"
    )


def line(found: Row) -> str:
    """One line of the table."""
    part = "" if found.share is None else f"{found.share:.2f}"
    return (
        f"{found.figure:<13}{found.name:<35}{found.per_second:>10,.0f}{part:>8}  {found.of:<24}"
        f"{found.p50_ms:>8.2f}{found.p99_ms:>9.2f}{found.cpu_us:>8.1f}{found.failed:>8}"
    )


if __name__ == "__main__":
    main()
