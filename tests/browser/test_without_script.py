"""The staff pages in a browser without JavaScript: they promise nothing that only a script could keep."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.stacks import Stack

DIAGNOSTICS = "/admin/diagnostics/"


@pytest.fixture
def plain(browser: Browser, stack: Stack, signed_in: StorageState) -> Iterator[Page]:
    """A signed-in page without JavaScript."""
    context = browser.new_context(base_url=stack.site_url, storage_state=signed_in, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_the_newest_clicks_promise_no_new_ones_and_cannot_be_paused(plain: Page) -> None:
    plain.goto(f"{DIAGNOSTICS}clicks/")
    expect(plain.locator("#live-status")).to_be_visible()
    expect(plain.get_by_text("new ones appear at the top")).to_be_hidden()
    expect(plain.locator("#pause")).to_be_hidden()
    # Playwright finds no text in a noscript.
    expect(plain.locator("noscript p")).to_contain_text("when this page is loaded anew")
    expect(plain.locator("noscript p")).to_be_visible()


def test_the_overview_has_no_button_for_all_details(plain: Page) -> None:
    plain.goto(DIAGNOSTICS)
    expect(plain.locator("#parts")).to_be_visible()
    expect(plain.locator("#all-details")).to_be_hidden()


def test_actions_say_how_to_see_their_progress(plain: Page) -> None:
    plain.goto(f"{DIAGNOSTICS}actions/")
    expect(plain.locator("noscript p")).to_contain_text("when this page is loaded anew")
    expect(plain.locator("noscript p")).to_be_visible()


def test_a_report_takes_several_values_of_one_filter(plain: Page) -> None:
    plain.goto(f"{DIAGNOSTICS}reports/?range=today&by=country&country=DE")
    plain.get_by_label("or Country").fill("US")
    plain.get_by_role("button", name="Show").click()
    expect(plain.locator("#report-total")).to_be_visible()
    expect(plain.locator("input[name=country]")).to_have_count(3)
