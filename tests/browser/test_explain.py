"""The explain panel in a real browser, over the demo network of the devstack."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from devstack.demo import SHOWCASE, Example
from devstack.environment import DEMO_ENCRYPTION_KEY
from offers import rules
from offers.links.tokens import encrypt
from offers.rules.common.rule import Rule
from tests.browser.views import assert_view
from tests.stacks import Stack

DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
# For each rule, an example of the demo network that it decides.
DECIDED_BY = {
    rules.AGGREGATED: "the best of several offers",
    rules.DATES: "its last day is over",
    rules.COUNTRY_RESTRICTION: "an exit to the best of several",
    rules.CUSTOM_PAGE: "a landing page for the country",
    rules.CAMPAIGN_CAPS: "the campaign is over its cap",
    rules.OFFER_CAPS: "the offer and the next along its exit chain are over",
    rules.COUNTRY_PAYOUT: "paid by country, from Tokyo",
    rules.TARGET: "a target rule on country and ISP",
    rules.DEFAULT: "every macro filled in",
}
EXAMPLES = {example.title: example for example in SHOWCASE}


def link(stack: Stack, example: Example) -> str:
    token = encrypt(example.offer_id, example.campaign_id, DEMO_ENCRYPTION_KEY)
    return f"{stack.site_url}/offer?ad={token}{example.query}"


def ask(page: Page, **fields: str) -> None:
    """Fill the form as somebody does who knows its labels, and send it by keyboard."""
    page.goto("/admin/diagnostics/explain/")
    for label, text in fields.items():
        page.get_by_label(label).fill(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/explain/?**")


def ask_for(page: Page, stack: Stack, example: Example) -> None:
    ask(page, **{"Address": example.client_ip, "User agent": DESKTOP, "Link": link(stack, example)})


def test_before_a_question_the_panel_says_what_to_paste(page: Page) -> None:
    page.goto("/admin/diagnostics/explain/")
    expect(page.get_by_text("Paste a link to see every rule")).to_be_visible()
    assert_view(page, "explain-empty")


@pytest.mark.parametrize("rule", DECIDED_BY, ids=lambda rule: rule.name)
def test_a_rule_is_explained_with_live_data(page: Page, stack: Stack, rule: Rule) -> None:
    example = EXAMPLES[DECIDED_BY[rule]]
    ask_for(page, stack, example)
    shown = page.get_by_role("list").filter(has_text="Aggregated").get_by_role("listitem")
    expect(page.locator("ol.rules > li")).to_have_count(len(rules.RULES))
    place = rules.RULES.index(rule)
    expect(page.locator("ol.rules > li").nth(place)).to_contain_text("decided")
    expect(page.locator("ol.rules > li.is-not-asked")).to_have_count(len(rules.RULES) - place - 1)
    expect(page.locator(".answer")).to_contain_text(str(example.redirect_type))
    assert shown.count() >= len(rules.RULES)
    assert_view(page, f"explain-{rule.name.replace(' ', '-')}")


def test_the_url_explained_is_the_url_a_visitor_gets(
    page: Page, stack: Stack, context: BrowserContext
) -> None:
    example = EXAMPLES["every macro filled in"]
    ask_for(page, stack, example)
    explained = page.locator(".location").inner_text()
    answer = context.request.get(
        link(stack, example), max_redirects=0, headers={"X-Forwarded-For": example.client_ip}
    )
    sent = answer.headers["location"]
    own = {"lid", "hash", "click"}
    pages = [urlsplit(url)._replace(query="") for url in (explained, sent)]
    queries = [
        {name: value for name, value in parse_qs(urlsplit(url).query).items() if name not in own}
        for url in (explained, sent)
    ]
    assert pages[0] == pages[1]
    assert queries[0] == queries[1]


def test_a_refused_link_says_why(page: Page, stack: Stack) -> None:
    ask_for(page, stack, EXAMPLES["a blacklisted affiliate"])
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Refused: affiliate blocked")
    expect(page.get_by_role("link", name="offer 101")).to_be_visible()
    assert_view(page, "explain-refused")


def test_a_bad_link_says_what_is_wrong_with_it(page: Page, stack: Stack) -> None:
    ask(page, Link=f"{stack.site_url}/offer?ad=00:11")
    expect(page.get_by_role("alert")).to_contain_text("IV")


def test_a_wrong_field_is_marked_and_told(page: Page) -> None:
    ask(page, **{"Suppose country": "Narnia", "and its offer id": "101", "Or: campaign id": "5101"})
    country = page.get_by_label("Suppose country")
    expect(country).to_have_attribute("aria-invalid", "true")
    expect(country).to_have_value("Narnia")
    expect(page.locator("#wrong_country")).to_contain_text("two letters")
    assert_view(page, "explain-wrong-field")


def test_country_and_time_can_be_supposed(page: Page) -> None:
    ids = {"and its offer id": "103", "Or: campaign id": "5103"}
    ask(page, **{"Suppose time (UTC)": "2021-07-01T12:00:00", "Suppose country": "DE", **ids})
    expect(page.locator("ol.rules > li").nth(1)).to_contain_text("passed")
    expect(page.get_by_text("supposed", exact=True)).to_be_visible()
    expect(page.get_by_text("2021-07-01 12:00:00 UTC").last).to_be_visible()


def test_the_explanation_is_there_as_json(page: Page, stack: Stack) -> None:
    ask_for(page, stack, EXAMPLES["a plain redirect"])
    page.get_by_text("The same in a shell, or as JSON").click()
    page.get_by_role("link", name="This explanation as JSON").click()
    explanation = json.loads(page.locator("body").inner_text())
    assert explanation["outcome"]["redirect_type"] == "defaultRedirection"
