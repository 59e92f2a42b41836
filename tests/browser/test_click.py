"""The page of one click in a real browser: found by its lid, beside what would be now."""

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Page, expect

from devstack.demo import SHOWCASE
from devstack.environment import DEMO_ENCRYPTION_KEY
from offers.links.tokens import encrypt
from tests.browser.views import assert_view
from tests.processes import wait_until
from tests.stacks import Stack

BERLIN = "91.66.10.20"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
EXAMPLES = {example.title: example for example in SHOWCASE}
A_PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def clicked(context: BrowserContext, stack: Stack, title: str, **headers: str) -> str:
    """Click on an example of the demo network; gives where the visitor was sent."""
    example = EXAMPLES[title]
    token = encrypt(example.offer_id, example.campaign_id, DEMO_ENCRYPTION_KEY)
    answer = context.request.get(
        f"{stack.site_url}/offer?ad={token}{example.query}",
        max_redirects=0,
        headers={"X-Forwarded-For": example.client_ip, **headers},
    )
    return answer.headers["location"]


def lid_of(location: str) -> str:
    return parse_qs(urlsplit(location).query)["lid"][0]


def test_a_click_is_found_by_the_url_it_was_sent_to(
    page: Page, context: BrowserContext, stack: Stack
) -> None:
    location = clicked(context, stack, "not offered in the visitor's country")
    page.goto("/admin/diagnostics/clicks/find/")
    page.get_by_label("Click by its lid").fill(location)
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".question")).to_have_text(lid_of(location))
    words = "redirectType country not allowed offerGeoRestriction"
    expect(page.get_by_role("row", name=words)).to_be_visible()
    expect(page.get_by_role("link", name="102", exact=True)).to_be_visible()


def test_a_click_that_changed_nothing_is_the_same_now(
    page: Page, context: BrowserContext, stack: Stack
) -> None:
    location = clicked(context, stack, "every macro filled in")
    page.goto(f"/admin/diagnostics/clicks/{lid_of(location)}/")
    expect(page.get_by_text("Everything would be as it was recorded.")).to_be_visible()
    assert_view(page, "click-same")


def test_a_click_of_an_aggregated_offer_is_marked_where_another_has_its_turn(
    page: Page, context: BrowserContext, stack: Stack
) -> None:
    seen = set()
    # Two workers have turns of their own, so that a click and its page may agree by chance. A
    # browser without a screen is a machine, which has no turn.
    for _ in range(30):
        location = clicked(context, stack, "an exit to the best of several", **{"User-Agent": A_PERSON})
        page.goto(f"/admin/diagnostics/clicks/{lid_of(location)}/")
        expect(page.get_by_text("The same visitor, now")).to_be_visible()
        seen.add(page.locator("tr.differs").count() > 0)
        if True in seen:
            break
    assert True in seen
    expect(page.get_by_text("take turns")).to_be_visible()
    assert_view(page, "click-different")


def test_a_delivered_click_is_in_dynamodb(page: Page, context: BrowserContext, stack: Stack) -> None:
    lid = lid_of(clicked(context, stack, "the same offer, from Berlin"))

    def is_delivered() -> bool:
        page.goto(f"/admin/diagnostics/clicks/{lid}/")
        return page.get_by_text("It is in DynamoDB.").is_visible()

    wait_until(is_delivered, what="delivery")
    expect(page.get_by_role("row", name="city Berlin")).to_be_visible()


def test_the_same_click_is_explained_from_its_page(page: Page, context: BrowserContext, stack: Stack) -> None:
    lid = lid_of(clicked(context, stack, "paid by country, from Tokyo"))
    page.goto(f"/admin/diagnostics/clicks/{lid}/")
    page.get_by_role("link", name="Explain what it would get now, rule by rule").click()
    expect(page.locator(".answer")).to_contain_text("For JP")


def test_a_lid_that_is_nowhere_says_what_to_do(page: Page) -> None:
    page.goto(f"/admin/diagnostics/clicks/{UNKNOWN}/")
    expect(page.get_by_text("No click with this lid was found.")).to_be_visible()
    assert_view(page, "click-nowhere")


def test_what_is_no_lid_says_what_one_is(page: Page) -> None:
    page.goto("/admin/diagnostics/clicks/find/")
    expect(page.get_by_text("Paste a lid to see its click.")).to_be_visible()
    page.get_by_label("Click by its lid").fill("<abc>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That is no lid.")
    assert_view(page, "click-find")
