"""`make profile`: where the microseconds of a click go, step by step, in a real worker under load.

Two workers take the same clicks in turns, one of them with a stopwatch at every step. Of its CPU time, what
the steps and the stopwatch do not account for is the server's: event loop, sockets, kernel. The shares that
come out are those of the other worker's time, which nothing disturbs.
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
    "counters": "counting the click",
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
    scale = total / sum(found.values())
    figures = {step: us * scale for step, us in found.items()} | {"whole": total}
    print(f"{'step':<20}{'us':>7}{'share':>8}")
    for step, us in figures.items():
        words = STEPS.get(step, "event loop, sockets, kernel" if step == "server" else "CPU time of a click")
        print(f"{step:<20}{us:>7.2f}{us / total:>8.1%}  {words}")
    name = "profile-quick" if arguments.quick else "profile"
    print(f"\n{options.runs} runs of {options.seconds} s, medians; written to {save(name, figures)}")


def measure(plain: Subject, timed: Subject, runs: int, seconds: int) -> dict[str, float]:
    """Microseconds a click by step in the timed worker; the medians of the runs, which take turns."""
    rounds: list[dict[str, float]] = []
    for _ in range(runs):
        plain.run(seconds)
        _steps(timed)
        run = timed.run(seconds)
        found, count = _steps(timed), run.load.requests
        steps = {step: us / count for step, (us, _) in found.steps.items()}
        watched = sum(calls for _, calls in found.steps.values()) * found.cost_us / count
        rounds.append({**steps, "server": run.cpu_us - sum(steps.values()) - watched})
    return {step: statistics.median(of.get(step, 0.0) for of in rounds) for step in (*STEPS, "server")}


class Watched(msgspec.Struct):
    """Microseconds and calls of every step, and what the stopwatch cost each time."""

    cost_us: float
    steps: dict[str, tuple[float, int]]


def _steps(subject: Subject) -> Watched:
    connection = HTTPConnection(LOCALHOST, subject.service.port, timeout=10)
    connection.request("GET", "/steps")
    found = msgspec.json.decode(connection.getresponse().read(), type=Watched)
    connection.close()
    return found


if __name__ == "__main__":
    main()
