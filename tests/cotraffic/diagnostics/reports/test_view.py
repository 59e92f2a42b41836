"""The panel of reports, its clicks, its values and its downloads."""

import csv
import io
import re
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest
import redis
from django.test import Client
from pytest_django import Settings

from cotraffic.diagnostics.reports.types import Dimension
from offers.archive.archive import archive
from offers.archive.log import ArchiveLog
from tests.cotraffic.diagnostics.reports.conftest import Write
from tests.cotraffic.diagnostics.reports.downloads import downloaded
from tests.cotraffic.diagnostics.reports.made import made
from tests.cotraffic.diagnostics.reports.made import write as write_clicks

REPORTS = "/admin/diagnostics/reports/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def clicks(root: Path, write: Write, redis_client: redis.Redis) -> None:
    """Three clicks: one in the archive, two in the log; two of them went elsewhere."""
    fields = {"originOfferId": 101, "payin": 2, "payout": 1.5, "country": "DE"}
    write("a", offerId=101, offerName="Tents", campaignId=7, redirectType="defaultRedirection", **fields)
    archive(ArchiveLog(redis_client), root, 60)
    elsewhere = {"offerId": 190, "offerName": "House", "campaignId": 7, "redirectType": "offerGeoRestriction"}
    write("b", 50, "0", **elsewhere, **fields)
    write("c", 40, subCampaign="=1+1", **elsewhere, **fields)


def shown(client: Client, query: str, status: int = 200) -> str:
    answer = client.get(REPORTS + query)
    assert answer.status_code == status
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


@pytest.mark.usefixtures("clicks")
def test_it_counts_sums_and_shares(staff_client: Client) -> None:
    page = shown(staff_client, "?by=offer")
    assert "3 clicks, 2 unique, payin 6, payout 4.5" in page
    assert "House 190 2 66.7 % 1 4 3" in page
    assert "Tents 101 1 33.3 % 1 2 1.5" in page


@pytest.mark.usefixtures("clicks")
def test_every_number_leads_to_the_clicks_behind_it(staff_client: Client) -> None:
    page = staff_client.get(f"{REPORTS}?by=offer&by=country").content.decode()
    address = unescape(re.findall(r'<a href="([^"]*reports/clicks/\?[^"]*offer=190[^"]*)">2</a>', page)[0])
    listed = staff_client.get(address)
    assert "2 clicks, the newest first" in listed.content.decode()
    assert [click.lid for click in listed.context["clicks"]] == ["c", "b"]


@pytest.mark.usefixtures("clicks")
def test_the_clicks_of_a_row_lead_back_to_the_report_that_they_came_from(staff_client: Client) -> None:
    query = "range=hour&by=offer&by=country&order=unique&page=1"
    page = staff_client.get(f"{REPORTS}?{query}").content.decode()
    address = unescape(re.findall(r'href="([^"]*reports/clicks/\?[^"]*offer=190[^"]*)"', page)[0])
    listed = staff_client.get(address).content.decode()
    back = re.search(r'href="([^"]*)">Back to the report', listed)
    assert back
    assert unescape(back[1]) == f"{REPORTS}?{query}"
    assert "back=" not in "".join(re.findall(r'data-download href="([^"]*)"', listed))


@pytest.mark.usefixtures("clicks")
def test_clicks_without_a_report_lead_to_theirs(staff_client: Client) -> None:
    listed = staff_client.get(f"{REPORTS}clicks/?offer=190").content.decode()
    assert f'href="{REPORTS}?offer=190">Back to the report' in listed


@pytest.mark.usefixtures("clicks")
@pytest.mark.parametrize(("query", "fields"), [("", 1), ("?country=DE", 2), ("?country=DE&country=none", 3)])
def test_the_form_has_room_for_one_more_value(staff_client: Client, query: str, fields: int) -> None:
    page = staff_client.get(REPORTS + query).content.decode()
    assert page.count('<input name="country"') == fields


@pytest.mark.usefixtures("clicks")
@pytest.mark.parametrize("by", ["hour", "day"])
def test_a_time_leads_to_its_clicks(staff_client: Client, by: str) -> None:
    page = staff_client.get(f"{REPORTS}?by={by}&range=7days&zone=Asia/Kolkata")
    for line in page.context["lines"]:
        listed = staff_client.get(f"{REPORTS}clicks/?{line.clicks_address}")
        assert listed.context["total"].clicks == line.row.clicks


@pytest.mark.usefixtures("root", "redis_client")
@pytest.mark.parametrize("view", ["", "clicks/"])
def test_the_form_keeps_which_of_two_hours_is_shown(staff_client: Client, view: str) -> None:
    hour = "from=2026-10-25T02:00%2B02:00&to=2026-10-25T02:00%2B01:00&zone=Europe/Berlin"
    page = staff_client.get(f"{REPORTS}{view}?{hour}").content.decode()
    assert re.findall(r'type="hidden" name="(\w+_exact)" value="([^"]+)"', page) == [
        ("to_exact", "2026-10-25T02:00:00+01:00")
    ]


@pytest.mark.usefixtures("root", "redis_client")
def test_a_page_tells_two_hours_of_the_same_name_apart(staff_client: Client) -> None:
    hour = "?from=2026-10-25T02:00%2B02:00&to=2026-10-25T02:00%2B01:00&zone=Europe/Berlin"
    assert "from 2026-10-25 02:00 to 2026-10-25 02:00:00+01:00 (Europe/Berlin)" in shown(staff_client, hour)


@pytest.mark.usefixtures("clicks")
def test_why_not_there_says_why_and_where_to_change_it(staff_client: Client) -> None:
    page = shown(staff_client, "?origin_offer=101&left=1&by=redirect_type&by=offer")
    assert "Why not there?" in page
    assert "country not allowed offerGeoRestriction The offer does not take visitors of this country" in page
    assert "geoRules" in page
    assert "defaultRedirection" not in page


@pytest.mark.usefixtures("clicks")
def test_an_offer_and_a_campaign_lead_to_why_their_clicks_left(staff_client: Client) -> None:
    for by in ("origin_offer", "campaign"):
        page = staff_client.get(f"{REPORTS}?by={by}")
        (line,) = page.context["lines"]
        assert "country not allowed" in shown(staff_client, f"?{line.cells[0].why}")


@pytest.mark.usefixtures("clicks")
def test_codes_to_filter_by_come_with_their_words(staff_client: Client) -> None:
    found = staff_client.get(f"{REPORTS}values/?dimension=redirect_type").json()["values"]
    assert {value["key"]: value["name"] for value in found} == {
        "offerGeoRestriction": "country not allowed",
        "defaultRedirection": "as the link says",
    }


@pytest.mark.usefixtures("clicks")
def test_values_to_filter_by_come_with_their_counts(staff_client: Client) -> None:
    found = staff_client.get(f"{REPORTS}values/?dimension=offer").json()["values"]
    assert found == [
        {"key": "190", "name": "House", "clicks": 2},
        {"key": "101", "name": "Tents", "clicks": 1},
    ]
    found = staff_client.get(f"{REPORTS}values/?dimension=offer&search=tEn").json()["values"]
    assert [value["key"] for value in found] == ["101"]


@pytest.mark.usefixtures("clicks")
def test_a_downloaded_report_is_the_report(staff_client: Client) -> None:
    rows = list(csv.reader(io.StringIO(downloaded(staff_client, "?by=offer").content.decode())))
    assert rows[0] == ["offer", "offer_name", "clicks", "unique", "payin", "payout"]
    assert rows[1][:4] == ["190", "House", "2", "1"]


@pytest.mark.usefixtures("clicks")
@pytest.mark.parametrize("by", [each.value for each in Dimension])
def test_a_report_by_anything_can_be_downloaded(staff_client: Client, by: str) -> None:
    rows = csv.DictReader(io.StringIO(downloaded(staff_client, f"?by={by}&order={by}").content.decode()))
    assert sum(int(row["clicks"]) for row in rows) == 3


@pytest.mark.usefixtures("clicks")
def test_no_cell_of_a_downloaded_table_is_a_formula(staff_client: Client) -> None:
    rows = csv.DictReader(io.StringIO(downloaded(staff_client, "?what=clicks").content.decode()))
    assert {row["lid"]: row["subCampaign"] for row in rows} == {"a": "", "b": "", "c": "'=1+1"}


@pytest.mark.parametrize(("by", "begins"), [("day", "2026-10-26"), ("hour", "2026-10-25T21:30:00.000Z")])
def test_a_downloaded_table_has_days_as_dates_and_hours_in_utc(
    staff_client: Client, redis_client: redis.Redis, root: Path, by: str, begins: str
) -> None:
    # It is 03:43 of the next day in Kolkata, whose hours begin at half past those of UTC.
    write_clicks(redis_client, [made(at_ms=1_792_966_400_000)])
    query = f"?by={by}&from=2026-10-25T00:00&to=2026-10-27T00:00&zone=Asia/Kolkata"
    (row,) = csv.DictReader(io.StringIO(downloaded(staff_client, query).content.decode()))
    assert row[by] == begins


@pytest.mark.usefixtures("clicks")
def test_times_of_downloaded_clicks_are_in_utc(staff_client: Client) -> None:
    rows = csv.DictReader(io.StringIO(downloaded(staff_client, "?what=clicks").content.decode()))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["dateAdded"]) for row in rows)


@pytest.mark.usefixtures("clicks")
@pytest.mark.parametrize(("by", "kind"), [("day", "DATE"), ("hour", "TIMESTAMP WITH TIME ZONE")])
def test_parquet_has_types_for_days_and_hours(
    staff_client: Client, tmp_path: Path, by: str, kind: str
) -> None:
    path = tmp_path / "report.parquet"
    path.write_bytes(downloaded(staff_client, f"?by={by}&format=parquet&zone=Asia/Kolkata").content)
    assert duckdb.connect().read_parquet(str(path)).project(f'typeof("{by}")').fetchall()[0] == (kind,)


@pytest.mark.usefixtures("clicks")
def test_parquet_has_the_types_of_the_archive(staff_client: Client, tmp_path: Path) -> None:
    path = tmp_path / "clicks.parquet"
    path.write_bytes(downloaded(staff_client, "?what=clicks&format=parquet").content)
    clicks = duckdb.connect().read_parquet(str(path))
    found = clicks.project('lid, typeof(payout), typeof("dateAdded")').order("lid").fetchall()
    assert found == [(lid, "DECIMAL(38,10)", "TIMESTAMP WITH TIME ZONE") for lid in "abc"]


@pytest.mark.usefixtures("root", "redis_client")
def test_without_clicks_it_says_so(staff_client: Client) -> None:
    assert "No click in this time fits." in shown(staff_client, "?by=offer")
    assert "No click in this time fits." in shown(staff_client, "clicks/")


@pytest.mark.usefixtures("root", "redis_client")
@pytest.mark.parametrize("view", ["", "clicks/"])
def test_a_bad_address_says_what_is_wrong(staff_client: Client, view: str) -> None:
    assert "That is no report: offer is chosen by its id" in shown(staff_client, f"{view}?offer=x", 400)


@pytest.mark.usefixtures("root", "redis_client")
def test_a_cookie_that_names_no_zone_locks_nobody_out(staff_client: Client) -> None:
    staff_client.cookies["zone"] = "Nowhere"
    assert "(UTC)" in shown(staff_client, "")


@pytest.mark.usefixtures("root")
def test_an_away_redis_is_said(staff_client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert "Redis does not answer" in shown(staff_client, "", 503)
    assert staff_client.get(f"{REPORTS}values/?dimension=offer").status_code == 503
    assert staff_client.get(f"{REPORTS}download/").status_code == 503


@pytest.mark.usefixtures("clicks")
def test_an_unreadable_file_is_named(staff_client: Client, root: Path) -> None:
    (path,) = root.glob("date=*/hour=*/*.parquet")
    path.write_bytes(b"PAR1 and no more")
    assert path.name in shown(staff_client, "", 503)


def test_all_of_it_is_for_staff(client: Client) -> None:
    for view in ("", "clicks/", "values/", "download/"):
        answer = client.get(REPORTS + view)
        assert answer.status_code == 302
        assert urlsplit(answer["Location"]).path == "/admin/login/"


@pytest.mark.parametrize(
    "query",
    [
        "from=9999-12-31T23:00&zone=America/Los_Angeles",
        "from=0001-01-01T00:00&to=0001-01-02T00:00&zone=Asia/Tokyo",
        f"page={'1' * 5000}",
    ],
    ids=["end", "beginning", "page"],
)
def test_what_no_report_can_have_is_told(staff_client: Client, root: Path, query: str) -> None:
    for view in ("", "clicks/", "values/", "download/"):
        answer = staff_client.get(f"{REPORTS}{view}?dimension=offer&{query}")
        assert answer.status_code == 400, view
