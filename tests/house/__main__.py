"""`make house`: how large, deep and strictly typed the house is, and what a click passes through.

With DIR, the figures of another checkout stand beside.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import django

from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from tests.house.figures import House, house  # noqa: E402
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


def table(houses: Sequence[House]) -> list[str]:
    """Return a line for each figure, with a column for each checkout."""
    rows: dict[str, list[object]] = {
        "modules": [found.modules for found in houses],
        "files in the largest folder": [
            f"{found.in_largest_folder} ({found.largest_folder})" for found in houses
        ],
        "longest chain of imports": [found.import_depth for found in houses],
        "lines of the longest file": [found.longest_file_lines for found in houses],
        "lines of the longest function": [found.longest_function_lines for found in houses],
        "uses of Any": [found.any_count for found in houses],
        "uses of cast": [found.cast_count for found in houses],
        "lines with a comment": [f"{found.comment_share:.1%}" for found in houses],
    }
    return [f"{name:<32}" + "".join(f"{value!s:>32}" for value in values) for name, values in rows.items()]


if __name__ == "__main__":
    main()
