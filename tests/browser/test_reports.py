"""Reports in a real browser, over the clicks that the demo network has got."""

import csv
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Download, Page, Route, expect

from offers.archive.parquet import ClickParquet
from offers.archive.partitions import HOUR_MS, Hour
from tests.browser.conftest import ARCHIVE_BUCKET
from tests.browser.views import Watch, assert_view
from tests.offers.archive.reading import lines
from tests.stacks import Stack

REPORTS = "/admin/diagnostics/reports/"


@pytest.fixture(autouse=True)
def zone(context: BrowserContext, stack: Stack) -> None:
    """The viewer has chosen a zone; a first visit takes the browser's."""
    context.add_cookies([{"name": "zone", "value": "UTC", "url": stack.site_url}])


def test_a_first_visit_takes_the_zone_of_the_browser(page: Page, context: BrowserContext) -> None:
    context.clear_cookies(name="zone")
    page.add_init_script("Intl.DateTimeFormat.prototype.resolvedOptions = () => ({ timeZone: 'Asia/Tokyo' })")
    page.goto(REPORTS)
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    expect(page.locator("#report-total")).to_contain_text("(Asia/Tokyo)")


def test_a_report_is_made_by_keyboard_and_its_address_is_the_report(page: Page) -> None:
    page.goto(REPORTS)
    page.get_by_label("Grouped by").select_option("Redirect type")
    page.get_by_label("and by").select_option("Country")
    page.get_by_role("button", name="Show").press("Enter")
    expect(page.locator("table.report")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["by"] == ["redirect_type", "country"]
    expect(page.locator("table.report").get_by_text("country not allowed").first).to_be_visible()
    assert_view(page, "reports")


def test_a_report_may_be_grouped_by_one_thing_alone(page: Page) -> None:
    page.goto(REPORTS)
    page.get_by_label("Grouped by").select_option("Country")
    page.get_by_role("button", name="Show").press("Enter")
    expect(page.get_by_role("columnheader", name="Country")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["by"] == ["country"]


def test_the_number_of_a_row_is_that_of_the_clicks_behind_it(page: Page) -> None:
    page.goto(f"{REPORTS}?by=offer")
    link = page.locator("table.report tbody td.num a").first
    count = link.inner_text()
    link.click()
    expect(page.get_by_text(f"{count} clicks, the newest first.")).to_be_visible()
    assert page.locator("table.clicks tbody tr").count() == min(int(count.replace(",", "")), 50)
    assert_view(page, "report-clicks")
    page.locator("a.lid").first.click()
    expect(page.get_by_text("The same visitor, now")).to_be_visible()


def test_a_table_is_sorted_by_the_head_of_a_column(page: Page) -> None:
    page.goto(f"{REPORTS}?by=offer")
    page.get_by_role("link", name="Payout").click()
    head = page.get_by_role("columnheader", name="Payout")
    expect(head).to_have_attribute("aria-sort", "descending")
    cells = page.locator('td[data-label="Payout"]').all_inner_texts()[:-1]
    amounts = [float(cell.replace(",", "")) for cell in cells]
    assert amounts == sorted(amounts, reverse=True)
    page.get_by_role("link", name="Payout").click()
    expect(head).to_have_attribute("aria-sort", "ascending")


def test_dragging_over_the_chart_chooses_a_time(page: Page) -> None:
    page.goto(f"{REPORTS}?by=offer")
    box = page.locator("#report-chart .u-over").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.99, middle, steps=5)
    page.mouse.up()
    page.wait_for_url("**from=**")
    expect(page.get_by_label("Time", exact=True)).to_have_value("chosen")
    expect(page.get_by_label("From")).to_be_visible()


def test_values_are_offered_with_their_counts(page: Page) -> None:
    page.goto(REPORTS)
    page.get_by_text("Which clicks").click()
    page.get_by_label("Campaign").focus()
    option = page.locator("#values-campaign option[value='5101']")
    expect(option).to_have_count(1)
    page.get_by_label("Campaign").fill("5101")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**campaign=5101**")
    expect(page.locator("#report-total")).to_contain_text("click")


def test_one_learns_why_clicks_of_an_offer_went_elsewhere(page: Page) -> None:
    page.goto("/admin/diagnostics/records/offers/102/")
    page.get_by_role("link", name="Why not there?").click()
    expect(page.get_by_role("heading", name="Why not there?")).to_be_visible()
    expect(page.get_by_text("The offer does not take visitors of this country").first).to_be_visible()
    assert_view(page, "reports-why")


def test_a_download_says_when_it_is_done(page: Page, tmp_path: Path) -> None:
    page.goto(f"{REPORTS}?by=offer")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    waiting.value.save_as(tmp_path / "report.csv")
    expect(page.locator("#download-status")).to_contain_text("done")
    with (tmp_path / "report.csv").open(newline="") as file:
        assert next(csv.reader(file))[:3] == ["offer", "offer_name", "clicks"]


def test_a_download_after_signing_out_saves_no_file_and_says_why(
    page: Page, context: BrowserContext, watch: Watch
) -> None:
    watch.forgive("403")
    page.goto(f"{REPORTS}?by=offer")
    saved: list[Download] = []
    page.on("download", lambda file: saved.append(file))
    context.clear_cookies(name="sessionid")
    page.get_by_role("link", name="CSV").click()
    expect(page.locator("#download-status")).to_contain_text("You are not signed in as staff any more.")
    assert not saved


def test_without_clicks_and_with_a_bad_address_it_says_what_to_do(page: Page, watch: object) -> None:
    page.goto(f"{REPORTS}?campaign=999999")
    expect(page.get_by_text("No click in this time fits.")).to_be_visible()
    assert_view(page, "reports-empty")


def test_a_view_is_saved_opened_renamed_and_deleted_by_keyboard(page: Page) -> None:
    page.goto(f"{REPORTS}?by=country&range=7days")
    page.get_by_text("Saved views").press("Enter")
    page.get_by_label("Save what is shown as").press_sequentially("Countries of the week")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved as Countries of the week.")).to_be_visible()

    page.goto(REPORTS)
    page.get_by_role("link", name="Countries of the week").press("Enter")
    expect(page.get_by_label("Time", exact=True)).to_have_value("7days")
    expect(page.get_by_label("Grouped by")).to_have_value("country")
    page.get_by_text("Saved views (1)").press("Enter")
    page.get_by_text("Change Countries of the week").press("Enter")
    assert_view(page, "report-views")

    page.get_by_label("Name").fill("Weekly")
    page.get_by_role("button", name="Change").press("Enter")
    expect(page.get_by_text("The view is called Weekly, and you alone see it.")).to_be_visible()
    page.get_by_text("Saved views (1)").press("Enter")
    page.get_by_text("Change Weekly").press("Enter")
    page.get_by_role("button", name="Delete Weekly").press("Enter")
    expect(page.get_by_text("The view Weekly is deleted.")).to_be_visible()


def test_clicks_of_all_instances_are_copied_before_they_are_counted(
    page: Page, stack: Stack, tmp_path: Path
) -> None:
    # So long ago that no click of this instance can have come late to it.
    start_ms = (int(time.time() * 1000) // HOUR_MS - 10) * HOUR_MS
    with ClickParquet(tmp_path) as parquet:
        parquet.load(lines(f'{{"lid": "far-away", "dateAdded": {start_ms + 1000}, "country": "FR"}}'))
        parquet.write(tmp_path / "hour.parquet")
    key = f"{Hour.of(start_ms).folder}/another.parquet"
    stack.s3().upload_file(str(tmp_path / "hour.parquet"), ARCHIVE_BUCKET, key)

    page.goto(f"{REPORTS}?by=country&from={local(start_ms)}&to={local(start_ms + HOUR_MS)}&zone=UTC")
    expect(page.get_by_text("No click in this time fits.")).to_be_visible()
    page.get_by_label("Clicks of").select_option("all instances")
    # The copy is held up until the page has been looked at.
    held: list[Route] = []
    page.route("**/reports/fetch/**", lambda route: held.append(route))
    page.get_by_role("button", name="Show").press("Enter")
    expect(page.get_by_text("1 file of 1 instance,")).to_be_visible()
    assert_view(page, "report-copying")
    for route in held:
        route.continue_()
    expect(page.locator("#report-total")).to_contain_text("1 click, ")
    expect(page.get_by_text("All instances: 1 file of 1 instance, the newest")).to_be_visible()
    expect(page.locator("table.report").get_by_text("FR")).to_be_visible()
    assert_view(page, "report-of-all")


def local(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M")
