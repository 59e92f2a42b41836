"""`make fuzz`: a million requests of every kind over real sockets, and what came of them.

Ends with 1 when one of them was answered with a server error or not at all, when the worker logged an error,
was replaced, or its memory grew.
"""

import argparse
import tempfile
from pathlib import Path

import django

from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from tests.fuzz.client import COME_AGAIN  # noqa: E402
from tests.fuzz.run import MIN_JUDGED_REQUESTS, Result, run  # noqa: E402

MEGABYTE = 1024 * 1024
# Characters of a problem; an exception says at its end what it is.
SHOWN = 900


def report(result: Result, seed: int) -> None:
    """Print the table."""
    findings = result.findings
    print(f"{'kind':<10}{'answers':>10}  by status")
    for kind in sorted({*findings.statuses, *findings.unanswered}):
        statuses = findings.statuses[kind]
        named = {COME_AGAIN: "503 (come again)"}
        by_status = ", ".join(f"{named.get(at, at)}: {count:,}" for at, count in sorted(statuses.items()))
        closed = findings.unanswered[kind]
        dropped = f"; {closed:,} closed unanswered" if closed else ""
        print(f"{kind:<10}{sum(statuses.values()):>10,}  {by_status}{dropped}")
    rate = findings.sent / result.seconds
    print(f"\n{findings.sent:,} requests, seed {seed}, in {result.seconds:,.0f} s ({rate:,.0f} a second)")
    if result.memory:
        first, last = result.memory[0][1] / MEGABYTE, result.memory[-1][1] / MEGABYTE
        slope = f", {result.bytes_per_request:+.1f} bytes a request after warming up"
        judged = slope if findings.sent >= MIN_JUDGED_REQUESTS else ""
        print(f"memory of the worker: {first:.0f} MB at first, {last:.0f} MB at last{judged}")
    print(f"worker: {'the same throughout' if result.is_same_worker else 'REPLACED'}")
    lines = sum(result.log_lines.values())
    print(f"log: {lines:,} lines, {len(result.trouble):,} of them errors; most often:")
    for line, count in sorted(result.log_lines.items(), key=lambda item: -item[1])[:6]:
        print(f"  {count:>8,}  {line}")


def main() -> None:
    """Fuzz and report."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the requests (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=256, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3600, help="at most (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        result = run(Path(directory), options.requests, options.seed, options.connections, options.seconds)
    report(result, options.seed)
    problems = result.problems()
    for problem in problems[:20]:
        print(f"PROBLEM {problem if len(problem) < SHOWN else problem[:200] + ' … ' + problem[-SHOWN:]}")
    if problems:
        raise SystemExit(f"{len(problems)} problems")


if __name__ == "__main__":
    main()
