"""Every panel by keyboard alone: the skip link leads into it, past the admin's links and the tabs."""

import pytest
from playwright.sync_api import Page, expect

from cotraffic.diagnostics.panels import PANELS, Panel

MOST_STOPS = 5
IS_IN_PANEL = "document.querySelector('.panel').contains(document.activeElement)"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_the_first_control_of_a_panel_is_a_few_stops_away(page: Page, panel: Panel) -> None:
    page.goto(f"/admin/diagnostics/{'' if panel.name == 'overview' else panel.name + '/'}")
    if page.evaluate(IS_IN_PANEL):
        # A search has the focus already.
        return
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    stops = 1
    while not page.evaluate(IS_IN_PANEL):
        page.keyboard.press("Tab")
        stops += 1
        assert stops <= MOST_STOPS


def test_the_tabs_are_reached_without_the_skip_link(page: Page) -> None:
    page.goto("/admin/diagnostics/")
    overview = page.locator(".tabs").get_by_role("link", name="Overview")
    box = page.locator(".tabs").bounding_box()
    assert box
    assert box["height"] > 30
    for _ in range(10):
        page.keyboard.press("Tab")
        if overview.evaluate("link => link === document.activeElement"):
            return
    raise AssertionError("the tabs are not among the first ten stops")
