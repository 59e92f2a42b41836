"""Refused clicks, in a browser."""

from playwright.sync_api import Page, expect

from tests.browser.views import assert_view
from tests.stacks import Stack

REFUSED = "/admin/diagnostics/refused/"


def test_groups_and_the_newest_are_shown(page: Page) -> None:
    page.goto(REFUSED)
    reasons = page.get_by_role("region", name="By reason")
    expect(reasons.get_by_role("link", name="broken link")).to_be_visible()
    for title in ("By referer", "By affiliate", "By day"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.locator("table.refusals tbody tr").first).to_be_visible()
    expect(page.get_by_text("back to")).to_be_visible()
    expect(page.get_by_role("img", name="hour by hour")).to_be_visible()
    assert_view(page, "refused")


def test_a_reason_leads_to_its_clicks_alone(page: Page) -> None:
    page.goto(REFUSED)
    page.get_by_role("region", name="By reason").get_by_role("link", name="affiliate blocked").click()
    reasons = page.locator("table.refusals tbody td:nth-child(2)").all_inner_texts()
    assert reasons
    assert all(text.startswith("affiliate blocked") for text in reasons)
    # Whose links they are can be read from them.
    expect(page.locator("table.refusals tbody td:nth-child(3)").first).to_contain_text("affiliate ")
    page.get_by_role("link", name="any reason").click()
    expect(page.locator(".choices")).to_have_count(0)


def test_a_click_that_is_refused_meanwhile_appears(page: Page, stack: Stack) -> None:
    page.goto(REFUSED)
    expect(page.locator("table.refusals tbody tr").first).to_be_visible()
    page.request.get(f"{stack.site_url}/offer?ad=meanwhile", max_redirects=0)
    expect(page.locator("table.refusals tbody tr").first).to_contain_text("meanwhile")


def test_on_a_phone_each_row_is_a_card(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(REFUSED)
    cell = page.locator("table.refusals tbody td.url").first
    assert cell.evaluate("cell => getComputedStyle(cell).display") == "block"
    assert cell.evaluate("cell => getComputedStyle(cell, '::before').content") == '"Referer"'
