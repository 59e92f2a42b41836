"""`make bench-memory`: what a worker's memory comes to, and that junk neither pushes out nor slows the rest.

A process of its own answers clicks as a web worker does, first on records all over the recipe, then by
visitors of whom none comes twice, then by visitors as large as their headers may be; then good links are
clicked on with and without as many bad ones between them.
"""

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack

import django
import msgspec

from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from tests.bench import traffic  # noqa: E402
from tests.bench.stage import Instance, save  # noqa: E402
from tests.processes import PROJECT  # noqa: E402

LIMIT_MB = 250
LIMIT_SLOWER = 0.20


def main() -> None:
    """Measure, print, write the JSON; fail where a limit is not kept."""
    parser = argparse.ArgumentParser(prog="make bench-memory", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="of the recipe (default: 1,000,000)")
    parser.add_argument("--clicks", type=int, default=10_000_000, help="by strangers (default: 10,000,000)")
    options = parser.parse_args()
    with ExitStack() as stack:
        traffic.make_places()
        instance = Instance(stack, options.records, requests=4)
        command = [sys.executable, "-m", "tests.bench.answering", str(options.records), str(options.clicks)]
        variables = {**os.environ, "REDIS_URL": instance.url}
        done = subprocess.run(command, cwd=PROJECT, env=variables, stdout=subprocess.PIPE, check=True)
    found = msgspec.json.decode(done.stdout)
    flood = found["flood"]
    slower = flood["flooded_us"] / flood["quiet_us"] - 1
    half = len(found["course_mb"]) // 2
    figures = {
        "records in the recipe": f"{options.records:,}",
        "different tokens, addresses and user agents": f"{options.clicks:,}",
        "memory at the start, MB": f"{found['start_mb']:,.0f}",
        "after these clicks, MB": f"{found['course_mb'][half - 1]:,.0f}",
        "after a tenth as many with user agents of 8 KB, MB": f"{found['course_mb'][-1]:,.0f}",
        f"at the highest, MB (limit {LIMIT_MB})": f"{found['peak_mb']:,.0f}",
        "CPU of a good click, us": f"{flood['quiet_us']:.1f}",
        "the same among as many bad ones, us": f"{flood['flooded_us']:.1f}",
        f"slower by (limit {LIMIT_SLOWER:.0%})": f"{slower:.0%}",
        "good links pushed out": f"{flood['forgotten']}",
    }
    for name, value in figures.items():
        print(f"{name:<56}{value:>12}")
    print(f"written to {save(f'memory-{options.clicks}', found)}")
    if found["peak_mb"] > LIMIT_MB or slower > LIMIT_SLOWER or flood["forgotten"]:
        raise SystemExit("a limit is not kept")


if __name__ == "__main__":
    main()
