"""What a file of the archive says: the values of the records in their types, and nothing half."""

from pathlib import Path

import duckdb
import pytest
import redis

from offers.archive.columns import COLUMNS
from offers.archive.log import ArchiveLog
from offers.archive.parquet import ArchiveAway, ClickParquet
from tests.offers.archive.reading import ALMOST_TWO_MS, add_at, lines, query, run

HOUR = "date=2025-11-25/hour=13"


def written(root: Path, *lids: str) -> list[Path]:
    """Files of one hour, where the archive has them: one for each click."""
    paths = [root / HOUR / f"{lid}.parquet" for lid in lids]
    with ClickParquet(root) as parquet:
        for lid, path in zip(lids, paths, strict=True):
            parquet.load(lines(f'{{"lid":"{lid}"}}'))
            parquet.write(path)
    return paths


def merged(root: Path, paths: list[Path]) -> Path:
    """These files, merged into one."""
    with ClickParquet(root) as parquet:
        parquet.merge(paths, root / HOUR / "merged.parquet")
    return root / HOUR / "merged.parquet"


def columns(path: Path) -> list[str]:
    """The columns that are in a file, whatever its directories are called."""
    with duckdb.connect() as connection:
        found = connection.execute(f"DESCRIBE FROM read_parquet('{path}', hive_partitioning = false)")
        return [name for name, *_ in found.fetchall()]


def test_amounts_times_and_words_have_their_types(root: Path) -> None:
    times = '"dateAdded":1764079199990,"ttl":1795615199'
    record = f'{{"lid":"a",{times},"payin":0.10000001,"campaignId":7,"city":"Köln"}}'
    path = root / "x.parquet"
    with ClickParquet(root) as parquet:
        assert parquet.load(lines(record)) == 1
        parquet.write(path)
    values = (
        'lid, "dateAdded" = TIMESTAMPTZ \'2025-11-25 13:59:59.990+00\', epoch("ttl"), payin::VARCHAR, city'
    )
    assert query(f'{values}, "campaignId", payout', [path]) == [
        ("a", True, 1795615199.0, "0.1000000100", "Köln", 7, None)
    ]
    assert query('typeof("dateAdded"), typeof(payin), typeof("offerId")', [path]) == [
        ("TIMESTAMP WITH TIME ZONE", "DECIMAL(38,10)", "BIGINT")
    ]


@pytest.mark.parametrize(
    ("unique", "kept"),
    [("1", (True, None)), ("0", (False, None)), ("", (None, None)), ("assumed", (True, True))],
)
def test_what_is_known_of_uniqueness_is_kept(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, unique: str, kept: tuple[bool | None, ...]
) -> None:
    redis_client.xadd("clicks", {"click": '{"lid":"a"}', "unique": unique}, id=f"{ALMOST_TWO_MS}-0")
    run(archive_log, root)
    (path,) = root.glob("date=*/*/*.parquet")
    assert query('"isUniqueVisit", "isUniqueVisitAssumed"', [path]) == [kept]


def test_a_value_of_another_type_is_null_and_the_click_is_kept(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path
) -> None:
    add_at(redis_client, ALMOST_TWO_MS, "a", payin="many", campaignId={"x": 1}, unknown=7)
    run(archive_log, root)
    assert query('lid, payin, "campaignId"', list(root.glob("date=*/*/*.parquet"))) == [("a", None, None)]


@pytest.mark.parametrize("time", ["-9223372036854775808", "9223372036854775807", "1e300", "1e18"])
def test_a_time_that_nobody_can_live_at_is_null(root: Path, time: str) -> None:
    with ClickParquet(root) as parquet:
        records = [f'{{"lid":"{name}","{name}":{time}}}' for name in ("dateAdded", "ttl")]
        assert parquet.load(lines(*records, '{"lid":"a","ttl":7}')) == 3
        parquet.write(root / "x.parquet")
    assert query('lid, "dateAdded", epoch("ttl")', [root / "x.parquet"]) == [
        ("dateAdded", None, None),
        ("ttl", None, None),
        ("a", None, 7.0),
    ]


def test_a_record_of_any_length_holds_nobody_up(root: Path) -> None:
    with ClickParquet(root) as parquet:
        assert parquet.load(lines('{"lid":"a"}', f'{{"lid":"{"b" * 40_000_000}"}}', '{"lid":"c"}')) == 2


def test_a_batch_may_hold_no_click(root: Path) -> None:
    with ClickParquet(root) as parquet:
        assert parquet.load(lines("", "[]", "{}")) == 0
        assert parquet.batch.clicks == 0
        assert parquet.load([]) == 0


def test_a_record_may_be_longer_than_others_of_its_batch(root: Path) -> None:
    with ClickParquet(root) as parquet:
        assert parquet.load(lines('{"lid":"a"}', f'{{"lid":"{"b" * 10_000_000}"}}', '{"lid":"c"}')) == 3


def test_what_a_dead_run_left_in_the_temporary_directory_goes(root: Path) -> None:
    left = root / ".tmp" / "1-0_2-0.parquet"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    with ClickParquet(root):
        assert not left.exists()


def test_a_damaged_file_is_told_with_the_directory(root: Path) -> None:
    with ClickParquet(root) as parquet:
        damaged = root / "x.parquet"
        damaged.write_bytes(b"PAR1")
        with pytest.raises(ArchiveAway, match="CLICK_ARCHIVE_DIR"):
            parquet.merge([damaged], root / "y.parquet")


def test_a_merged_file_has_the_fields_of_the_record_and_no_other_column(root: Path) -> None:
    path = merged(root, written(root, "a", "b"))
    assert columns(path) == [column.name for column in COLUMNS]
    assert query("lid", [path]) == [("a",), ("b",)]


def test_the_columns_that_an_older_version_added_go_when_their_file_is_merged(root: Path) -> None:
    older, newer = written(root, "a", "b")
    with duckdb.connect() as connection:
        # DuckDB takes them from the names of the directories.
        connection.execute(f"CREATE TABLE older AS FROM '{older}'")
        connection.execute(f"COPY older TO '{older}' (FORMAT parquet)")
    assert {"date", "hour"} < set(columns(older))
    path = merged(root, [newer, older])
    assert columns(path) == [column.name for column in COLUMNS]
    assert query("lid", [path]) == [("b",), ("a",)]
