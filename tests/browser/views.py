"""What every view has to keep, and what it looks like."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request, Response

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
WIDTHS = {360: 780, 1920: 1080}
SERIOUS = ("serious", "critical")
# Less than serious to axe; here, two landmarks of one name are two entries alike in a screen reader's list.
RULES = ("landmark-unique",)


class Watch:
    """Remembers what a page complains of, and which hosts it asks."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self._forgiven: tuple[str, ...] = ()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("request", self._on_request)
        page.on("response", self._on_response)

    def forgive(self, *words: str) -> None:
        """Expect complaints with these words: the test causes them."""
        self._forgiven += words

    def assert_clean(self) -> None:
        """No error in the console, no server error, and no request but to this site."""
        found = [c for c in self.complaints if not any(words in c for words in self._forgiven)]
        assert not found, found
        assert len(self.hosts) <= 1, self.hosts

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(url.netloc)

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.url}")


def assert_view(page: Page, name: str) -> None:
    """The view that is open keeps what all must, at both widths and in both themes.

    It writes a screenshot of each to `var/screenshots/`, and leaves the page wide and light.
    """
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    # Words are there before the styles are: a page that is still loading is as wide as without them.
    page.wait_for_load_state("load")
    before = page.viewport_size
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            assert_no_sideways_scrolling(page)
            page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{theme}.png", full_page=True)
        assert_accessible(page)
    if before:
        page.set_viewport_size(before)


def assert_no_sideways_scrolling(page: Page) -> None:
    """What is too wide for the screen scrolls by itself, never the page."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"the page is {wide} px wider than a screen of {page.viewport_size}"


def assert_accessible(page: Page) -> None:
    """Axe finds nothing serious, and nothing against `RULES`."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    serious = [
        f"{violation['id']}: {violation['help']}: {[node['html'][:200] for node in violation['nodes'][:3]]}"
        for violation in found
        if violation["impact"] in SERIOUS or violation["id"] in RULES
    ]
    assert not serious, "\n".join(serious)
