"""Client hints: a real browser remembers from a redirect what is asked for, and says it next time."""

from playwright.sync_api import Browser, Page, Request

from tests.stacks import Stack

ASKED = "sec-ch-ua-full-version-list"


def click(page: Page, link: str) -> dict[str, str]:
    """Follow a link; gives the headers of the click."""
    seen: list[Request] = []
    page.on("request", lambda request: seen.append(request))
    page.goto(link)
    return seen[0].all_headers()


def test_the_second_click_names_the_version_that_the_user_agent_hides(browser: Browser, stack: Stack) -> None:
    link = stack.links()[0]
    with browser.new_context() as context:
        assert ASKED not in click(context.new_page(), link)
        assert browser.version in click(context.new_page(), link)[ASKED]
