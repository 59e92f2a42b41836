"""Every panel, as staff sees it first."""

import pytest
from playwright.sync_api import Page

from cotraffic.diagnostics.panels import PANELS, Panel


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_every_panel_can_be_reached_by_its_tab(page: Page, panel: Panel) -> None:
    page.goto("/admin/diagnostics/")
    page.get_by_role("navigation", name="Diagnostics").get_by_role(
        "link", name=panel.title, exact=True
    ).click()
    assert page.get_by_role("heading", level=1).inner_text() == panel.title
    assert page.locator(".tabs [aria-current=page]").inner_text() == panel.title


def test_the_admin_itself_works_under_the_policy(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_role("link", name="Users").first.click()
    page.get_by_role("link", name="admin", exact=True).click()
    page.get_by_role("button", name="Save and continue editing").click()
    assert "was changed successfully" in page.locator(".messagelist").inner_text()
