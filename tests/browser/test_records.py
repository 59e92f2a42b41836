"""Finding a record and reading it, as staff does."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.views import assert_view

RECORDS = "/admin/diagnostics/records/"


def test_a_record_is_found_by_keyboard_alone(page: Page) -> None:
    page.goto(RECORDS)
    page.keyboard.type("alpine hik")
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Alpine Hiking Shop")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Offer 101 Alpine Hiking Shop")


def test_one_gets_from_a_record_to_those_that_use_it(page: Page) -> None:
    page.goto(f"{RECORDS}offers/190/")
    page.get_by_role("link", name="All offers whose exit offer this is").click()
    page.get_by_role("link", name="Nordic Sauna Club").click()
    expect(page.get_by_text("Visitors from CA and US exit to offer 190.")).to_be_visible()
    page.get_by_label("It points at").get_by_role("link", name="190").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Daily Deals Newsletter")


def test_an_ad_link_is_copied_and_leads_to_the_offer(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{RECORDS}offers/101/")
    page.get_by_label("With the campaign").select_option("5101")
    page.get_by_role("button", name="Make the link").click()
    copy = page.get_by_role("button", name="Copy the link")
    copy.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Copied: Copy the link")
    link = page.evaluate("navigator.clipboard.readText()")
    answer = context.request.get(link, max_redirects=0)
    assert (answer.status, "alpine-hiking-shop" in answer.headers["location"]) == (302, True)


def test_a_link_leads_into_its_explanation(page: Page) -> None:
    page.goto(f"{RECORDS}campaigns/5101/")
    link = page.locator("#link").input_value()
    page.get_by_role("link", name="Explain this link").click()
    assert page.url.partition("?link=")[2]
    assert link.rpartition(":")[2] in page.url


def test_the_views_are_cared_for(page: Page) -> None:
    views = {
        "records": RECORDS,
        "records-found": f"{RECORDS}?q=shop",
        "records-nothing": f"{RECORDS}?q=no+such+thing",
        "record-offer": f"{RECORDS}offers/190/",
        "record-capped": f"{RECORDS}offers/108/",
        "record-aggregated": f"{RECORDS}offers/111/",
        "record-campaign": f"{RECORDS}campaigns/5112/",
        "record-users": f"{RECORDS}offers/190/used/exit/",
    }
    for name, path in views.items():
        page.goto(path)
        assert_view(page, name)
