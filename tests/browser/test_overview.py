"""The overview in a browser: it keeps itself up to date, says when it cannot, and draws its charts."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.views import Watch, assert_view

OVERVIEW = "/admin/diagnostics/"


def test_all_parts_of_a_running_system_are_well(page: Page) -> None:
    page.goto(OVERVIEW)
    for key in ("redis", "recipe-offers", "recipe-campaigns", "corecipe-master", "s3", "celery-beat"):
        expect(page.locator(f"#part-{key}")).to_have_class(re.compile("is-ok"))
    expect(page.locator(".chart canvas")).to_have_count(3)
    assert_view(page, "overview")


def test_the_traffic_of_a_chosen_time_leads_into_its_report(page: Page) -> None:
    page.goto(OVERVIEW)
    expect(page.locator("#traffic .figures")).to_be_visible()
    page.get_by_role("navigation", name="Time of the traffic").get_by_role(
        "link", name="The last 7 days"
    ).press("Enter")
    clicks = page.locator("#traffic .figures a").first
    count = clicks.inner_text()
    assert_view(page, "overview-traffic")
    clicks.press("Enter")
    expect(page.get_by_label("Time", exact=True)).to_have_value("7days")
    expect(page.locator("#report-total")).to_contain_text(f"{count} clicks")


def test_today_is_that_of_the_browsers_zone_from_the_first_visit_on(
    page: Page, context: BrowserContext
) -> None:
    context.clear_cookies(name="zone")
    page.add_init_script("Intl.DateTimeFormat.prototype.resolvedOptions = () => ({ timeZone: 'Asia/Tokyo' })")
    page.goto(OVERVIEW)
    expect(page.locator("#traffic")).to_contain_text("Days are those of Asia/Tokyo.")


def test_it_refreshes_without_touching_what_is_open(page: Page) -> None:
    page.goto(OVERVIEW)
    page.locator("details.well > summary").click()
    part = page.locator("#part-redis")
    part.locator("summary").click()
    part.evaluate("element => { element.marked = true }")
    before = page.locator(".as-of time").get_attribute("datetime")
    page.wait_for_function("before => document.querySelector('.as-of time').dateTime !== before", arg=before)
    assert part.evaluate("element => element.marked")
    expect(part.locator("dl")).to_be_visible()


def test_it_says_when_it_cannot_refresh_and_when_it_can_again(page: Page, watch: Watch) -> None:
    watch.forgive("ERR_FAILED")
    page.route("**/diagnostics/parts/", lambda route: route.abort())
    page.goto(OVERVIEW)
    banner = page.locator("#parts").locator("xpath=preceding-sibling::div[@role='status']")
    expect(banner).to_contain_text("The server does not answer.")
    expect(page.locator("#parts")).to_have_class(re.compile("is-stale"))
    page.unroute("**/diagnostics/parts/")
    expect(banner).to_be_empty()


def test_a_signed_out_reader_is_told_to_sign_in(page: Page, watch: Watch) -> None:
    watch.forgive("403")
    page.goto(OVERVIEW)
    page.context.clear_cookies()
    expect(page.get_by_text("You are not signed in as staff any more.").first).to_be_visible()


def test_everything_can_be_reached_by_keyboard(page: Page) -> None:
    page.goto(OVERVIEW)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Show all details")).to_be_focused()
