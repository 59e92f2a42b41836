"""Reads device type, browser and operating system from the user agent and client hints.

Client hints win over the user agent, because browsers have frozen theirs: it names neither the version, nor
Windows 11, nor the model (https://wicg.github.io/ua-client-hints/).
"""

import re
from functools import lru_cache

import msgspec

from offers.visitors.agent_parser import ParsedAgent, agent_parser
from offers.visitors.automated import AutomatedReason
from offers.visitors.crawlers import crawler_list
from offers.visitors.device_marks import (
    CONSOLE,
    TABLET,
    TABLET_PROGRAM,
    TV,
    TV_PROGRAM,
    WEARABLE,
    is_iphone,
)
from offers.visitors.marks import description
from offers.visitors.robots import recognized

MAX_USER_AGENT_CHARACTERS = 1024
# Longer hints come from no browser and count as not sent.
MAX_HINT_CHARACTERS = 128
MAX_BRANDS_CHARACTERS = 1024


class Device(msgspec.Struct, frozen=True, gc=False):
    """A visitor's device; None means unknown. `device_type` is one of `DEVICE_TYPES` of target rules.

    `automated` is what kind of machine the user agent is of; None where a person may use it.
    """

    device_type: str = "unknown"
    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    os_version: str | None = None
    platform: str | None = None
    model: str | None = None
    automated: AutomatedReason | None = None


class ClientHints(msgspec.Struct, frozen=True, gc=False):
    """The Sec-CH-UA-* headers as they were sent; "" for those that were not."""

    mobile: str = ""
    platform: str = ""
    platform_version: str = ""
    model: str = ""
    full_version_list: str = ""


NO_HINTS = ClientHints()

# The names that ua-parser gives distributions. Puppy and BackTrack are left out: apps have these names, too.
_LINUX_DISTRIBUTIONS = (
    *("Arch Linux", "CentOS", "Debian", "Fedora", "Gentoo", "Kubuntu", "Linux Mint", "Lubuntu", "Mageia"),
    *("Mandriva", "PCLinuxOS", "Red Hat", "SUSE", "Slackware", "Ubuntu", "openSUSE"),
)
# Other families of systems are platforms by their own names.
_PLATFORMS = {"Mac OS X": "macOS", **dict.fromkeys(_LINUX_DISTRIBUTIONS, "Linux")}
_HINTED_OS = {"macOS": "Mac OS X", "Chrome OS": "Chrome OS", "Chromium OS": "Chrome OS"}
_DESKTOP_PLATFORMS = frozenset(
    {"Windows", "macOS", "Linux", "Chrome OS", "FreeBSD", "OpenBSD", "NetBSD", "BSD", "Solaris"}
)
_ROBOTS = frozenset({AutomatedReason.BOT, AutomatedReason.PREVIEW})
# https://learn.microsoft.com/microsoft-edge/web-platform/how-to-detect-win11
_WINDOWS_11_PLATFORM_VERSION = 13
_SMALL_NUMBER = re.compile(r"[0-9]{1,4}(?![0-9])")


_BRAND = re.compile(r'"([^"]{0,64})"\s{0,2};\s{0,2}v="([^"]{0,64})"')


class DeviceReader:
    """Reads user agents with ua-parser's engine in Rust (`ua_parser_rs`), and caches the results."""

    def __init__(self, cache_entries: int) -> None:
        self._parse = agent_parser().parse
        self._crawlers = crawler_list()
        self.remembered = lru_cache(cache_entries)(self.read)

    def read(self, user_agent: str, hints: ClientHints) -> Device:
        """Return the device of a user agent and its client hints; neither has to make sense."""
        if not user_agent and hints == NO_HINTS:
            return Device(automated=AutomatedReason.NO_USER_AGENT)
        user_agent = user_agent[:MAX_USER_AGENT_CHARACTERS]
        parsed = self._parse(user_agent)
        browser = parsed.browser
        os, platform = _os_and_platform(parsed, hints)
        automated = recognized(user_agent, parsed.system is not None, self._crawlers)
        name, version = (browser.family, _version(browser.major, browser.minor)) if browser else (None, None)
        return Device(
            device_type="bot" if automated in _ROBOTS else _device_type(user_agent, parsed, platform, hints),
            browser=name,
            browser_version=_hinted_version(hints.full_version_list, name) or version,
            os=os,
            os_version=_os_version(parsed, platform, hints),
            platform=platform,
            model=_unquoted(hints.model) or _model(parsed),
            automated=automated,
        )


def _model(parsed: ParsedAgent) -> str | None:
    """Return the device's model; None for what ua-parser takes for a robot."""
    device = parsed.device
    return device.model if device and device.brand != "Spider" else None


def _os_and_platform(parsed: ParsedAgent, hints: ClientHints) -> tuple[str | None, str | None]:
    family = parsed.system.family if parsed.system else None
    platform = _PLATFORMS.get(family, family) if family else None
    hinted = _unquoted(hints.platform)
    if hinted and hinted != "Unknown":
        family, platform = _HINTED_OS.get(hinted, hinted), "Chrome OS" if hinted == "Chromium OS" else hinted
    return family, platform


def _os_version(parsed: ParsedAgent, platform: str | None, hints: ClientHints) -> str | None:
    hinted = _unquoted(hints.platform_version)
    if platform == "Windows" and hinted:
        # Windows 10 and 11 share one user agent; the hint tells them apart, but numbers versions its own way.
        major = _SMALL_NUMBER.match(hinted)
        return "11" if major and int(major[0]) >= _WINDOWS_11_PLATFORM_VERSION else "10"
    return hinted or (_version(parsed.system.major, parsed.system.minor) if parsed.system else None)


def _device_type(user_agent: str, parsed: ParsedAgent, platform: str | None, hints: ClientHints) -> str:
    described = description(user_agent)
    if is_iphone(described):
        return "smartphone"
    return (
        _marked_type(user_agent, described, parsed.device.brand if parsed.device else None)
        or _hinted_type(user_agent, platform, hints)
        or "unknown"
    )


def _marked_type(user_agent: str, described: str, brand: str | None) -> str | None:
    """Return the kind of device whose mark is in the user agent, None if there is none."""
    lower_case, lower_described = user_agent.lower(), described.lower()
    if CONSOLE.mark(described, lower_described):
        return "console"
    if (
        TV.mark(described, lower_described)
        or TV_PROGRAM.mark(user_agent, lower_case)
        or brand == "Generic_Inettv"
    ):
        return "tv"
    if WEARABLE.mark(described, lower_described):
        return "wearable"
    if (
        TABLET.mark(described, lower_described)
        or TABLET_PROGRAM.mark(user_agent, lower_case)
        or brand == "Generic_Android_Tablet"
    ):
        return "tablet"
    return None


def _hinted_type(user_agent: str, platform: str | None, hints: ClientHints) -> str | None:
    """Return the kind of device by its platform and its browser's hints."""
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
    return None


def _hinted_version(full_version_list: str, browser: str | None) -> str | None:
    """Return the browser's full version, from the brand that best fits the user agent's family."""
    if not 0 < len(full_version_list) <= MAX_BRANDS_CHARACTERS or browser is None:
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
    return value.strip().strip('"') if len(value) <= MAX_HINT_CHARACTERS else ""
