"""Devices: what a user agent and its client hints say, and that a product's name is no mark."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.visitors.device import NO_HINTS, ClientHints, DeviceReader
from recipes.records.target_rules import DEVICE_TYPES
from tests.offers.visitors.machines import BOTS, NO_AGENTS, PREVIEWS, PROGRAMS
from tests.offers.visitors.user_agents import IPHONE, PEOPLE, THINGS, WINDOWS, phone

DEVICES = DeviceReader(100)


@pytest.mark.parametrize(("user_agent", "device_type"), PEOPLE + THINGS)
def test_words_in_the_name_of_a_product_are_no_mark(user_agent: str, device_type: str) -> None:
    assert DEVICES.read(user_agent, NO_HINTS).device_type == device_type


@pytest.mark.parametrize("user_agent", BOTS + PREVIEWS)
def test_a_machine_is_a_bot_whatever_it_looks_like(user_agent: str) -> None:
    assert DEVICES.read(user_agent, NO_HINTS).device_type == "bot"


@pytest.mark.parametrize("user_agent", PROGRAMS + NO_AGENTS)
def test_a_program_has_the_type_of_the_system_that_it_names_if_any(user_agent: str) -> None:
    assert DEVICES.read(user_agent, NO_HINTS).device_type in ("unknown", "desktop")


@pytest.mark.parametrize(
    "system",
    [
        *("Ubuntu; Linux x86_64", "Linux Mint; Linux x86_64", "Linux x86_64; Gentoo", "Fedora; Linux x86_64"),
        *("Arch Linux x86_64", "CentOS; Linux x86_64", "Red Hat; Linux x86_64", "Debian; Linux x86_64"),
        *("Slackware; Linux i686", "Mandriva; Linux i686", "SUSE; Linux i686", "openSUSE; Linux x86_64"),
        *("Kubuntu; Linux x86_64", "Mageia; Linux x86_64", "PCLinuxOS; Linux i686", "Lubuntu 20.04; Linux"),
    ],
)
def test_a_distribution_of_linux_is_a_desktop_with_the_platform_linux(system: str) -> None:
    device = DEVICES.read(f"Mozilla/5.0 (X11; {system}; rv:130.0) Gecko/20100101 Firefox/130.0", NO_HINTS)
    assert (device.device_type, device.platform) == ("desktop", "Linux")


@pytest.mark.parametrize("system", ["FreeBSD", "OpenBSD", "NetBSD"])
def test_a_bsd_is_a_desktop_and_its_own_platform(system: str) -> None:
    user_agent = f"Mozilla/5.0 (X11; {system} amd64; rv:130.0) Gecko/20100101 Firefox/130.0"
    device = DEVICES.read(user_agent, NO_HINTS)
    assert (device.device_type, device.os, device.platform) == ("desktop", system, system)
    hinted = DEVICES.read(WINDOWS, ClientHints("?0", f'"{system}"'))
    assert (hinted.device_type, hinted.platform) == ("desktop", system)


def test_solaris_is_a_desktop() -> None:
    user_agent = "Mozilla/5.0 (X11; SunOS sun4u; rv:52.0) Gecko/20100101 Firefox/52.0"
    assert DEVICES.read(user_agent, NO_HINTS).device_type == "desktop"


@pytest.mark.parametrize("user_agent", ["Puppy/2.3 okhttp/4.9", "BackTrack/3.1 okhttp/4.9"])
def test_an_app_with_the_name_of_a_distribution_is_no_desktop(user_agent: str) -> None:
    assert DEVICES.read(user_agent, NO_HINTS).device_type == "unknown"


def test_hints_know_windows_11_and_the_full_version() -> None:
    brands = '"Not/A)Brand";v="8.0.0.0", "Chromium";v="126.0.6478.61", "Google Chrome";v="126.0.6478.62"'
    device = DEVICES.read(WINDOWS, ClientHints("?0", '"Windows"', '"15.0.0"', '""', brands))
    assert (device.os, device.os_version, device.platform) == ("Windows", "11", "Windows")
    assert device.browser_version == "126.0.6478.62"


def test_hints_name_the_model_that_a_frozen_user_agent_hides() -> None:
    device = DEVICES.read(phone("K"), ClientHints("?1", '"Android"', '"14.0.0"', '"Pixel 8"', ""))
    assert (device.model, device.os_version, device.device_type) == ("Pixel 8", "14.0.0", "smartphone")


@pytest.mark.parametrize(
    ("version", "os_version"),
    [
        *[("13.0.0", "11"), ("12.9", "10"), ("0.3.0", "10"), ("19", "11"), ("015.0", "11")],
        *[("9" * 100, "10"), ("-15", "10"), ("1e9", "10"), ("\u0661\u0665.0", "10"), ("\u00b9\u2075", "10")],
        *[("9" * 5000, "10"), ("9" * 100_000, "10"), ("15." + "0" * 5000, "10")],
    ],
)
def test_only_a_short_number_makes_it_windows_11(version: str, os_version: str) -> None:
    hints = ClientHints(platform='"Windows"', platform_version=f'"{version}"')
    assert DEVICES.read(WINDOWS, hints).os_version == os_version


@pytest.mark.parametrize("size", [129, 5000, 1_000_000])
def test_a_hint_longer_than_any_browsers_counts_as_not_sent(size: int) -> None:
    long = "9" * size
    hints = ClientHints("?0" * size, long, long, long, f'"Google Chrome";v="{long}"')
    assert DEVICES.read(WINDOWS, hints) == DEVICES.read(WINDOWS, NO_HINTS)


def test_what_a_hint_leaves_in_a_record_is_short() -> None:
    brands = ", ".join(f'"Google Chrome";v="{"9" * 60}"' for _ in range(10))
    device = DEVICES.read(phone("K"), ClientHints("?1", "x" * 128, "y" * 128, "z" * 128, brands))
    assert max(len(value or "") for value in (device.os, device.os_version, device.model)) <= 128
    assert len(device.browser_version or "") <= 64


HINT = st.text(max_size=40) | st.sampled_from(
    [
        *('"Windows"', '"Android"', '"Chromium OS"', "?0", "?1", '"', '""', '"Unknown"', "\x00", "\ud83d"),
        *(
            "9" * 5000,
            '"' * 5000,
            '"' + " " * 5000,
            '"a";v=' * 5000,
            '"Chrome";v="1' * 5000,
            "(" * 5000,
            "." * 5000,
        ),
        *("9" * 300_000, '"a"' + " " * 300_000, '"Google Chrome";v="' + "9" * 300_000, "\u0661" * 5000),
    ]
)
AGENT = st.text(max_size=80) | st.sampled_from(
    [
        WINDOWS,
        phone("K"),
        IPHONE,
        "(" * 100_000,
        "Mozilla/5.0 (" + "()" * 50_000,
        "bot " * 50_000,
        "a" * 100_000,
    ]
)


@given(AGENT, st.builds(ClientHints, *[HINT] * 5))
def test_no_header_makes_the_device_reader_raise_or_linger(user_agent: str, hints: ClientHints) -> None:
    started = time.process_time()
    assert DEVICES.read(user_agent, hints).device_type in DEVICE_TYPES
    # The processor's time, so that other work beside the tests does not count.
    assert time.process_time() - started < 1
