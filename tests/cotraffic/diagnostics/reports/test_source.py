"""Which clicks of the log reports count while they are in no file of the archive."""

import re
import time
from html import unescape
from math import inf
from pathlib import Path

import pytest
import redis
from django.test import Client

from cotraffic.diagnostics.reports import source
from cotraffic.diagnostics.reports.types import ClickFilter, TimeRange
from cotraffic.diagnostics.reports.zones import HOUR_MS
from offers.archive.archive import archive
from offers.archive.log import ArchiveLog
from tests.cotraffic.diagnostics.reports.conftest import Write
from tests.cotraffic.diagnostics.reports.downloads import downloaded

REPORTS = "/admin/diagnostics/reports/"
CLICKS = "?what=clicks&range=hour"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports count three clicks of the log, which are read two at a time."""
    monkeypatch.setattr(source, "MOST_ENTRIES", 3)
    monkeypatch.setattr(source, "STEP", 2)


def counted(client: Client) -> tuple[str, list[str]]:
    """The page's text, and the lids that it lists."""
    text = client.get(f"{REPORTS}clicks/?range=today&range=hour").content.decode()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split()), re.findall(r'/clicks/([^/"]+)/', text)


@pytest.mark.django_db
def test_without_an_archive_the_newest_clicks_are_counted(
    root: Path, write: Write, staff_client: Client
) -> None:
    lids = [write(f"0000000{at}-0000-4000-8000-000000000000", 60 - at) for at in range(6)]
    text, shown = counted(staff_client)
    assert set(shown) == set(lids[3:])
    assert "3 clicks of the log are not counted here: the oldest ones, for no archive is kept" in text


@pytest.mark.django_db
def test_behind_an_archive_the_clicks_that_follow_its_files_are_counted(
    root: Path, write: Write, staff_client: Client, redis_client: redis.Redis
) -> None:
    first = write("00000000-0000-4000-8000-000000000009", 100)
    archive(ArchiveLog(redis_client), root, 60)
    lids = [write(f"0000000{at}-0000-4000-8000-000000000000", 60 - at) for at in range(6)]
    text, shown = counted(staff_client)
    assert set(shown) == {first, *lids[:3]}
    assert "3 clicks of the log are not counted here: the newest ones, for the archive is behind" in text
    assert re.fullmatch(r"clicks-\d{8}-\d{6}-incomplete\.csv", downloaded(staff_client, CLICKS).name)


@pytest.mark.django_db
def test_where_all_are_counted_nothing_is_said(root: Path, write: Write, staff_client: Client) -> None:
    write("00000001-0000-4000-8000-000000000000")
    text, shown = counted(staff_client)
    assert len(set(shown)) == 1
    assert "not counted" not in text
    assert re.fullmatch(r"clicks-\d{8}-\d{6}\.csv", downloaded(staff_client, CLICKS).name)


@pytest.mark.django_db
def test_a_click_that_comes_again_through_the_log_is_counted_once(
    root: Path, write: Write, staff_client: Client, redis_client: redis.Redis
) -> None:
    came_ms = int((time.time() - 100) * 1000)
    again = write("00000001-0000-4000-8000-000000000000", 100, dateAdded=came_ms)
    archive(ArchiveLog(redis_client), root, 60)
    for seconds_ago in (60, 50):
        write(again, seconds_ago, dateAdded=came_ms)
    other = write("00000002-0000-4000-8000-000000000000", 40)
    text, shown = counted(staff_client)
    assert sorted(set(shown)) == [again, other]
    assert "2 clicks, the newest first" in text


def test_files_that_end_before_a_click_came_are_not_searched_for_it(
    root: Path, write: Write, redis_client: redis.Redis, tmp_path: Path
) -> None:
    write("a", 100)
    archive(ArchiveLog(redis_client), root, 60)
    write("b", 50)
    now_ms = int(time.time() * 1000)
    views = source.prepare(redis_client, ClickFilter(TimeRange(now_ms - HOUR_MS, now_ms)), tmp_path)
    assert not any("known" in view for view in views)


@pytest.mark.parametrize(
    "foreign", [b"", b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b'{"dateAdded":"\xff"}']
)
def test_an_entry_that_is_no_click_came_at_no_time(foreign: bytes) -> None:
    assert source._came_ms(foreign) == inf
