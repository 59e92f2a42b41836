"""Who is asking: addresses behind proxies, places, and devices."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from devstack.geoip import Network, write_databases
from offers.click_log.record import plan_visitor
from offers.visitors import geoip
from offers.visitors.address import AddressReader
from offers.visitors.device import NO_HINTS, DeviceReader
from offers.visitors.geoip import UNKNOWN_GEO, GeoReader
from offers.visitors.visitor import Clues, VisitorReader
from tests.processes import wait_until

TRUSTING = AddressReader(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])
DEVICES = DeviceReader(100)
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "82.237.47.21", "82.237.47.21"),
        ("127.0.0.1", "8.8.8.8, 82.237.47.21", "82.237.47.21"),
        ("127.0.0.1", "8.8.8.8, 82.237.47.21, 10.1.2.3", "82.237.47.21"),
        ("127.0.0.1", "82.237.47.21, unknown", "127.0.0.1"),
        ("127.0.0.1", "82.237.47.21, , ", "82.237.47.21"),
        ("127.0.0.1", "82.237.47.21:4711", "82.237.47.21"),
        ("127.0.0.1", "[2a01:e00::1]:443", "2a01:e00::1"),
        ("127.0.0.1", "2a01:e00::1", "2a01:e00::1"),
        ("127.0.0.1", '"[2a01:E00::1]"', "2a01:e00::1"),
        ("127.0.0.1", "::ffff:82.237.47.21", "82.237.47.21"),
        ("2001:db8::1", "82.237.47.21", "82.237.47.21"),
        ("127.0.0.1", "10.1.1.1, 10.1.1.2", "10.1.1.1"),
        ("127.0.0.1", "junk,, ;", "127.0.0.1"),
        ("203.0.113.9", "82.237.47.21", "203.0.113.9"),
        ("", "82.237.47.21", "82.237.47.21"),
        ("", "", ""),
    ],
)
def test_the_first_untrusted_entry_from_the_right_is_the_visitor(
    peer: str, forwarded: str, address: str
) -> None:
    assert TRUSTING.client_address(peer, forwarded) == address


@given(st.text(max_size=30), st.text(st.sampled_from('0123456789abcdef.:[], %"x'), max_size=60))
def test_no_header_makes_the_address_reader_raise(peer: str, forwarded: str) -> None:
    assert isinstance(TRUSTING.client_address(peer, forwarded), str)


@pytest.mark.parametrize(
    ("peer", "address"), [("192.168.1.5", "82.237.47.21"), ("::1", "82.237.47.21"), ("8.8.8.8", "8.8.8.8")]
)
def test_in_development_a_private_address_stands_for_a_public_one(peer: str, address: str) -> None:
    assert AddressReader([], "82.237.47.21").client_address(peer, "") == address


def geo_reader(directory: Path) -> GeoReader:
    """A reader of copies of the test databases."""
    for name in ("MAXMIND_PATH", "MAXMIND_PATH_ISP"):
        shutil.copy(os.environ[name], directory / name)
    return GeoReader(str(directory / "MAXMIND_PATH"), str(directory / "MAXMIND_PATH_ISP"))


@pytest.mark.usefixtures("geoip_databases")
@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("34.99.99.105", ("US", "TX", "Houston", "Example ISP A")),
        ("78.218.177.0", ("FR", "NAQ", "Angoulême", "Example ISP A")),
        ("163.96.219.60", ("FR", None, None, "Example ISP B")),
        ("2001:4860:4860::8888", ("US", "CA", "Mountain View", "Example ISP A")),
        ("194.176.137.52", (None, None, None, "Example ISP B")),
    ],
)
def test_an_address_has_a_place(tmp_path: Path, address: str, place: tuple[str | None, ...]) -> None:
    found = geo_reader(tmp_path).lookup(address)
    assert (found.country, found.region, found.city, found.isp) == place


@pytest.mark.usefixtures("geoip_databases")
@pytest.mark.parametrize("address", ["203.0.113.9", "", "junk", "999.1.1.1", "fe80::9"])
def test_an_address_without_a_place_is_unknown_and_no_error(tmp_path: Path, address: str) -> None:
    assert geo_reader(tmp_path).lookup(address) == UNKNOWN_GEO


@pytest.mark.usefixtures("geoip_databases")
def test_an_asn_database_tells_the_owner_of_the_network_as_the_isp(tmp_path: Path) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-ASN")
    record = {"autonomous_system_number": 12271, "autonomous_system_organization": "TWC-12271-NYC"}
    writer.insert_network(IPSet(["24.90.0.0/16"]), record)
    writer.to_db_file(str(tmp_path / "ASN.mmdb"))
    reader = GeoReader(os.environ["MAXMIND_PATH"], str(tmp_path / "ASN.mmdb"))
    assert reader.lookup("24.90.12.34").isp == "TWC-12271-NYC"


@pytest.mark.usefixtures("geoip_databases")
def test_without_a_path_for_isps_places_are_known_all_the_same() -> None:
    found = GeoReader(os.environ["MAXMIND_PATH"], "").lookup("34.99.99.105")
    assert (found.country, found.isp) == ("US", None)


@pytest.mark.usefixtures("geoip_databases")
def test_visitors_are_looked_up_anew_when_a_database_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geoip, "LOOK_AT_FILE_SECONDS", 0.0)
    reader = VisitorReader(plan_visitor, AddressReader([]), geo_reader(tmp_path), DEVICES, 10)
    clues = Clues("34.99.99.105", "", "", "", NO_HINTS)
    assert reader.read(clues).visitor.geo.country == "US"
    write_databases([Network("34.0.0.0/8", "DE")], tmp_path / "MAXMIND_PATH", tmp_path / "none")
    wait_until(lambda: reader.read(clues).visitor.geo.country == "DE")


USER_AGENTS = [
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "desktop", "Chrome", "Windows"),
    (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36", "desktop", "Chrome", "Linux"),
    (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "desktop", "Chrome", "Chrome OS"),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.5 Mobile/15E148 Safari/604.1",
        *("smartphone", "Mobile Safari", "iOS"),
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/16.6 Mobile/15E148 Safari/604.1",
        *("tablet", "Mobile Safari", "iOS"),
    ),
    (
        f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36",
        "smartphone",
        "Chrome Mobile",
        "Android",
    ),
    (f"Mozilla/5.0 (Linux; Android 12; SM-T870) {CHROME} Safari/537.36", "tablet", "Chrome", "Android"),
    (f"Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) {CHROME} TV Safari/537.36", "tv", None, "Tizen"),
    (f"Mozilla/5.0 (Web0S; Linux/SmartTV) {CHROME} Safari/537.36", "tv", "Chrome", "Web0S"),
    ("Mozilla/5.0 (PlayStation 4 3.11) AppleWebKit/537.73 (KHTML, like Gecko)", "console", None, None),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) {CHROME} Edge/16", "console", None, None),
    ("Mozilla/5.0 (Apple Watch6,1; watchOS 7.0)", "wearable", None, None),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot", "Googlebot", None),
    ("facebookexternalhit/1.1", "bot", None, None),
    ("curl/8.5.0", "unknown", "curl", None),
    ("", "unknown", None, None),
]


@pytest.mark.parametrize(("user_agent", "device_type", "browser", "os_name"), USER_AGENTS)
def test_a_user_agent_tells_the_device(
    user_agent: str, device_type: str, browser: str | None, os_name: str | None
) -> None:
    device = DEVICES.read(user_agent, NO_HINTS)
    assert device.device_type == device_type
    assert browser in (None, device.browser)
    assert os_name in (None, device.os)
