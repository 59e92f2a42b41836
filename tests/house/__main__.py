"""`make house`: how large, deep and strictly typed the house is, and what a click passes through.

With DIR, the figures of another checkout stand beside.
"""

import argparse
from collections import Counter
from pathlib import Path

import django

from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from tests.house.figures import house, table  # noqa: E402
from tests.house.hot_path import hot_path  # noqa: E402
from tests.processes import PROJECT  # noqa: E402


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(prog="make house", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, help="another checkout, to stand beside this one")
    parser.add_argument("--functions", action="store_true", help="list the functions on the hot path")
    arguments = parser.parse_args()
    checkouts = [PROJECT] if arguments.directory is None else [arguments.directory, PROJECT]
    for line in table([house(checkout) for checkout in checkouts]):
        print(line)
    functions = hot_path()
    files = Counter(function.partition(" ")[0] for function in functions)
    print(f"\na click that is remembered calls {len(functions)} of our functions, in {len(files)} files")
    for name, count in sorted(files.items()):
        print(f"{count:>4}  {name}")
        if arguments.functions:
            for function in functions:
                if function.startswith(f"{name} "):
                    print(f"        {function.partition(' ')[2]}")


if __name__ == "__main__":
    main()
