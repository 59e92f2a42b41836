"""Clicks, live, in a browser: they appear as they come, can be filtered, and stop when told to."""

import httpx
from playwright.sync_api import Page, expect

from devstack.demo import SHOWCASE
from devstack.environment import DEMO_ENCRYPTION_KEY
from offers.links.tokens import encrypt
from tests import http_client
from tests.browser.views import assert_view
from tests.stacks import Stack

CLICKS = "/admin/diagnostics/clicks/"
PLAIN, ELSEWHERE = SHOWCASE[0], SHOWCASE[1]


def click(stack: Stack, offer_id: int, campaign_id: int) -> str:
    """Make a click; gives the beginning of its lid, as the page shows it."""
    token = encrypt(offer_id, campaign_id, DEMO_ENCRYPTION_KEY)
    answer = http_client.get(f"{stack.site_url}/offer", params={"ad": token})
    lid = httpx.URL(answer.headers["Location"]).params["lid"]
    return lid[:8]


def test_a_click_appears_by_itself(page: Page, stack: Stack) -> None:
    page.goto(CLICKS)
    lid = click(stack, PLAIN.offer_id, PLAIN.campaign_id)
    expect(page.locator(".panel tbody tr").first.get_by_text(lid)).to_be_visible()
    assert_view(page, "clicks")


def test_paused_nothing_moves_until_it_goes_on(page: Page, stack: Stack) -> None:
    going_on = page.context.new_page()
    for each in (page, going_on):
        each.goto(CLICKS)
    page.get_by_role("button", name="Pause").click()
    lid = click(stack, PLAIN.offer_id, PLAIN.campaign_id)
    expect(going_on.get_by_text(lid)).to_be_visible()
    expect(page.get_by_text(lid)).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text(lid)).to_be_visible()


def test_the_list_holds_still_while_somebody_points_at_it(page: Page, stack: Stack) -> None:
    page.goto(CLICKS)
    first = page.locator(".panel tbody tr").first
    first.hover()
    before = first.inner_text()
    lid = click(stack, PLAIN.offer_id, PLAIN.campaign_id)
    more = page.get_by_role("button", name="new click")
    expect(more).to_be_visible()
    assert first.locator("a.lid").inner_text() in before
    expect(page.get_by_text(lid)).to_have_count(0)
    more.click()
    expect(page.locator(".panel tbody tr").first.get_by_text(lid)).to_be_visible()
    expect(more).to_be_hidden()


def test_a_filter_shows_what_fits_now_and_later(page: Page, stack: Stack) -> None:
    page.goto(CLICKS)
    page.get_by_role("combobox", name="Redirect type").select_option("offerGeoRestriction")
    page.get_by_role("button", name="Filter").click()
    types = page.locator(".panel tbody tr td:nth-child(2)")
    expect(types.first).to_contain_text("offerGeoRestriction")
    other = click(stack, PLAIN.offer_id, PLAIN.campaign_id)
    wanted = click(stack, ELSEWHERE.offer_id, ELSEWHERE.campaign_id)
    expect(page.get_by_text(wanted)).to_be_visible()
    expect(page.get_by_text(other)).to_have_count(0)
    assert {text.split()[-1] for text in types.all_inner_texts()} == {"offerGeoRestriction"}


def test_a_click_opens_its_page(page: Page) -> None:
    page.goto(CLICKS)
    link = page.locator(".panel tbody tr a.lid").first
    lid = link.inner_text()[:8]
    link.click()
    page.wait_for_url("**/diagnostics/clicks/*-*/**")
    assert lid in page.url
    expect(page.locator(".question")).to_contain_text(lid)


def test_columns_are_chosen_by_the_keyboard_and_remembered(page: Page, stack: Stack) -> None:
    click(stack, PLAIN.offer_id, PLAIN.campaign_id)
    page.goto(CLICKS)
    provider = page.get_by_role("columnheader", name="Provider")
    expect(provider).to_be_hidden()
    page.locator("#column-choice summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="Provider").focus()
    page.keyboard.press("Space")
    expect(provider).to_be_visible()
    page.reload()
    expect(provider).to_be_visible()
    expect(page.get_by_role("columnheader", name="Sub campaign")).to_be_hidden()


def test_the_eight_digits_that_are_shown_find_the_click(page: Page, stack: Stack) -> None:
    lid = click(stack, PLAIN.offer_id, PLAIN.campaign_id)
    page.goto(f"{CLICKS}find/")
    page.get_by_label("Click by its lid").fill(lid)
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".question")).to_contain_text(lid)
