"""`make bench-reports`: what reports over a month take, and what they take from the clicks meanwhile.

The clicks are made up, in files as the archive has them: one an hour, with all its columns. Reports are asked
of a real process each, as the staff page does it; real clicks come to a real worker meanwhile, from wrk.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import django
import duckdb
import msgspec
from django.conf import settings

from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from cotraffic.diagnostics.reports import run, sql  # noqa: E402
from cotraffic.diagnostics.reports.source import EMPTY  # noqa: E402
from cotraffic.diagnostics.reports.types import (  # noqa: E402
    ChartStep,
    ClickFilter,
    ClicksQuery,
    Dimension,
    ReportProblem,
    ReportQuery,
    SeriesQuery,
    TimeRange,
)
from cotraffic.diagnostics.reports.zones import DAY_MS, HOUR_MS  # noqa: E402
from offers.archive.columns import COLUMNS  # noqa: E402
from offers.archive.partitions import EntryId, Hour, file_name  # noqa: E402
from tests.bench.figures import FULL, QUICK, Bench  # noqa: E402
from tests.bench.stage import Cores, save  # noqa: E402
from tests.bench.wrk import demand_wrk  # noqa: E402

DAYS = 30
# A bench that is only tried needs few files: each takes a process of the lowest priority its time.
QUICK_DAYS = 1
# And few questions: the first, the last, and one in between.
QUICK_STEP = 4
# A network of 2,000 offers, 20,000 campaigns and 500 affiliates; `n` is the number of a click.
MADE_UP = {
    "lid": "uuid()::VARCHAR",
    "offerId": "hash(n) % 2000",
    "originOfferId": "hash(n) % 2000 + (hash(n + 1) % 10 = 0)::INT",
    "offerName": "'Offer number ' || hash(n) % 2000",
    "campaignId": "hash(n + 2) % 20000",
    "affiliateId": "hash(n + 2) % 500",
    "country": "chr((65 + hash(n + 3) % 8)::INT) || chr((65 + hash(n + 3) % 7)::INT)",
    "city": "'City ' || hash(n + 4) % 3000",
    "redirectType": "CASE WHEN hash(n + 1) % 10 = 0 THEN 'offerGeoRestriction' ELSE 'defaultRedirection' END",
    "redirectReason": "'reason ' || hash(n + 1) % 12",
    "deviceType": "CASE hash(n + 5) % 3 WHEN 0 THEN 'desktop' ELSE 'smartphone' END",
    "browser": "'Browser ' || hash(n + 5) % 20",
    "automatedReason": "CASE WHEN hash(n + 6) % 20 = 0 THEN 'bot' END",
    "payin": "(hash(n) % 700) / 100",
    "payout": "(hash(n) % 500) / 100",
    "isUniqueVisit": "hash(n + 7) % 3 > 0",
    "IP": "'10.' || hash(n + 8) % 256 || '.' || hash(n + 9) % 256 || '.7'",
    "userAgent": "'Mozilla/5.0 (made up ' || hash(n + 5) % 5000 || ') AppleWebKit/537.36 Chrome/142.0.0.0'",
    "landingPageUrl": "'https://offer' || hash(n) % 2000 || '.example/page?lid=' || n",
}


class Timed(msgspec.Struct):
    """A report: seconds from the question to its answer, and of a processor."""

    name: str
    seconds: float
    cpu_seconds: float


def main() -> None:
    """Make the clicks, ask the reports, print the medians."""
    parser = argparse.ArgumentParser(prog="make bench-reports", description=__doc__)
    parser.add_argument("--clicks", type=int, default=50_000_000, help="over 30 days (default: 50,000,000)")
    parser.add_argument("--runs", type=int, default=3, help="of each report (default: 3)")
    parser.add_argument("--quick", action="store_true", help="see whether the bench works; measures nothing")
    options = parser.parse_args()
    clicks, runs, days = (2_000, 1, QUICK_DAYS) if options.quick else (options.clicks, options.runs, DAYS)
    demand_wrk()
    with tempfile.TemporaryDirectory() as name:
        settings.CLICK_ARCHIVE_DIR = name
        end_ms = int(time.time() * 1000) // HOUR_MS * HOUR_MS
        make_clicks(Path(name), clicks, end_ms, days)
        size = sum(path.stat().st_size for path in Path(name).rglob("*.parquet"))
        print(f"{clicks:,} clicks over {days} days, {size / 1e9:.2f} GB", flush=True)
        with ExitStack() as stack:
            bench = Bench(stack, Cores.take(), QUICK if options.quick else FULL)
            settings.REDIS_URL = bench.instance.url
            asked = questions(TimeRange(end_ms - days * DAY_MS, end_ms))
            chosen = list(asked.items())[:: QUICK_STEP if options.quick else 1]
            found = [timed(name, question, runs) for name, question in chosen]
            peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"\nlargest process {peak_mb:.0f} MB (DuckDB may have {run.MEMORY})", flush=True)
            share, failed = clicks_meanwhile(bench, next(iter(asked.values())))
    print(f"clicks answered meanwhile: {share:.2f} of the quiet rate, {failed} failed")
    rows = msgspec.to_builtins(found)
    path = save("reports", {"clicks": clicks, "rows": rows, "peak_mb": peak_mb, "share": share})
    print(f"written to {path}")
    if failed:
        raise SystemExit(f"{failed} clicks failed")


def make_clicks(root: Path, count: int, end_ms: int, days: int) -> None:
    """Write made-up clicks into the hours of some days until `end_ms`, as many in each."""
    # With the types of the archive, or ids would be as large as what makes them up.
    types = {column.name: column.type for column in COLUMNS}
    columns = ", ".join(f'CAST({value} AS {types[name]}) AS "{name}"' for name, value in MADE_UP.items())
    hours = days * 24
    each = count // hours
    connection = duckdb.connect(config={"threads": 2})
    for number in range(hours):
        start_ms = end_ms - (hours - number) * HOUR_MS
        first, last = EntryId(start_ms, 0), EntryId(start_ms + HOUR_MS - 1, 0)
        path = root / Hour.of(start_ms).folder / file_name(first, last)
        path.parent.mkdir(parents=True)
        at = f"to_timestamp(({start_ms} + (n - {number * each}) * {HOUR_MS} / {each}) / 1000)"
        numbers = f"range({number * each}, {(number + 1) * each}) made(n)"
        made = f'SELECT {columns}, {at} AS "dateAdded" FROM {numbers}'  # noqa: S608
        whole = f"SELECT {EMPTY} WHERE false UNION ALL BY NAME {made}"
        connection.execute(f"COPY ({whole}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def questions(time_range: TimeRange) -> dict[str, Callable[[], None]]:
    """What is asked."""
    every = ClickFilter(time_range)
    one = ClickFilter(time_range, {Dimension.CAMPAIGN: ("77",)})

    def report(wanted: ClickFilter, *by: Dimension) -> Callable[[], None]:
        return lambda: void(asyncio.run(run.report(ReportQuery(wanted, by, "Europe/Berlin"))))

    by_type = SeriesQuery(every, "Europe/Berlin", ChartStep.DAY, Dimension.REDIRECT_TYPE)
    return {
        "by offer": report(every, Dimension.OFFER),
        "by day": report(every, Dimension.DAY),
        "by offer and country": report(every, Dimension.OFFER, Dimension.COUNTRY),
        "by redirect type and day": report(every, Dimension.REDIRECT_TYPE, Dimension.DAY),
        "one campaign, by reason and offer": report(one, Dimension.REASON, Dimension.OFFER),
        "chart by redirect type": lambda: void(asyncio.run(run.series(by_type))),
        "newest clicks": lambda: void(asyncio.run(run.clicks(ClicksQuery(every)))),
        "by campaign and country, a million rows": report(every, Dimension.CAMPAIGN, Dimension.COUNTRY),
        "first rows of a CSV of all clicks": lambda: asyncio.run(first_rows(every)),
    }


def void(answer: object) -> None:
    """Do nothing with an answer but see that there is one."""
    if not answer:
        raise SystemExit("a report has no answer")


async def first_rows(wanted: ClickFilter) -> None:
    """Begin a download, and leave."""
    pieces = run.export(wanted, sql.clicks_export(ClicksQuery(wanted)), "csv")
    await anext(pieces)
    await pieces.aclose()


def timed(name: str, question: Callable[[], None], runs: int) -> Timed:
    """Ask several times."""
    seconds, cpu = [], []
    for _ in range(runs):
        began, used = time.perf_counter(), children_seconds()
        try:
            question()
        except ReportProblem as problem:
            print(f"{name:<40}{problem}", flush=True)
        seconds.append(time.perf_counter() - began)
        cpu.append(children_seconds() - used)
    found = Timed(name, statistics.median(seconds), statistics.median(cpu))
    print(f"{name:<40}{found.seconds:>8.2f} s {found.cpu_seconds:>8.2f} s of a processor", flush=True)
    return found


def children_seconds() -> float:
    """The time of processors that ended children have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def clicks_meanwhile(bench: Bench, question: Callable[[], None]) -> tuple[float, int]:
    """The rate of clicks while one report after another is made, as a share of the quiet one; failures."""
    full = bench.full()
    for _ in range(bench.options.runs):
        full.run(bench.options.seconds)
        with asking(question):
            full.run(bench.options.seconds)
    rates = [each.load.per_second for each in full.runs]
    shares = [busy / quiet for quiet, busy in zip(rates[::2], rates[1::2], strict=True)]
    return statistics.median(shares), sum(each.load.failed for each in full.runs)


@contextmanager
def asking(question: Callable[[], None]) -> Iterator[None]:
    """Ask the same again and again meanwhile."""
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            question()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main()
