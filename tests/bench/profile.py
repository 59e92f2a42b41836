"""`make profile`: where the microseconds of a click go, step by step, in a real worker under load.

Two workers take the same clicks in turns, one of them with a stopwatch at every step. What the steps do not
account for of the CPU time that the other one needs is the server's: event loop, sockets, kernel.
"""

import argparse
import statistics
from contextlib import ExitStack
from http.client import HTTPConnection

import django
import msgspec

from tests import environment
from tests.bench.wrk import demand_wrk

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from devstack.services import LOCALHOST  # noqa: E402
from tests.bench.figures import FULL, QUICK, Bench  # noqa: E402
from tests.bench.stage import Cores, Subject, save, worker  # noqa: E402

STEPS = {
    "HTTP": "parsing, and what the protocol does around a click",
    "query and headers": "of the request, decoded",
    "token": "to offer and campaign",
    "catalog": "both records, and whether they admit the click",
    "visitor": "place and device",
    "rules": "or the decision that is known already",
    "landing": "the URL",
    "lid, click": "and whatever else is between the steps of a decision",
    "record": "with the visitor's mark and the conversion message",
    "commit": "joining a batch, and what a batch costs, shared by its clicks",
    "commit: send": "packing a batch and giving it to the kernel",
    "answer": "making the redirect and giving it to the kernel",
    "pulse": "counting the click",
}


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__)
    parser.add_argument("--runs", type=int, help=f"of each worker (default: {FULL.runs})")
    parser.add_argument("--quick", action="store_true", help="see whether it works; measures nothing")
    arguments = parser.parse_args()
    demand_wrk()
    options = QUICK if arguments.quick else FULL
    if arguments.runs:
        options = msgspec.structs.replace(options, runs=arguments.runs)
    with ExitStack() as stack:
        bench = Bench(stack, Cores.take(), options)
        plain = bench.full()
        timed = bench.subject("timed", worker(bench.instance, "tests.bench.timed:application"))
        found = measure(plain, timed, options.runs, options.seconds)
    total = plain.median("cpu_us")
    server = total - sum(found.values())
    figures = {**found, "server": server, "whole": total}
    print(f"{'step':<20}{'us':>7}{'share':>8}")
    for step, us in figures.items():
        words = STEPS.get(step, "event loop, sockets, kernel" if step == "server" else "CPU time of a click")
        print(f"{step:<20}{us:>7.2f}{us / total:>8.1%}  {words}")
    print(f"\n{options.runs} runs of {options.seconds} s, medians; written to {save('profile', figures)}")


def measure(plain: Subject, timed: Subject, runs: int, seconds: int) -> dict[str, float]:
    """Microseconds a click by step; the medians of the runs. Both workers have their runs in turns."""
    rounds: list[dict[str, float]] = []
    for _ in range(runs):
        plain.run(seconds)
        _steps(timed)
        count = timed.run(seconds).load.requests
        rounds.append({step: us / count for step, (us, _) in _steps(timed).items()})
    return {step: statistics.median(of.get(step, 0.0) for of in rounds) for step in STEPS}


def _steps(subject: Subject) -> dict[str, tuple[float, int]]:
    connection = HTTPConnection(LOCALHOST, subject.service.port, timeout=10)
    connection.request("GET", "/steps")
    found = msgspec.json.decode(connection.getresponse().read(), type=dict[str, tuple[float, int]])
    connection.close()
    return found


if __name__ == "__main__":
    main()
