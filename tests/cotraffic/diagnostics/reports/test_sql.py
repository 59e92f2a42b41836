"""Which clicks are found: by filters, page by page, in files of any version."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import redis

from cotraffic.diagnostics.reports import run, sql
from cotraffic.diagnostics.reports.types import ClickFilter, ClicksQuery, Dimension, ReportQuery, TimeRange
from offers.archive.archive import archive
from offers.archive.log import ArchiveLog
from tests.cotraffic.diagnostics.reports.made import BEGIN_MS, HOUR_MS, Made, made, write


def test_clicks_come_newest_first_with_all_their_fields(redis_client: redis.Redis, root: Path) -> None:
    made = [Made(BEGIN_MS + at, 1, 2, 3, "DE", "bot", "0", Decimal("1.5")) for at in (5, 6)]
    write(redis_client, made)
    wanted = ClicksQuery(ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS)))
    found = asyncio.run(run.clicks(wanted))
    assert [click["lid"] for click in found] == ["lid-1", "lid-0"]
    assert found[0]["dateAdded"] == BEGIN_MS + 6
    assert Decimal(found[0]["payout"]) == Decimal("1.5")
    assert found[0]["isUniqueVisit"] is False


def test_pages_of_clicks_hold_every_click_once_also_those_of_one_millisecond(
    redis_client: redis.Redis, root: Path
) -> None:
    write(redis_client, [made(at_ms=BEGIN_MS + number // 3) for number in range(8)])
    archive(ArchiveLog(redis_client), root, 60)
    wanted = ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS))
    pages = [asyncio.run(run.clicks(ClicksQuery(wanted, offset, 3))) for offset in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 2, 0]
    times = [click["dateAdded"] for page in pages for click in page]
    assert times == sorted(times, reverse=True)
    assert len({click["lid"] for page in pages for click in page}) == 8


@pytest.mark.parametrize(
    ("campaigns", "clicks"),
    [
        (("1",), 1),
        (("",), 1),
        (("1", ""), 2),
        (("7",), 0),
        (("one",), 0),
        (("1 OR true",), 0),
        (("9" * 30,), 0),
    ],
)
def test_clicks_are_filtered_by_ids_and_by_having_none(
    redis_client: redis.Redis, root: Path, campaigns: tuple[str, ...], clicks: int
) -> None:
    one = made().record(0)
    for number, record in enumerate((one, {**one, "campaignId": None})):
        entry: dict[Any, Any] = {
            "click": msgspec.json.encode({**record, "lid": f"lid-{number}"}),
            "unique": "1",
        }
        redis_client.xadd("clicks", entry, id=f"{BEGIN_MS}-*")
    time = TimeRange(BEGIN_MS, BEGIN_MS + HOUR_MS)
    found = asyncio.run(run.report(ReportQuery(ClickFilter(time, {Dimension.CAMPAIGN: campaigns}))))
    assert found.total.clicks == clicks


def downloaded(query: ReportQuery) -> list[list[str]]:
    """The rows of a report's CSV, without its head and the amounts."""

    async def received() -> bytes:
        pieces = run.export(query.filter, sql.report_export(query), "csv")
        return b"".join([piece async for piece in pieces])

    return [line.split(",")[:-2] for line in asyncio.run(received()).decode().splitlines()[1:]]


@pytest.mark.parametrize(
    ("dimension", "keys"),
    [
        (Dimension.HOUR, ["2026-10-24T12:00:00.000Z", "2026-10-24T13:00:00.000Z"]),
        (Dimension.DAY, ["2026-10-24"]),
        (Dimension.COUNTRY, ["DE"]),
    ],
)
def test_a_report_by_what_is_also_the_name_of_a_column_can_be_downloaded(
    redis_client: redis.Redis, root: Path, dimension: Dimension, keys: list[str]
) -> None:
    clicks = [msgspec.structs.replace(made(BEGIN_MS + hour * HOUR_MS), country="DE") for hour in (0, 1)]
    write(redis_client, clicks)
    archive(ArchiveLog(redis_client), root, 60)
    wanted = ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + 2 * HOUR_MS))
    query = ReportQuery(wanted, (dimension,), order_by=dimension, descending=False)
    each = str(2 // len(keys))
    assert downloaded(query) == [[key, each, each] for key in keys]


def test_the_columns_of_an_older_version_s_merged_files_change_no_report(
    redis_client: redis.Redis, root: Path
) -> None:
    write(redis_client, [made(BEGIN_MS + hour * HOUR_MS) for hour in (0, 1)])
    archive(ArchiveLog(redis_client), root, 60)
    file = min(root.glob("date=*/hour=*/*.parquet"))
    with duckdb.connect() as connection:
        # DuckDB takes `date` and `hour` from the names of the directories.
        connection.execute(f"CREATE TABLE old AS FROM '{file}'")
        connection.execute(f"COPY old TO '{file}' (FORMAT parquet)")
    wanted = ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + 2 * HOUR_MS))
    by_hour = ReportQuery(wanted, (Dimension.HOUR,), order_by=Dimension.HOUR, descending=False)
    shown = [str(BEGIN_MS), str(BEGIN_MS + HOUR_MS)]
    assert [row.keys[0] for row in asyncio.run(run.report(by_hour)).rows] == shown
    times = ["2026-10-24T12:00:00.000Z", "2026-10-24T13:00:00.000Z"]
    assert [hour for hour, *_ in downloaded(by_hour)] == times


@pytest.mark.parametrize("older", [0, 1])
def test_a_file_of_an_older_version_lacks_columns_and_is_read_nevertheless(
    redis_client: redis.Redis, root: Path, older: int
) -> None:
    write(redis_client, [made(at_ms=BEGIN_MS + hour * HOUR_MS) for hour in (0, 1)])
    archive(ArchiveLog(redis_client), root, 60)
    file = sorted(root.glob("date=*/hour=*/*.parquet"))[older]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE old AS FROM '{file}'")
        connection.execute("ALTER TABLE old DROP country")
        connection.execute(f"COPY old TO '{file}' (FORMAT parquet)")
    wanted = ClickFilter(TimeRange(BEGIN_MS, BEGIN_MS + 2 * HOUR_MS))
    found = asyncio.run(run.report(ReportQuery(wanted, (Dimension.COUNTRY,))))
    assert [(row.keys, row.clicks) for row in found.rows] == [(("",), 2)]
    assert len(asyncio.run(run.clicks(ClicksQuery(wanted)))) == 2
