"""Reports are counts over every click, whether it is archived or not yet, in any zone and for any filter."""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotraffic.diagnostics.reports import run, source
from cotraffic.diagnostics.reports.types import (
    ChartStep,
    ClickFilter,
    Dimension,
    FilesGone,
    ReportProblem,
    ReportQuery,
    SeriesQuery,
    TimeRange,
)
from cotraffic.diagnostics.reports.zones import local, milliseconds
from offers.archive.archive import archive
from offers.archive.log import ArchiveLog
from offers.archive.partitions import all_files
from tests.cotraffic.diagnostics.reports.made import BEGIN_MS, HOUR_MS, Made, made, write

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe")
FIELDS = {
    Dimension.OFFER: "offerId",
    Dimension.ORIGIN_OFFER: "originOfferId",
    Dimension.CAMPAIGN: "campaignId",
    Dimension.COUNTRY: "country",
    Dimension.REDIRECT_TYPE: "redirectType",
    Dimension.AUTOMATED: "automatedReason",
}


MADE = st.builds(
    Made,
    at_ms=st.integers(BEGIN_MS, BEGIN_MS + 50 * HOUR_MS),
    offer=st.integers(1, 3),
    origin=st.integers(1, 3),
    campaign=st.integers(1, 2),
    country=st.sampled_from([None, "DE", "US"]),
    automated=st.sampled_from([None, None, "bot"]),
    unique=st.sampled_from(["1", "0", "assumed", ""]),
    payout=st.decimals(0, 100, places=3),
)


def counted(
    made: Sequence[Made], query: ReportQuery
) -> dict[tuple[str, ...], tuple[int, int, Decimal, Decimal]]:
    """The same report, counted in Python."""
    found: dict[tuple[str, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    time, zone = query.filter.time, ZoneInfo(query.zone)
    for number, click in enumerate(made):
        record = click.record(number)
        values = {dimension: str(record.get(field, "")) for dimension, field in FIELDS.items()}
        is_wanted = (
            time.start_ms <= click.at_ms < time.end_ms
            and all(values[name] in wanted for name, wanted in query.filter.values.items())
            and (not query.filter.left or click.offer != click.origin)
        )
        if is_wanted:
            at = local(click.at_ms, zone)
            values[Dimension.DAY] = str(
                milliseconds(at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0))
            )
            sums = found[tuple(values[dimension] for dimension in query.group_by)]
            is_unique = click.unique in ("1", "assumed")
            for place, value in enumerate((Decimal(1), Decimal(is_unique), Decimal(1), click.payout)):
                sums[place] += value
    return {keys: (int(sums[0]), int(sums[1]), sums[2], sums[3]) for keys, sums in found.items()}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    made=st.lists(MADE, max_size=30).map(lambda found: sorted(found, key=lambda click: click.at_ms)),
    archived=st.integers(0, 30),
    group_by=st.lists(st.sampled_from([*FIELDS, Dimension.DAY]), max_size=2, unique=True).map(tuple),
    wanted=st.dictionaries(
        st.sampled_from([Dimension.OFFER, Dimension.CAMPAIGN]), st.just(("1", "2")), max_size=2
    )
    | st.just({Dimension.COUNTRY: ("", "DE")}),
    left=st.booleans(),
    zone=st.sampled_from(ZONES),
    hours=st.tuples(st.integers(0, 50), st.integers(0, 50)),
)
def test_a_report_is_a_count_over_the_clicks(
    redis_client: redis.Redis,
    root: Path,
    made: list[Made],
    archived: int,
    group_by: tuple[Dimension, ...],
    wanted: dict[Dimension, tuple[str, ...]],
    left: bool,
    zone: str,
    hours: tuple[int, int],
) -> None:
    redis_client.flushall()
    for path in root.glob("date=*/hour=*/*.parquet"):
        path.unlink()
    log = ArchiveLog(redis_client)
    write(redis_client, made[:archived])
    archive(log, root, 60)
    write(redis_client, made[archived:], len(made[:archived]))
    time = TimeRange(BEGIN_MS + min(hours) * HOUR_MS, BEGIN_MS + max(hours) * HOUR_MS)
    query = ReportQuery(ClickFilter(time, wanted, left), group_by, zone, limit=1000)

    found = asyncio.run(run.report(query))

    expected = counted(made, query)
    rows = {row.keys: (row.clicks, row.unique, row.payin, row.payout) for row in found.rows}
    assert rows == (expected if group_by else {})
    total = found.total
    assert (total.clicks, total.unique) == tuple(
        sum(row[place] for row in expected.values()) for place in (0, 1)
    )
    assert total.payout == sum(row[3] for row in expected.values())
    assert found.groups == len(rows)


def test_a_series_has_every_step_and_every_click(redis_client: redis.Redis, root: Path) -> None:
    made = [
        Made(BEGIN_MS + minute * 60_000, 1, 1, 1, "DE", None, "1", Decimal(1)) for minute in (0, 1, 1, 130)
    ]
    write(redis_client, made)
    time = TimeRange(BEGIN_MS, BEGIN_MS + 3 * HOUR_MS)
    found = asyncio.run(run.series(SeriesQuery(ClickFilter(time), "UTC", ChartStep.HOUR)))
    assert found.starts_ms == tuple(BEGIN_MS + hour * HOUR_MS for hour in range(3))
    assert [line.clicks for line in found.lines] == [(3, 0, 1)]


def test_a_series_has_a_line_for_the_commonest_values_and_one_for_all_others(
    redis_client: redis.Redis, root: Path
) -> None:
    offers = [1, 1, 1, 2, 2, 3]
    write(redis_client, [made(offer=offer) for offer in offers])
    time = TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS)
    wanted = SeriesQuery(ClickFilter(time), "UTC", ChartStep.HOUR, Dimension.OFFER, top=2)
    found = asyncio.run(run.series(wanted))
    assert [(line.key, line.clicks) for line in found.lines] == [("1", (3,)), ("2", (2,)), (None, (1,))]


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_a_series_begin_at_local_midnight(redis_client: redis.Redis, root: Path, zone: str) -> None:
    write(redis_client, [made(at_ms=BEGIN_MS + 30 * HOUR_MS)])
    time = TimeRange(BEGIN_MS, BEGIN_MS + 50 * HOUR_MS)
    found = asyncio.run(run.series(SeriesQuery(ClickFilter(time), zone, ChartStep.DAY)))
    assert {local(start, ZoneInfo(zone)).time().isoformat() for start in found.starts_ms} == {"00:00:00"}
    assert [sum(line.clicks) for line in found.lines] == [1]


def test_pages_of_a_report_hold_every_row_once(redis_client: redis.Redis, root: Path) -> None:
    write(redis_client, [made(offer=offer) for offer in range(1, 8)])
    wanted = ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS))
    pages = [
        asyncio.run(run.report(ReportQuery(wanted, (Dimension.OFFER,), offset=offset, limit=3)))
        for offset in (0, 3, 6)
    ]
    assert sorted(row.keys[0] for page in pages for row in page.rows) == [str(offer) for offer in range(1, 8)]
    assert {page.groups for page in pages} == {7}


def test_what_takes_too_long_ends(
    redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SECONDS", 0.2)
    time = TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS)
    endless = "SELECT sum(a.range + b.range) FROM range(10000000) a, range(10000000) b"

    async def rows() -> None:
        async for _ in run.export(ClickFilter(time), endless, "csv"):
            pass

    monkeypatch.setattr(run, "EXPORT_SECONDS", 0.2)
    with pytest.raises(ReportProblem, match="took longer"):
        asyncio.run(rows())


def test_a_request_that_is_cancelled_leaves_no_process_and_no_file(
    redis_client: redis.Redis, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    time = TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS)
    endless = "SELECT sum(a.range + b.range) FROM range(10000000) a, range(10000000) b"

    async def leave() -> None:
        async def rows() -> None:
            async for _ in run.export(ClickFilter(time), endless, "csv"):
                pass

        task = asyncio.create_task(rows())
        while not children():
            assert not task.done(), task.exception()
            await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def children() -> list[str]:
        tasks = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in " ".join(tasks).split()]
        return [command for command in commands if str(run.CHILD) in command]

    asyncio.run(leave())
    assert children() == []
    assert list(tmp_path.glob("co-traffic-report-*")) == []


def after_listing(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen once a report has listed the archive's files, before it reads them: once."""
    waiting = [happens]

    def prepare(client: redis.Redis, wanted: ClickFilter, directory: Path) -> list[str]:
        views = source.prepare(client, wanted, directory)
        while waiting:
            waiting.pop()()
        return views

    monkeypatch.setattr(run, "prepare", prepare)


def test_a_download_has_every_click_also_of_files_that_are_merged_meanwhile(
    redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ArchiveLog(redis_client)
    with monkeypatch.context() as patched:
        patched.setattr("offers.archive.archive.merge", lambda *_: 0)
        for number in (0, 1):
            write(redis_client, [made(at_ms=BEGIN_MS + number)], number)
            archive(log, root, 60)
    assert len(all_files(root)) == 2
    after_listing(monkeypatch, lambda: archive(log, root, 60))
    wanted = ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS))

    async def rows() -> bytes:
        pieces = run.export(wanted, "SELECT lid FROM clicks ORDER BY lid", "csv")
        return b"".join([piece async for piece in pieces])

    assert asyncio.run(rows()).split() == [b"lid", b"lid-0", b"lid-1"]
    assert len(all_files(root)) == 1


def test_a_report_whose_files_are_deleted_meanwhile_lists_them_again(
    redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(redis_client, [made(at_ms=BEGIN_MS + hour * HOUR_MS) for hour in (0, 1)])
    archive(ArchiveLog(redis_client), root, 60)
    after_listing(monkeypatch, all_files(root)[0].unlink)
    wanted = ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + 2 * HOUR_MS))
    assert asyncio.run(run.report(ReportQuery(wanted, (Dimension.OFFER,)))).total.clicks == 1


def test_copies_that_are_deleted_are_told(root: Path, redis_client: redis.Redis) -> None:
    wanted = ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS), files=(str(root / "gone.parquet"),))
    with pytest.raises(FilesGone, match=r"gone\.parquet"):
        asyncio.run(run.report(ReportQuery(wanted)))
