"""The process that `make bench-memory` looks at: it answers clicks with all that a web worker has loaded.

Clicks are made in memory, because over a socket ten million of them would take too long.
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import django
import msgspec
import uvloop

# The environment is that of the process which started this one.
django.setup()

from django.conf import settings  # noqa: E402

from cotraffic.asgi import django_application  # noqa: E402, F401 - it belongs to a worker's memory
from offers.admission import Refusal  # noqa: E402
from offers.bootstrap import build_click_writer, build_handler, open_redis  # noqa: E402
from offers.catalog.record_cache import CacheMiss  # noqa: E402
from offers.click_log.record import Click, record  # noqa: E402
from offers.handler import ClickHandler  # noqa: E402
from offers.links.tokens import encrypt  # noqa: E402
from offers.request import ClickRequest, read_click  # noqa: E402
from tests.bench import traffic  # noqa: E402

AT_ONCE = 100
GOOD_LINKS = 500
RECORDS = 60_000
ROUNDS = 30
PARTS = 10
LARGE = b"x" * 8000


class Flood(msgspec.Struct):
    """Microseconds of a good click without and with as many bad ones between, and what they pushed out."""

    quiet_us: float
    flooded_us: float
    forgotten: int


class Measured(msgspec.Struct):
    """Resident megabytes at the start, at the highest, and in the course of the clicks; and the flood.

    The second half of the course is that of visitors as large as they can be.
    """

    start_mb: float
    peak_mb: float
    course_mb: list[float]
    flood: Flood


class Recipe:
    """What is known of the recipe that is live."""

    def __init__(self, records: int) -> None:
        self.offers = records // 3
        self.campaigns = records - self.offers


class Clicks:
    """Clicks made by a click handler as a web worker makes them, short of sending and logging them."""

    def __init__(self, handler: ClickHandler, recipe: Recipe) -> None:
        self._handler = handler
        self._recipe = recipe
        self._chance = random.Random(9)

    async def everywhere(self) -> None:
        """Click on records all over the recipe, each once; on more than any cache holds."""
        pairs = zip(self._ids(self._recipe.offers), self._ids(self._recipe.campaigns), strict=False)
        while batch := [pair for _, pair in zip(range(AT_ONCE), pairs, strict=False)]:
            tokens = [encrypt(*pair, settings.ENCRYPTION_KEY) for pair in batch]
            await asyncio.gather(*(self._click(self._request(token)) for token in tokens))

    async def strangers(self, count: int, *, large: bool = False) -> None:
        """Clicks of which no token, address or user agent comes twice; `large`: as large as may be."""
        tokens = traffic.fresh_links(self._recipe.campaigns, self._recipe.offers, self._chance)
        for number in range(count):
            await self._click(self._request(next(tokens), str(number).encode() + LARGE if large else b""))

    def _ids(self, count: int) -> Iterator[int]:
        yield from self._chance.sample(range(1, count + 1), min(count, RECORDS))

    def _request(self, token: str, more: bytes = b"") -> ClickRequest:
        lines = traffic.click(token, traffic.person(self._chance), self._chance).split(b"\r\n")
        query = lines[0].split(b" ")[1].partition(b"?")[2]
        headers = [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines[1:])]
        if more:
            headers = [(name, value + more if name == b"user-agent" else value) for name, value in headers]
        return read_click(query, headers, "127.0.0.1")

    async def _click(self, request: ClickRequest) -> None:
        found = await self._handler.load_and_resolve(request)
        if isinstance(found, Click):
            record(found)

    async def flood(self) -> Flood:
        """Good clicks, alone and among as many bad ones of every kind, in turns."""
        links = traffic.links(self._recipe.campaigns, self._recipe.offers)[:GOOD_LINKS]
        good = [self._request(token) for token in links]
        for request in good:
            await self._click(request)
        before = self._known(good)
        quiet: list[float] = []
        flooded: list[float] = []
        for _ in range(ROUNDS):
            quiet.append(self._timed(good, []))
            bad = [self._request(self._junk()) for _ in good]
            # What names nothing has to be asked of Redis first; that time is not the good ones'.
            for request in bad:
                await self._handler.load_and_resolve(request)
            flooded.append(self._timed(good, bad))
        forgotten = before - self._known(good)
        return Flood(statistics.median(quiet), statistics.median(flooded), forgotten)

    def _junk(self) -> str:
        """A token that is none, or that decrypts and names what is not there."""
        kind = self._chance.randrange(3)
        if kind == 0:
            return f"{self._chance.getrandbits(128):032x}:{self._chance.getrandbits(128):032x}"
        if kind == 1:
            return "junk" * self._chance.randrange(100)
        return encrypt(10**9 + self._chance.randrange(10**9), 1, settings.ENCRYPTION_KEY)

    def _timed(self, good: list[ClickRequest], bad: list[ClickRequest]) -> float:
        """Microseconds of CPU for each good click; a bad one follows each, as long as there are any."""
        spent = 0
        for number, request in enumerate(good):
            started = time.thread_time_ns()
            found = self._resolve(request)
            if isinstance(found, Click):
                record(found)
            spent += time.thread_time_ns() - started
            if bad and isinstance(refusal := self._resolve(bad[number]), Refusal):
                self._handler.refuse(refusal, bad[number])
        return spent / len(good) / 1000

    def _resolve(self, request: ClickRequest) -> Click | Refusal | None:
        """What becomes of a click by what is in memory; None where a record is not."""
        try:
            return self._handler.resolve(request, self._handler.catalog.memory)
        except CacheMiss:
            return None

    def _known(self, good: list[ClickRequest]) -> int:
        """How many of the good clicks are answered without asking Redis."""
        return sum(self._resolve(request) is not None for request in good)


def resident_mb(peak: bool = False) -> float:
    """The memory of this process, now or at its highest."""
    name = "VmHWM:" if peak else "VmRSS:"
    return int(Path("/proc/self/status").read_text().split(name)[1].split()[0]) / 1024


async def measure(records: int, count: int) -> Measured:
    """Usual strangers, strangers as large as they can be, and the flood."""
    redis = open_redis()
    recipe = Recipe(records)
    clicks = Clicks(build_handler(redis, build_click_writer()), recipe)
    start, course = resident_mb(), []
    await clicks.everywhere()
    for _ in range(PARTS):
        await clicks.strangers(count // PARTS)
        course.append(resident_mb())
        print(f"{len(course)} of {PARTS}: {course[-1]:,.0f} MB", file=sys.stderr, flush=True)
    for _ in range(PARTS):
        await clicks.strangers(count // PARTS // 10, large=True)
        course.append(resident_mb())
    flood = await clicks.flood()
    await redis.aclose()
    return Measured(start, resident_mb(peak=True), course, flood)


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(uvloop.run(measure(int(sys.argv[1]), int(sys.argv[2])))).decode())
