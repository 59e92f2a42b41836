"""The pictures in README, of the pages as they are: `make pictures` takes them anew."""

import itertools
import os
import re
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, ViewportSize, expect

from devstack.demo import SHOWCASE
from tests.browser.test_explain import EXAMPLES, ask_for, link
from tests.processes import PROJECT
from tests.stacks import Stack

SIZE: ViewportSize = {"width": 1280, "height": 900}
PICTURES = PROJECT / "docs" / "pictures"
# Where to, and for how many seconds clicks come before: charts need some.
INTO = Path(os.environ["PICTURES_INTO"]) if "PICTURES_INTO" in os.environ else None
CLICKING_SECONDS = 90.0 if INTO else 1.0


def take(page: Page, name: str, tmp_path: Path) -> None:
    """Take the picture of what is to be seen, and see that README shows one of this name."""
    path = (INTO or tmp_path) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    sidebar = page.locator("#toggle-nav-sidebar")
    if sidebar.is_visible():
        sidebar.click()
    page.screenshot(path=path)
    assert path.stat().st_size > 20_000
    assert (PICTURES / path.name).is_file(), "run `make pictures`"
    assert f"docs/pictures/{path.name}" in (PROJECT / "README.md").read_text()


def click_for(seconds: float, stack: Stack) -> None:
    """Click all links of the demo network, in turn."""
    until = time.monotonic() + seconds
    with httpx.Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x64) Firefox/144.0"}) as client:
        for example in itertools.cycle(SHOWCASE):
            client.get(link(stack, example), headers={"X-Forwarded-For": example.client_ip})
            if time.monotonic() > until:
                return
            time.sleep(0.05)


def test_the_picture_of_an_explanation(page: Page, stack: Stack, tmp_path: Path) -> None:
    page.set_viewport_size(SIZE)
    ask_for(page, stack, EXAMPLES["a target rule on country and ISP"])
    expect(page.locator("main, #content").get_by_text("Target").first).to_be_visible()
    take(page, "explain", tmp_path)


def test_the_picture_of_the_overview(page: Page, stack: Stack, tmp_path: Path) -> None:
    page.set_viewport_size(SIZE)
    click_for(CLICKING_SECONDS, stack)
    page.goto("/admin/diagnostics/")
    expect(page.locator("#part-redis")).to_have_class(re.compile("is-ok"))
    expect(page.locator(".chart canvas")).to_have_count(3)
    expect(page.locator("#traffic").get_by_role("link").first).to_be_visible()
    take(page, "overview", tmp_path)
