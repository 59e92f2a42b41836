"""`make differential`: many more random clicks than the test suite has time for."""

import argparse
import secrets
import sys
from collections import Counter

from tests.differential.comparison import compare


def main() -> int:
    """Compare; 1 where a click is answered differently."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--recipes", type=int, default=5000)
    parser.add_argument("--clicks", type=int, default=30, help="of each recipe")
    parser.add_argument("--seed", type=int, help="the first recipe's; random unless given")
    options = parser.parse_args()
    first = secrets.randbelow(2**48) if options.seed is None else options.seed
    kinds: Counter[str] = Counter()
    for seed in range(first, first + options.recipes):
        if found := compare(seed, options.clicks, kinds):
            print(f"click {found.number} of seed {found.seed} is answered differently: {found.click}")
            print(f"  engine: {found.engine}\n  plain:  {found.plain}")
            return 1
    print(f"{kinds.total():,} clicks on {options.recipes:,} recipes from seed {first}: no difference")
    for kind, count in kinds.most_common():
        print(f"  {count:8,} {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
