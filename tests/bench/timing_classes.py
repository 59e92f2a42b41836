"""Whether the time of an answer tells what was asked: samples over a real connection, and their comparison.

Samples are taken in rounds of random order, one of every class. From each time the median of its round is
taken, which removes what drifts.
"""

import math
import random
import socket
import statistics
import time
from contextlib import closing
from itertools import combinations
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.bench.bad_links import Maker

WARM_UP_ROUNDS = 20
# So far from 0.5 a class has to be, and so sure the figure, before it counts as told apart.
AUC_MARGIN = 0.05
STANDARD_ERRORS = 4.0


class Row(NamedTuple):
    """One class: its median time, and how well it is told from all others."""

    name: str
    median_us: float
    auc: float
    standard_errors: float

    @property
    def is_told_apart(self) -> bool:
        """Whether the difference is both there and worth something."""
        return abs(self.auc - 0.5) > AUC_MARGIN and abs(self.standard_errors) > STANDARD_ERRORS


class Prober:
    """Asks over one kept connection, and times the answers."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.expected: bytes | None = None

    def ask(self, token: str) -> int:
        """Nanoseconds until the whole refusal was here. Exits when one differs from the first."""
        query = f"?ad={token}" if token else "?"
        request = f"GET /offer{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        started = time.perf_counter_ns()
        self._socket.sendall(request)
        answer = self._socket.recv(65536)
        while not answer.endswith(b"</html>\n"):
            answer += self._socket.recv(65536)
        took = time.perf_counter_ns() - started
        seen = b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"date:"))
        self.expected = self.expected or seen
        if seen != self.expected:
            raise SystemExit(f"the answer to {token!r} differs from the others: {answer!r}")
        return took

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def sample(url: str, classes: dict[str, Maker], rounds: int, seed: int) -> dict[str, list[int]]:
    """Nanoseconds by class, one for every round."""
    with closing(Prober(url)) as prober:
        return _sample(prober, classes, rounds, random.Random(seed))


def _sample(
    prober: Prober, classes: dict[str, Maker], rounds: int, chance: random.Random
) -> dict[str, list[int]]:
    taken: dict[str, list[int]] = {name: [] for name in classes}
    for number in range(WARM_UP_ROUNDS + rounds):
        # Made beforehand: making one takes a time of its own.
        links = [(name, make(chance)) for name, make in classes.items()]
        chance.shuffle(links)
        for name, token in links:
            time.sleep(chance.random() / 1000)
            took = prober.ask(token)
            if number >= WARM_UP_ROUNDS:
                taken[name].append(took)
    return taken


def rows(taken: dict[str, list[int]]) -> list[Row]:
    """How well each class is told from all others."""
    by_round = list(zip(*taken.values(), strict=True))
    middle = [statistics.median(times) for times in by_round]
    apart = {
        name: [time_ns - base for time_ns, base in zip(times, middle, strict=True)]
        for name, times in taken.items()
    }
    found = []
    for name, mine in apart.items():
        others = [time_ns for other, times in apart.items() if other != name for time_ns in times]
        value = auc(mine, others)
        found.append(
            Row(name, statistics.median(taken[name]) / 1000, value, _errors(value, len(mine), len(others)))
        )
    return found


def widest_pair(taken: dict[str, list[int]]) -> tuple[str, str, float]:
    """The two classes that are told apart best, and their AUC."""
    pairs = ((one, other, auc(taken[one], taken[other])) for one, other in combinations(taken, 2))
    return max(pairs, key=lambda pair: abs(pair[2] - 0.5))


def auc(ours: list[float] | list[int], theirs: list[float] | list[int]) -> float:
    """The chance that one of ours is greater than one of theirs; ties count half (Mann-Whitney)."""
    marked = sorted([(value, True) for value in ours] + [(value, False) for value in theirs])
    rank_sum, at = 0.0, 0
    while at < len(marked):
        end = at
        while end < len(marked) and marked[end][0] == marked[at][0]:
            end += 1
        middle_rank = (at + 1 + end) / 2
        rank_sum += middle_rank * sum(is_ours for _, is_ours in marked[at:end])
        at = end
    return (rank_sum - len(ours) * (len(ours) + 1) / 2) / (len(ours) * len(theirs))


def _errors(value: float, ours: int, theirs: int) -> float:
    """How many standard errors of no difference at all `value` is away from 0.5."""
    return (value - 0.5) / math.sqrt((ours + theirs + 1) / (12 * ours * theirs))


def report(taken: dict[str, list[int]]) -> bool:
    """Print the table; gives whether any class is told apart."""
    found = rows(taken)
    print(f"{'class':<26}{'median':>10}{'AUC':>8}{'std. errors':>13}")
    for row in found:
        mark = "  told apart" if row.is_told_apart else ""
        print(f"{row.name:<26}{row.median_us:>7.0f} µs{row.auc:>8.3f}{row.standard_errors:>13.1f}{mark}")
    one, other, value = widest_pair(taken)
    samples = len(taken[one])
    print(f"{samples} samples of each class; the two that differ most: {one} and {other}, AUC {value:.3f}")
    return any(row.is_told_apart for row in found)
