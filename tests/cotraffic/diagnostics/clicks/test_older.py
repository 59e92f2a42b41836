"""How far a look at the newest clicks reached, and where it goes on: in the log, then in the archive."""

import re
from html import unescape
from typing import Any

import msgspec
import pytest
import redis
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cotraffic.diagnostics.reports.address import read_address
from cotraffic.diagnostics.reports.zones import DAY_MS, MINUTE_MS
from offers.click_log.recent import EXAMINED_AT_MOST, SHOWN_AT_MOST, Wanted, recent_clicks
from offers.click_log.stream import ClickLog

PAGE = "diagnostics:clicks"
AT_MS = 1_792_843_215_000
AT = "2026-10-24 12:00:15 UTC"


@pytest.fixture
def log(redis_client: redis.Redis) -> ClickLog:
    return ClickLog(redis_client)


def write(log: ClickLog, count: int, **fields: object) -> None:
    """Write clicks into the log, one a second from `AT_MS` on."""
    with log.redis.pipeline() as pipeline:
        for number in range(count):
            at_ms = AT_MS + number * 1000
            record = {"lid": f"0000{number:04}-0000-4000-8000-000000000000", "dateAdded": at_ms, **fields}
            entry: dict[Any, Any] = {"click": msgspec.json.encode(record), "unique": "1"}
            pipeline.xadd("clicks", entry, id=f"{at_ms}-0")
        pipeline.execute()


def text(client: Client, **asked: str) -> str:
    """The page's text without tags, its white space in order."""
    shown = client.get(reverse(PAGE), asked).text
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", shown)).split())


def archive_query(client: Client, **asked: str) -> QueryDict:
    """What the link into the archive asks for."""
    found = re.search(r'href="[^"]*reports/clicks/\?([^"]*)"', client.get(reverse(PAGE), asked).text)
    assert found
    return QueryDict(unescape(found[1]))


def test_a_look_counts_what_lies_between_its_ends(log: ClickLog) -> None:
    write(log, SHOWN_AT_MOST + 10)
    first = recent_clicks(log, Wanted())
    assert (first.examined, first.reached_ms) == (SHOWN_AT_MOST, AT_MS + 10_000)
    second = recent_clicks(log, Wanted(), before=first.older)
    assert (second.examined, second.reached_ms, second.older) == (10, AT_MS, "")


def test_the_status_says_how_far_the_look_reached(staff_client: Client, log: ClickLog) -> None:
    write(log, 3)
    assert f"Looked through 3 clicks, back to {AT} . This instance's log has none before." in text(
        staff_client
    )


def test_where_nothing_fits_it_says_how_far_it_looked(staff_client: Client, log: ClickLog) -> None:
    write(log, EXAMINED_AT_MOST + 15)
    shown = text(staff_client, country="de")
    nothing = shown[shown.index("No click among the newest fits.") :]
    assert nothing.startswith(
        f"No click among the newest fits. Looked through 2,000 clicks, back to {AT.replace(':15', ':30')} ."
    )
    assert "look at older ones" in nothing
    assert "none before" not in nothing


def test_behind_the_oldest_entry_there_is_nothing(staff_client: Client, log: ClickLog) -> None:
    write(log, 1)
    assert "The log has no older clicks." in text(staff_client, before=f"{AT_MS}-0")


def test_where_the_log_ends_the_archive_goes_on(staff_client: Client, log: ClickLog) -> None:
    write(log, 3)
    assert "Older clicks in the archive" in text(staff_client)
    time = read_address(archive_query(staff_client), AT_MS * 2).report.filter.time
    assert AT_MS < time.end_ms <= AT_MS + MINUTE_MS
    assert time.end_ms - time.start_ms == 7 * DAY_MS


def test_while_the_log_goes_on_the_archive_is_for_the_last_days(staff_client: Client, log: ClickLog) -> None:
    write(log, SHOWN_AT_MOST + 1)
    assert archive_query(staff_client)["range"] == "7days"


def test_the_archive_is_asked_for_the_same(staff_client: Client, log: ClickLog, settings: Settings) -> None:
    asked = {"campaign": "7", "redirect_type": "country not allowed", "made_by": "person"}
    query = archive_query(staff_client, **asked).dict()
    assert query == {
        "range": "7days",
        "campaign": "7",
        "redirect_type": "offerGeoRestriction",
        "automated": "none",
    }
    settings.CLICK_ARCHIVE = "off"
    assert "reports/clicks/" not in staff_client.get(reverse(PAGE), asked).text


def test_it_says_which_filters_the_archive_does_not_have(staff_client: Client, log: ClickLog) -> None:
    shown = text(staff_client, isp="telekom", lid="0000", campaign="7")
    assert "The archive cannot be filtered by provider, lid: there, clicks are shown without those." in shown
    assert "cannot be filtered" not in text(staff_client, campaign="7")
