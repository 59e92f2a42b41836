"""`make faults`: cause every fault under load; no answered click may be lost, and none come twice."""

import argparse
import logging
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import django

from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from tests.faults import of_limits  # noqa: E402
from tests.faults.fault import LONG, SHORT, Fault  # noqa: E402
from tests.faults.faults import FAULTS  # noqa: E402
from tests.faults.harness import Outcome, run  # noqa: E402
from tests.faults.system import NotUp  # noqa: E402

COLUMNS = (
    "fault",
    "answered",
    "delivered",
    "archived",
    "lost",
    "doubles",
    "repeats",
    "no answer",
    "longest gap ms",
    "drain s",
)


def main() -> int:
    """Run the chosen faults, print the table; gives 1 when anything is wrong, else 0."""
    options = _options()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if options.list:
        for fault in FAULTS:
            print(f"{fault.name:<24}{fault.title}")
        return 0
    outcomes: list[Outcome] = []
    failed = False
    faults = [fault for fault in FAULTS if not options.only or fault.name in options.only]
    for at, fault in enumerate(faults, 1):
        if fault.disk_bytes and not of_limits.may_mount():
            print(f"[{at}/{len(faults)}] {fault.name}: skipped, only root may mount a disk", file=sys.stderr)
            continue
        print(f"[{at}/{len(faults)}] {fault.name}: {fault.title} ... ", end="", file=sys.stderr, flush=True)
        outcome = _try(fault, options)
        failed = failed or outcome is None or bool(outcome.problems)
        if outcome is not None:
            outcomes.append(outcome)
    print("\n".join(_aligned([COLUMNS, *map(_row, outcomes)])))
    if options.markdown:
        options.markdown.write_text(_markdown(outcomes, options))
    return int(failed)


def _options() -> argparse.Namespace:
    names = [fault.name for fault in FAULTS]
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="repeat for several")
    parser.add_argument("--list", action="store_true", help="name the faults, and end")
    parser.add_argument("--short", action="store_true", help="shorter outages, and a smaller backlog")
    parser.add_argument("--rate", type=float, default=300, help="clicks a second (default: 300)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there, with the date")
    return parser.parse_args()


def _try(fault: Fault, options: argparse.Namespace) -> Outcome | None:
    """Run one fault and tell how it went; None where the system did not start. Files of failures are kept."""
    directory = Path(tempfile.mkdtemp(prefix="co-traffic-faults-"))
    try:
        outcome = run([fault], SHORT if options.short else LONG, options.rate, directory)
    except NotUp as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return None
    except KeyboardInterrupt:
        shutil.rmtree(directory)
        raise
    if outcome.problems:
        print("\n  ".join(["FAILED", *outcome.problems]), file=sys.stderr)
        print(f"  logs, answers and data are in {directory}", file=sys.stderr)
    else:
        print("ok", file=sys.stderr)
        shutil.rmtree(directory)
    return outcome


def _row(outcome: Outcome) -> tuple[str, ...]:
    account, answers = outcome.account, outcome.answers
    lost = len(account.missing)
    return (
        outcome.title,
        f"{account.answered:,}",
        f"{account.delivered:,}",
        f"{account.archived:,}",
        f"{lost:,}" + (f" ({account.counted_lost:,} counted)" if account.counted_lost else ""),
        f"{len(account.doubles):,}",
        f"{account.repeats:,}",
        f"{answers.no_answer:,}",
        f"{answers.longest_gap_ms:,.0f}",
        f"{outcome.drain_seconds:,.1f}",
    )


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    return [
        "  ".join(
            (
                row[0].ljust(widths[0]),
                *(cell.rjust(wide) for cell, wide in zip(row[1:], widths[1:], strict=True)),
            )
        )
        for row in rows
    ]


def _markdown(outcomes: list[Outcome], options: argparse.Namespace) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return f"| {' | '.join(cells)} |"

    size = "short" if options.short else "long"
    table = [
        line(COLUMNS),
        line(("---", *("---:" for _ in COLUMNS[1:]))),
        *(line(_row(outcome)) for outcome in outcomes),
    ]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} processors, {options.rate:g} clicks a "
        f"second, two web workers, two Celery workers, {size} faults.\n\n" + "\n".join(table) + "\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
