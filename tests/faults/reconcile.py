"""The bookkeeping: what visitors were answered, against what DynamoDB holds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import duckdb
import httpx

from offers.archive.partitions import all_files


class Answers(NamedTuple):
    """What the visitors saw. Times in milliseconds; `lids` are those of answered clicks."""

    lids: set[str]
    answered: int
    refused: int
    unanswered: int
    other_status: int
    longest_gap_ms: float

    @property
    def no_answer(self) -> int:
        """Clicks without a redirect, whatever they got instead."""
        return self.refused + self.unanswered + self.other_status


class Stored(NamedTuple):
    """How often DynamoDB was given one lid, and how many of those puts differed from the first."""

    puts: int
    differing: int


class Account(NamedTuple):
    """Answers and items side by side, in clicks.

    `missing`: answered, but not in DynamoDB. `counted_lost`: what the system itself says it has lost.
    `doubles`: put more than once with different content. `repeats`: further puts of the same content, which
    change nothing. `strangers`: in DynamoDB although no visitor has seen an answer. `archived`: answered,
    and in the archive. `not_archived`: in DynamoDB, and not there. `archived_twice`: there more than once.
    """

    answered: int
    delivered: int
    missing: list[str]
    counted_lost: int
    doubles: list[str]
    repeats: int
    strangers: int
    archived: int
    not_archived: list[str]
    archived_twice: list[str]

    @property
    def unaccounted(self) -> int:
        """By how many clicks the system is wrong about what it has lost."""
        return abs(len(self.missing) - self.counted_lost)


def read_answers(lines: Iterable[str]) -> Answers:
    """What the client has written down. Raises ValueError for what it never writes."""
    lids: set[str] = set()
    counts = {"answered": 0, "refused": 0, "unanswered": 0, "status": 0}
    due: list[float] = []
    answers: list[float] = []
    for line in lines:
        due_ms, ended_ms, outcome, detail = line.split()
        counts[outcome] += 1
        due.append(float(due_ms))
        if outcome == "answered":
            lids.add(detail)
            answers.append(float(ended_ms))
    if len(lids) != counts["answered"]:
        raise ValueError(f"{counts['answered'] - len(lids)} answers have the lid of another one")
    moments = sorted([*due[:1], *answers, *([max(due)] if due else [])])
    gap = max((later - earlier for earlier, later in pairwise(moments)), default=0.0)
    return Answers(
        lids=lids,
        answered=counts["answered"],
        refused=counts["refused"],
        unanswered=counts["unanswered"],
        other_status=counts["status"],
        longest_gap_ms=gap,
    )


def read_answers_file(path: Path) -> Answers:
    """What the client has written to a file. Raises OSError and ValueError."""
    with path.open() as lines:
        return read_answers(lines)


def stored_lids(url: str) -> dict[str, Stored]:
    """What the stand-in of DynamoDB at `url` holds. Raises httpx.HTTPError."""
    found = {}
    with httpx.stream("GET", f"{url}/_lids", timeout=120) as answer:
        for lid, puts, differing in _words(answer.iter_lines()):
            found[lid] = Stored(int(puts), int(differing))
    return found


def archived_lids(root: Path) -> Counter[str]:
    """How often the archive holds each lid."""
    if not (paths := [str(path) for path in all_files(root)]):
        return Counter()
    return Counter(lid for (lid,) in duckdb.connect().read_parquet(paths).project("lid").fetchall())


def reconcile(
    lids: set[str], stored: Mapping[str, Stored], archived: Mapping[str, int], counted_lost: int = 0
) -> Account:
    """Compare answered lids with the items and the archive.

    `counted_lost` is what the system itself says it has lost.
    """
    return Account(
        answered=len(lids),
        delivered=len(lids & stored.keys()),
        missing=sorted(lids - stored.keys()),
        counted_lost=counted_lost,
        doubles=sorted(lid for lid, item in stored.items() if item.differing),
        repeats=sum(item.puts - 1 for item in stored.values()),
        strangers=len(stored.keys() - lids),
        archived=len(lids & archived.keys()),
        not_archived=sorted(stored.keys() - archived.keys()),
        archived_twice=sorted(lid for lid, times in archived.items() if times > 1),
    )


def _words(lines: Iterable[str]) -> Iterator[list[str]]:
    return (line.split(" ") for line in lines if line)
