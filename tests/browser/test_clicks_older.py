"""Older clicks in a browser: back through the log and to the newest again, without one missing between."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_clicks_live import CLICKS, ELSEWHERE, PLAIN, click
from tests.browser.views import Watch, assert_view
from tests.stacks import Stack

SHOWN_AT_ONCE = 50
ROWS_KEPT = 200
BURST = 40


def entries(page: Page) -> list[str]:
    """The entries of the log whose clicks are in the table, from top to bottom."""
    found: list[str] = page.eval_on_selector_all(
        "tr[data-entry]", "rows => rows.map(row => row.dataset.entry)"
    )
    return found


def number(entry: str) -> tuple[int, ...]:
    return tuple(int(part) for part in entry.split("-"))


@pytest.fixture
def many(stack: Stack) -> None:
    """More clicks than one page shows."""
    for _ in range(SHOWN_AT_ONCE + 10):
        click(stack, PLAIN.offer_id, PLAIN.campaign_id)


@pytest.mark.usefixtures("many")
def test_older_clicks_follow_the_newest_and_lead_back(page: Page) -> None:
    page.goto(CLICKS)
    newest = entries(page)
    expect(page.locator("#live-reach")).to_contain_text("back to")
    page.get_by_role("link", name="Older clicks", exact=True).click()
    page.wait_for_url("**before=*")
    older = entries(page)
    assert number(older[0]) < number(newest[-1])
    assert not set(older) & set(newest)
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    assert_view(page, "clicks-older")
    page.get_by_role("link", name="Newest clicks").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


@pytest.mark.usefixtures("many")
def test_a_filter_is_kept_on_the_way_back_in_time(page: Page) -> None:
    page.goto(f"{CLICKS}?offer={PLAIN.offer_id}")
    page.get_by_role("link", name="Older clicks", exact=True).click()
    page.wait_for_url("**before=*")
    expect(page.get_by_role("textbox", name="Offer", exact=True)).to_have_value(str(PLAIN.offer_id))
    page.get_by_role("link", name="Newest clicks").click()
    page.wait_for_url(f"**{CLICKS}?offer={PLAIN.offer_id}")


def test_older_clicks_go_on_behind_the_last_row_that_the_live_list_keeps(page: Page, stack: Stack) -> None:
    page.goto(f"{CLICKS}?offer={ELSEWHERE.offer_id}")
    page.mouse.move(0, 0)
    while len(entries(page)) < ROWS_KEPT:
        for _ in range(BURST):
            lid = click(stack, ELSEWHERE.offer_id, ELSEWHERE.campaign_id)
        expect(page.get_by_text(lid)).to_be_visible()
    for _ in range(BURST):
        lid = click(stack, ELSEWHERE.offer_id, ELSEWHERE.campaign_id)
    expect(page.get_by_text(lid)).to_be_visible()
    kept = entries(page)
    assert len(kept) == ROWS_KEPT
    link = page.get_by_role("link", name="Older clicks", exact=True)
    address = link.get_attribute("href") or ""
    assert parse_qs(urlsplit(address).query)["before"] == [kept[-1]]
    link.click()
    page.wait_for_url("**before=*")
    assert number(entries(page)[0]) < number(kept[-1])


def test_what_is_wrong_stands_beside_its_field(page: Page, watch: Watch) -> None:
    watch.forgive("400")
    page.goto(f"{CLICKS}?offer=tents&country=DEU&lid=xyz")
    expect(page.locator("[aria-invalid]")).to_have_count(3)
    expect(page.locator("#wrong_offer")).to_contain_text("Offer is chosen by its id, a number")
    assert_view(page, "clicks-wrong")


def test_where_nothing_fits_it_says_how_far_it_looked(page: Page) -> None:
    page.goto(f"{CLICKS}?isp=nobody-has-this&subid=x")
    expect(page.locator("#live-empty")).to_contain_text("Looked through")
    expect(page.get_by_text("The archive cannot be filtered by provider, sub campaign")).to_be_visible()
    assert_view(page, "clicks-none")


def test_the_choice_of_columns_fits_the_screen(page: Page, stack: Stack) -> None:
    click(stack, PLAIN.offer_id, PLAIN.campaign_id)
    page.goto(CLICKS)
    page.locator("#column-choice summary").click()
    expect(page.get_by_role("checkbox", name="Destination")).to_be_checked()
    assert_view(page, "clicks-columns")
    page.set_viewport_size({"width": 360, "height": 780})
    box = page.locator("#column-choice fieldset").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


def test_columns_are_remembered_by_their_titles(page: Page, stack: Stack) -> None:
    click(stack, PLAIN.offer_id, PLAIN.campaign_id)
    page.goto(CLICKS)
    # As a browser has it that remembers a column which is gone, and was chosen before others were added.
    page.evaluate("localStorage.setItem('columns:clicks', JSON.stringify(['Payin', 'Gone']))")
    page.reload()
    expect(page.get_by_role("columnheader", name="Payin")).to_be_hidden()
    expect(page.get_by_role("columnheader", name="Payout")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Provider")).to_be_visible()
    page.goto("/admin/diagnostics/reports/clicks/?range=hour")
    expect(page.get_by_role("columnheader", name="Payin")).to_be_hidden()
    expect(page.get_by_role("columnheader", name="Destination")).to_be_visible()
