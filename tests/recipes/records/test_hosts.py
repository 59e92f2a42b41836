"""Hosts and ports: the form that browsers ask for, and that nothing else is a host."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.records.hosts import BadHost, read_host, read_port, split_port

# What Chromium 156 makes of these, as `new URL("http://<host>/").host`.
OF_BROWSERS = [
    ("Shop.Example", "shop.example"),
    ("faß.example", "xn--fa-hia.example"),
    ("κλαρα-σωλις.example", "xn----ylba7abgd9bnh0e.example"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BU\u0308CHER.example", "xn--bcher-kva.example"),
    ("b%C3%BCcher.example", "xn--bcher-kva.example"),
    ("shop%2Eexample", "shop.example"),
    ("💩.la", "xn--ls8h.la"),
    ("xn--ls8h.la", "xn--ls8h.la"),
    ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    ("i❤️.example", "xn--i-7iq.example"),
    ("\uff53\uff48\uff4f\uff50\uff0e\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45", "shop.example"),
    ("東京。example", "xn--1lqs71d.example"),
    ("shop.exa\u00admple", "shop.example"),
    ("sh\u200bop.example", "shop.example"),
    ("sh\u2060op.\ufeffexample", "shop.example"),
    ("\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", "xn--mgba3gch31f060k.example"),
    ("אב.example", "xn--4dbc.example"),
    ("click_a.example", "click_a.example"),
    ("-a-.example", "-a-.example"),
    ("shop.example.", "shop.example."),
    ("localhost", "localhost"),
    ("192.0.2.7", "192.0.2.7"),
    ("\uff11\uff19\uff12.0.2.7", "192.0.2.7"),
    ("[2001:DB8::1]", "[2001:db8::1]"),
    ("a" * 63 + ".example", "a" * 63 + ".example"),
]


@pytest.mark.parametrize(("written", "asked_for"), OF_BROWSERS)
def test_a_host_gets_the_form_that_browsers_ask_for(written: str, asked_for: str) -> None:
    assert read_host(written) == asked_for


@pytest.mark.parametrize(("written", "asked_for"), OF_BROWSERS)
def test_a_host_that_was_read_is_read_as_the_same_again(written: str, asked_for: str) -> None:
    assert read_host(read_host(written)) == asked_for


@pytest.mark.parametrize(
    "host",
    [
        *("", ".", "..", "\u00ad", "\u200b.example", ".example", "shop..example", "shop.example..", "a.。b"),
        *(
            "shop example",
            "shop\u00a0example",
            "shop\u3000example",
            "shop%20example",
            "shop\texample",
            "a\nb",
        ),
        *(
            "℅.example",
            "other.example\uff03.shop.example",
            "a\uff0fb.example",
            "a\uff1fb.example",
            "a\uff20b.example",
            "a\uff1ab",
        ),
        *(
            "a%2Fb.example",
            "a%23b.example",
            "a%3Ab",
            "a%40b.example",
            "a%00b",
            "a%2525b",
            "a%.example",
            "%E9.de",
        ),
        *(
            "a\\b.example",
            "a|b.example",
            "a^b",
            "<a>.example",
            '"a".example',
            "a,b.example",
            "a;b.example",
            "a&b",
        ),
        *(
            "shop\u200e.example",
            "shop\u202e.example",
            "\u0301a.example",
            "a\u200db.example",
            "a\u200cb.example",
        ),
        *("xn--a.example", "xn--.example", "xn--bcher-kvb9.example", "xn--é.example", "xn--abc-.example"),
        *("א1a.example", "0.אב"),
        *(
            "1.2.3.4.5",
            "1.2.3",
            "256.1.1.1",
            "01.2.3.4",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "shop.123",
            "a.0x1",
        ),
        *("[::1", "[::1]x", "[1.2.3.4]", "[]", "[::g]", "[fe80::1%eth0]", "::1"),
        *(
            "a" * 64 + ".example",
            "ü" * 60 + ".example",
            ".".join(["a" * 49] * 6),
            "a" * 100_000,
            "é" * 100_000,
        ),
        *("shop.example\x7f", "shop\x00.example", "shop\x85.example", "shop.\ud83d", "\ue000.example"),
    ],
)
def test_what_can_be_no_host_is_refused(host: str) -> None:
    with pytest.raises(BadHost):
        read_host(host)


@pytest.mark.parametrize(
    ("authority", "parts"),
    [
        ("shop.example", ("shop.example", None)),
        ("shop.example:80", ("shop.example", "80")),
        ("shop.example:", ("shop.example", "")),
        ("[::1]", ("[::1]", None)),
        ("[::1]:80", ("[::1]", "80")),
    ],
)
def test_a_port_stands_behind_the_host(authority: str, parts: tuple[str, str | None]) -> None:
    assert split_port(authority) == parts


@pytest.mark.parametrize(
    "authority", ["info@shop.example", "user:word@shop.example", "@shop.example", "a.b@"]
)
def test_no_user_name_stands_in_front_of_a_host(authority: str) -> None:
    with pytest.raises(BadHost):
        split_port(authority)


@pytest.mark.parametrize(("text", "port"), [("1", 1), ("443", 443), ("65535", 65535), ("0080", 80)])
def test_a_port_is_a_number(text: str, port: int) -> None:
    assert read_port(text) == port


@pytest.mark.parametrize(
    "text", ["0", "65536", "99999", "abc", "-1", "+80", "8 0", "\uff18\uff10", "8_0", "9" * 5000, ""]
)
def test_what_can_be_no_port_is_refused(text: str) -> None:
    with pytest.raises(BadHost):
        read_port(text)


@given(st.text(max_size=60) | st.text("aßé💩.-_%1x\u00ad\u200d。אn", max_size=20).map("xn--{}".format))
def test_whatever_the_text_a_host_is_plain_ascii_or_refused(text: str) -> None:
    with suppress(BadHost):
        host = read_host(text)
        assert host.isascii()
        assert not set(host) & set(" /?#@\\%<>|^\"'")
        assert read_host(host) == host
