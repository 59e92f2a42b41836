"""Every view on a phone: nothing is wider than its box, tables are cards, and long forms are folded."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.views import SCREENSHOTS, assert_no_sideways_scrolling

PHONE: ViewportSize = {"width": 360, "height": 780}
DIAGNOSTICS = "/admin/diagnostics/"
VIEWS = {
    "overview": "",
    "reports": "reports/?by=redirect_type&by=country",
    "reports-by-campaign": "reports/?by=campaign&by=affiliate&left=1",
    "report-clicks": "reports/clicks/",
    "explain": "explain/",
    "explained": "explain/?campaign=5112&country=DE",
    "clicks": "clicks/",
    "find-click": "clicks/find/",
    "records": "records/",
    "records-found": "records/?q=shop",
    "record-offer": "records/offers/190/",
    "record-capped": "records/offers/108/",
    "record-campaign": "records/campaigns/5112/",
    "affiliate": "records/affiliates/2018/",
    "preview": "preview/",
    "refused": "refused/",
    "actions": "actions/",
}
# What runs out of its box and cannot be scrolled to: code and wide tables scroll by themselves.
TOO_WIDE = """() => {
  const scrolls = (element) => {
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(at).overflowX)) return true;
    }
    return false;
  };
  return [...document.querySelectorAll(".panel *")]
    .filter((each) => each.clientWidth && each.scrollWidth > each.clientWidth + 1)
    .filter((each) => getComputedStyle(each).overflowX === "visible" && !scrolls(each))
    .filter((each) => !each.closest(".visually-hidden, svg, .uplot"))
    .map((each) => `${each.tagName} ${each.className}: ${each.scrollWidth} in ${each.clientWidth} px`);
}"""
# Tables that have to be scrolled sideways.
WIDE_TABLES = """() => [...document.querySelectorAll(".panel .scrolling")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1)
  .map((each) => each.getAttribute("aria-label"))"""


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_runs_out_of_its_box(page: Page, name: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{DIAGNOSTICS}{VIEWS[name]}")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"phone-{name}.png", full_page=True)
    assert_no_sideways_scrolling(page)
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(WIDE_TABLES) == []


@pytest.mark.parametrize(
    ("path", "summary"), [("explain/", "Who clicks, and when"), ("clicks/", "Which clicks")]
)
def test_a_long_form_is_folded_until_somebody_wants_it(page: Page, path: str, summary: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{DIAGNOSTICS}{path}")
    field = page.get_by_label("Country" if path == "clicks/" else "Suppose country", exact=True)
    expect(field).to_be_hidden()
    page.locator("summary", has_text=summary).press("Enter")
    expect(field).to_be_visible()
    page.goto(f"{DIAGNOSTICS}{path}?country=DE")
    expect(field).to_be_visible()


@pytest.mark.parametrize("path", ["clicks/", "actions/"])
def test_the_tab_that_is_open_can_be_seen(page: Page, path: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{DIAGNOSTICS}{path}")
    expect(page.locator(".tabs [aria-current=page]")).to_be_in_viewport(ratio=1)
