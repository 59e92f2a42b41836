"""A real Chromium, signed in to the staff page of a whole running system.

The browser's library keeps an event loop running, with which neither `asyncio.run` nor Django's ORM get on;
so all of this ends with the last test in here, before others start.
"""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.views import Watch
from tests.processes import DEADLINE_SECONDS
from tests.stacks import Stack, first_free_port

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Reports over all instances read it.
ARCHIVE_BUCKET = "click-archive"
WIDE: ViewportSize = {"width": 1280, "height": 900}


def chromium() -> str | None:
    """The browser to test with: CHROMIUM, or the first one on the PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium: install it (Debian: apt install chromium), or let CHROMIUM say where it is")
    expect.set_options(timeout=DEADLINE_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`make dev`, with the clicks that it makes to begin with. Leave it as it was: all tests share it."""
    state, port = tmp_path_factory.mktemp("browser") / "state", first_free_port()
    # With all that can be turned on, so that everything that pages can show is seen.
    stack = Stack(state, port, CLICK_ARCHIVE_BUCKET=ARCHIVE_BUCKET, LIVE_CAPS="on")
    try:
        stack.links()
        stack.s3().create_bucket(Bucket=ARCHIVE_BUCKET)
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="package")
def signed_in(browser: Browser, stack: Stack) -> StorageState:
    """The cookies of staff who signed in by the form."""
    name, password = stack.account()
    context = browser.new_context(base_url=stack.site_url)
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    page = context.new_page()
    page.goto("/admin/diagnostics/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/diagnostics/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def context(browser: Browser, stack: Stack, signed_in: StorageState) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=stack.site_url, storage_state=signed_in, viewport=WIDE)
    context.set_default_timeout(DEADLINE_SECONDS * 1000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A signed-in page, watched."""
    return context.new_page()


@pytest.fixture(autouse=True)
def watch(page: Page) -> Iterator[Watch]:
    """At the end of the test the page must not have complained, nor have asked another host."""
    watch = Watch(page)
    yield watch
    watch.assert_clean()
