"""What a visitor holds in hand: device type, browser and operating system from the user agent.

The browser's client hints win where they are sent, because modern user agents are frozen: they name neither
the version, nor Windows 11, nor the model (https://wicg.github.io/ua-client-hints/).
"""

import re
from functools import lru_cache

import msgspec
from ua_parser import Parser, Result
from ua_parser.loaders import load_builtins
from ua_parser.regex import Resolver

MAX_USER_AGENT_CHARACTERS = 1024


class Device(msgspec.Struct, frozen=True, gc=False):
    """What is known of the device; None is unknown. `device_type` is one of DEVICE_TYPES."""

    device_type: str = "unknown"
    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    os_version: str | None = None
    platform: str | None = None
    model: str | None = None


class ClientHints(msgspec.Struct, frozen=True, gc=False):
    """The Sec-CH-UA-* headers as they were sent; "" for those that were not."""

    mobile: str = ""
    platform: str = ""
    platform_version: str = ""
    model: str = ""
    full_version_list: str = ""


NO_HINTS = ClientHints()
DEVICE_TYPES = ("desktop", "smartphone", "tablet", "tv", "console", "wearable", "bot", "unknown")

_PLATFORMS = {
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "iOS": "iOS",
    "Android": "Android",
    "Chrome OS": "Chrome OS",
    "Linux": "Linux",
    "Ubuntu": "Linux",
    "Fedora": "Linux",
    "Debian": "Linux",
}
_HINTED_OS = {"macOS": "Mac OS X", "Chrome OS": "Chrome OS", "Chromium OS": "Chrome OS"}
_DESKTOP_PLATFORMS = frozenset({"Windows", "macOS", "Linux", "Chrome OS"})
# https://learn.microsoft.com/microsoft-edge/web-platform/how-to-detect-win11
_WINDOWS_11_PLATFORM_VERSION = 13


class Marks:
    """What marks a kind of device in a user agent: a pattern, which is slow to look for all over a text.

    Wherever it matches, one of `words` occurs in the lower-case text; looking for them takes a tenth of it.
    """

    def __init__(self, pattern: str, *words: str) -> None:
        self.pattern = re.compile(pattern, re.IGNORECASE | re.ASCII)
        self.words = words

    def mark(self, user_agent: str, lower_case: str) -> bool:
        """Whether this user agent is of such a device."""
        for word in self.words:
            if word in lower_case:
                return self.pattern.search(user_agent) is not None
        return False


TV = Marks(
    r"smart-?tv|\bTV\b|web0s|webos\.tv|hbbtv|crkey|roku|appletv|apple ?tv|aft[a-z]{1,4}\b|bravia|netcast"
    r"|viera|googletv|chromecast|nexus player|shield android tv",
    *("tv", "web0s", "crkey", "roku", "aft", "bravia", "netcast", "viera", "chromecast", "nexus player"),
)
CONSOLE = Marks(r"playstation|xbox|nintendo", "playstation", "xbox", "nintendo")
WEARABLE = Marks(r"watch|wearable|glass\b", "watch", "wearable", "glass")
TABLET = Marks(
    r"ipad|tablet|kindle|silk/|playbook|\bSM-[TX]\d|\bpixel c\b|nexus (?:7|9|10)\b",
    *("ipad", "tablet", "kindle", "silk/", "playbook", "sm-", "pixel c", "nexus "),
)
BOT = Marks(
    r"bot\b|crawl|spider|slurp|headless|preview|monitor|facebookexternalhit",
    *("bot", "crawl", "spider", "slurp", "headless", "preview", "monitor", "facebookexternalhit"),
)
_BRAND = re.compile(r'"([^"]*)"\s*;\s*v="([^"]*)"')


class DeviceReader:
    """Reads user agents with ua-parser's Rust resolver, remembering what it read."""

    def __init__(self, cache_entries: int) -> None:
        self._parse = Parser(Resolver(load_builtins())).parse
        self.remembered = lru_cache(cache_entries)(self.read)

    def read(self, user_agent: str, hints: ClientHints) -> Device:
        """The device behind a user agent and its client hints, neither of which need make sense."""
        if not user_agent and hints == NO_HINTS:
            return Device()
        user_agent = user_agent[:MAX_USER_AGENT_CHARACTERS]
        parsed = self._parse(user_agent)
        agent = parsed.user_agent
        os, platform = _os_and_platform(parsed, hints)
        browser, version = (agent.family, _version(agent.major, agent.minor)) if agent else (None, None)
        return Device(
            device_type=_device_type(user_agent, parsed, platform, hints),
            browser=browser,
            browser_version=_hinted_version(hints.full_version_list, browser) or version,
            os=os,
            os_version=_os_version(parsed, platform, hints),
            platform=platform,
            model=_unquoted(hints.model) or (parsed.device.model if parsed.device else None),
        )


def _os_and_platform(parsed: Result, hints: ClientHints) -> tuple[str | None, str | None]:
    family = parsed.os.family if parsed.os else None
    platform = _PLATFORMS.get(family, family) if family else None
    hinted = _unquoted(hints.platform)
    if hinted and hinted != "Unknown":
        family, platform = _HINTED_OS.get(hinted, hinted), "Chrome OS" if hinted == "Chromium OS" else hinted
    return family, platform


def _os_version(parsed: Result, platform: str | None, hints: ClientHints) -> str | None:
    hinted = _unquoted(hints.platform_version)
    if platform == "Windows" and hinted:
        # Windows 10 and 11 share one user agent, and the hint counts in a numbering of its own.
        major = hinted.partition(".")[0]
        return "11" if major.isdecimal() and int(major) >= _WINDOWS_11_PLATFORM_VERSION else "10"
    return hinted or (_version(parsed.os.major, parsed.os.minor) if parsed.os else None)


def _device_type(user_agent: str, parsed: Result, platform: str | None, hints: ClientHints) -> str:
    device, lower_case = parsed.device, user_agent.lower()
    if (device and device.brand == "Spider") or BOT.mark(user_agent, lower_case):
        return "bot"
    if CONSOLE.mark(user_agent, lower_case):
        return "console"
    if TV.mark(user_agent, lower_case) or (device and device.brand == "Generic_Inettv"):
        return "tv"
    if WEARABLE.mark(user_agent, lower_case):
        return "wearable"
    if TABLET.mark(user_agent, lower_case) or (device and device.brand == "Generic_Android_Tablet"):
        return "tablet"
    if hints.mobile == "?1":
        return "smartphone"
    if platform in _DESKTOP_PLATFORMS:
        return "desktop"
    if platform == "Android":
        # Android browsers say Mobile on phones and leave it out on tablets; so does the hint.
        tablet = hints.mobile == "?0" or ("Mobile" not in user_agent and "Mozilla" in user_agent)
        return "tablet" if tablet else "smartphone"
    if platform == "iOS" or "Mobile" in user_agent:
        return "smartphone"
    return "unknown"


def _hinted_version(full_version_list: str, browser: str | None) -> str | None:
    """The full version of the browser, from the brand that best fits the user agent's family."""
    if not full_version_list or browser is None:
        return None
    words = set(browser.lower().split())
    best, fit = None, 0
    for brand, version in _BRAND.findall(full_version_list):
        common = len(words & set(brand.lower().replace("chromium", "chrome").split()))
        if common > fit or (common == fit and common and "chromium" not in brand.lower()):
            best, fit = version, common
    return best


def _version(major: str | None, minor: str | None) -> str | None:
    if major is None:
        return None
    return f"{major}.{minor}" if minor is not None else major


def _unquoted(value: str) -> str:
    return value.strip().strip('"')
