"""Errors inside the diagnostics, in a browser."""

from playwright.sync_api import Page, expect

from tests.browser.views import Watch, assert_view


def test_the_address_of_a_button_is_a_page_with_a_way_back(page: Page, watch: Watch) -> None:
    watch.forgive("405")
    page.goto("/admin/diagnostics/preview/decide/make-live/")
    expect(page.get_by_text("This address belongs to a button")).to_be_visible()
    assert_view(page, "error")
    page.get_by_role("link", name="Back to Recipe preview").click()
    expect(page.get_by_role("heading", level=1, name="Recipe preview")).to_be_visible()


def test_a_page_that_is_not_there_says_so(page: Page, watch: Watch) -> None:
    watch.forgive("404")
    page.goto("/admin/diagnostics/nonsense/")
    expect(page.get_by_text("There is no page at this address.")).to_be_visible()
    page.get_by_role("link", name="Back to Overview").click()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
