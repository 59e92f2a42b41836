"""Refused clicks, in a browser."""

from playwright.sync_api import Page, expect

from tests.browser.views import assert_view

REFUSED = "/admin/diagnostics/refused/"


def test_reasons_and_the_newest_are_shown(page: Page) -> None:
    page.goto(REFUSED)
    expect(page.locator(".reasons").get_by_role("link", name="broken link")).to_be_visible()
    expect(page.locator("table.refusals tbody tr").first).to_be_visible()
    expect(page.get_by_role("img", name="hour by hour")).to_be_visible()
    assert_view(page, "refused")


def test_a_reason_leads_to_its_clicks_alone(page: Page) -> None:
    page.goto(REFUSED)
    page.locator(".reasons").get_by_role("link", name="affiliate blocked").click()
    reasons = page.locator("table.refusals tbody td:nth-child(2)").all_inner_texts()
    assert reasons
    assert all(text.startswith("affiliate blocked") for text in reasons)
