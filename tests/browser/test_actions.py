"""Actions in a browser, done by the real Celery worker."""

import re

from playwright.sync_api import Page, expect

from tests.browser.views import assert_view

ACTIONS = "/admin/diagnostics/actions/"


def test_a_sync_is_asked_for_done_and_told(page: Page) -> None:
    page.goto(ACTIONS)
    page.get_by_role("button", name="Sync now").click()
    row = page.locator(".panel tbody tr").first
    expect(row.get_by_text("Sync now")).to_be_visible()
    expect(row.get_by_text("done", exact=True)).to_be_visible()
    expect(row).to_contain_text(re.compile("offers: .*generation"))
    assert_view(page, "actions")
    page.goto("/admin/")
    expect(page.locator("#recent-actions-module")).to_contain_text("Sync now")


def test_a_reload_is_confirmed_first_and_can_be_left(page: Page) -> None:
    page.goto(ACTIONS)
    before = page.locator(".panel tbody tr").count()
    page.get_by_role("button", name="Reload…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reload from file")
    assert_view(page, "confirm")
    page.get_by_role("link", name="No, leave it").click()
    assert page.locator(".panel tbody tr").count() == before
