"""The client's address: whatever a visitor writes into X-Forwarded-For, only trusted proxies are believed."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.request import read_click
from offers.visitors.address import AddressReader, parse_address

NETWORKS = [ipaddress.ip_network(network) for network in ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")]
READER = AddressReader(map(str, NETWORKS))


def is_trusted(address: str) -> bool:
    return any(ipaddress.ip_address(address) in network for network in NETWORKS)


def canonical(address: Any) -> str:
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


ANY = (st.ip_addresses(v=4) | st.ip_addresses(v=6)).map(canonical)
STRANGERS = ANY.filter(lambda address: not is_trusted(address))
PROXIES = st.sampled_from(NETWORKS).flatmap(lambda n: st.ip_addresses(network=n)).map(str)
# What a visitor may have written: addresses, names, junk, but no comma, which would be two entries.
WRITTEN = ANY | st.text(st.characters(max_codepoint=255, exclude_characters=",\r\n"), max_size=20)
PORTS = st.integers(0, 65535)


def written_with(address: str, port: int | None, quoted: bool, spaces: str) -> str:
    """An entry as proxies write it."""
    text = address
    if port is not None:
        text = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f'{spaces}"{text}"{spaces}' if quoted else f"{spaces}{text}{spaces}"


ENTRY_STYLES = st.tuples(st.none() | PORTS, st.booleans(), st.sampled_from(["", " ", "\t", "  "]))


@given(STRANGERS, st.lists(WRITTEN, max_size=5))
def test_a_peer_that_is_no_proxy_is_the_visitor_whatever_it_writes(peer: str, written: list[str]) -> None:
    assert READER.client_address(peer, ",".join(written)) == peer


@given(PROXIES, st.lists(WRITTEN, max_size=4), STRANGERS, st.lists(PROXIES, max_size=4), ENTRY_STYLES)
def test_behind_any_number_of_proxies_the_visitor_is_who_came_to_the_first(
    peer: str, written: list[str], visitor: str, proxies: list[str], style: tuple[int | None, bool, str]
) -> None:
    entries = [*written, *(written_with(address, *style) for address in (visitor, *proxies))]
    assert READER.client_address(peer, ",".join(entries)) == visitor


@given(PROXIES, st.lists(PROXIES, min_size=1, max_size=4))
def test_where_all_are_trusted_the_farthest_is_the_visitor(peer: str, proxies: list[str]) -> None:
    assert READER.client_address(peer, ", ".join(proxies)) == proxies[0]


@given(PROXIES, STRANGERS, st.sampled_from(["unknown", "_hidden", "1.2.3", "::1::"]), PROXIES)
def test_nothing_left_of_an_entry_that_is_no_address_is_believed(
    peer: str, claimed: str, junk: str, proxy: str
) -> None:
    assert READER.client_address(peer, f"{claimed},{junk},{proxy}") == proxy
    assert READER.client_address(peer, f"{claimed},{junk}") == canonical(ipaddress.ip_address(peer))


@given(PROXIES, STRANGERS, st.lists(st.sampled_from(["", " ", "\t"])))
def test_empty_entries_are_passed_over(peer: str, visitor: str, empty: list[str]) -> None:
    assert READER.client_address(peer, ",".join([visitor, *empty])) == visitor


@given(STRANGERS, PROXIES)
def test_a_repeated_header_is_one_list_in_the_order_of_its_lines(visitor: str, proxy: str) -> None:
    lines = [(b"x-forwarded-for", text.encode()) for text in ("8.8.8.8", visitor, proxy)]
    forwarded = read_click(b"", lines, proxy).clues.forwarded_for
    assert READER.client_address(proxy, forwarded) == visitor


@given(ANY, st.booleans(), st.booleans())
def test_an_address_is_read_in_every_spelling(address: str, bracketed: bool, upper: bool) -> None:
    text = f"[{address}]" if bracketed and ":" in address else address
    assert str(parse_address(text.upper() if upper else text)) == address


@pytest.mark.parametrize("text", ["::ffff:82.237.47.21", "[::ffff:82.237.47.21]:80", "::FFFF:52ED:2F15"])
def test_an_ipv4_address_in_ipv6_spelling_is_the_ipv4_address(text: str) -> None:
    assert str(parse_address(text)) == "82.237.47.21"


def test_a_proxy_is_trusted_in_ipv6_spelling_too() -> None:
    assert READER.client_address("::ffff:10.1.2.3", "82.237.47.21") == "82.237.47.21"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "]",
        "[]",
        "1.2.3.4.5",
        "1.2.3",
        "01.2.3.4",
        "1.2.3.4/8",
        "\u0663.1.1.1",
        "::1::",
        "12345::",
        "a.example",
    ],
)
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    assert parse_address(text) is None


def test_trust_in_an_ipv4_network_does_not_reach_ipv6() -> None:
    assert AddressReader(["0.0.0.0/0"]).client_address("2a01::1", "82.237.47.21") == "2a01::1"


def test_of_a_header_without_end_the_last_proxies_are_read() -> None:
    assert READER.client_address("10.0.0.1", "82.237.47.21," + ",".join(["10.0.0.2"] * 31)) == "10.0.0.2"
    assert READER.client_address("10.0.0.1", "82.237.47.21," + ",".join(["10.0.0.2"] * 30)) == "82.237.47.21"
