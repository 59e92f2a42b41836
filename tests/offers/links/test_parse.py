"""What staff paste, and what is read from it."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.click_paths import ClickPaths
from offers.links.parse import BadLink, PastedLink, read_link
from offers.request import read_click

PATHS = ClickPaths({"/pl": "o"})
TOKEN = "00" * 16 + ":" + "11" * 16


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f"  {TOKEN}\n",
        TOKEN.replace(":", "%3A"),
        f"ad={TOKEN}",
        f"?ad={TOKEN}",
        f"https://click.example/offer?ad={TOKEN}",
        f"<https://click.example/OFFER/?ad={TOKEN}#top>",
        f"click.example/offer?utm=x&ad={TOKEN}",
        f'"http://localhost:5000/offer?debug=debug&ad={TOKEN}&ad=second"',
        f"\u200b\ufeff https://click.example//offer?ad={TOKEN}",
        f"//click.example/%6fffer?ad={TOKEN}",
        f"https://click_a.example:81/Offer/?amp;ad={TOKEN}",
    ],
)
def test_the_token_is_found_however_the_link_was_copied(text: str) -> None:
    assert read_link(text) == PastedLink(TOKEN)


def test_what_else_the_link_says_is_read_as_a_click_would() -> None:
    link = read_link(
        f"https://c.example/offer?ad={TOKEN}&subid=a%26b&subid=c&cid=grün&ad_domain=d.example/x&fp=disabled"
    )
    assert link == PastedLink(TOKEN, "a&b,c", "grün", "d.example/x", "disabled")


def test_a_sealed_token_is_a_link_too() -> None:
    assert read_link("v2.k1.abc-_").ad == "v2.k1.abc-_"


@pytest.mark.parametrize(
    "text",
    [
        f"https://c.example/offer?ad={TOKEN}?subid=5&cid=7",
        f"https://c.example/offer?ad={TOKEN}&amp;subid=5&amp%3Bcid=7",
        f"?ad={TOKEN}?subid=5&cid=7",
        f"ad={TOKEN}?subid=5&cid=7",
        f"{TOKEN}?subid=5&cid=7",
        f"{TOKEN}&subid=5&cid=7",
        f"https://c.example/pl?o={TOKEN}&subid=5&cid=7",
        f"https://c.example//PL/?o={TOKEN}?subid=5&cid=7",
        f"o={TOKEN}&subid=5&cid=7",
    ],
)
def test_a_damaged_link_and_an_alias_say_the_same(text: str) -> None:
    assert read_link(text, PATHS) == PastedLink(TOKEN, "5", "7")


def test_damage_stays_where_the_reader_of_tokens_drops_it() -> None:
    assert read_link(f"https://c.example/offer?ad=({TOKEN}).").ad == f"({TOKEN})."


@pytest.mark.parametrize(
    ("sent", "pasted"),
    [
        ("ad=T&subid=caf\xe9 \u9b45".encode(), "ad=T&subid=caf\xe9 \u9b45"),
        (b"ad=T&subid=caf\xe9", "ad=T&subid=caf\udce9"),
        (b"ad=T&ad_domain=a/b", "ad=T&ad_domain=a/b"),
    ],
)
def test_a_link_is_read_as_a_click_is(sent: bytes, pasted: str) -> None:
    request = read_click(sent, [], "")
    link = read_link(pasted)
    assert (link.ad, link.subid, link.ad_domain) == (request.ad, request.subid, request.ad_domain)


@given(st.text(max_size=40))
def test_every_query_is_read_as_a_click_is(query: str) -> None:
    sent = quote(query.partition("#")[0], safe=":/?#[]@!$&'()*+,;=-._~%").encode()
    request, link = read_click(b"ad=T&" + sent, [], ""), read_link(f"https://c.example/offer?ad=T&{query}|")
    assert link.subid.removesuffix("|") == request.subid.removesuffix("|")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  ", "nothing was given"),
        ("https://click.example/offer", "no query"),
        ("https://click.example/offer?da=1", "no `ad` parameter"),
        ("x" * 9000, "9,000 characters"),
        (f"https://c.example/offers?ad={TOKEN}", "no clicks arrive at /offers: this instance answers /offer"),
        (f"https://c.example?ad={TOKEN}", "no clicks arrive at /:"),
        (f"https://c.example/pl?o={TOKEN}", "no clicks arrive at /pl"),
    ],
)
def test_what_is_no_link_is_told_what_is_missing(text: str, said: str) -> None:
    with pytest.raises(BadLink, match=said):
        read_link(text)
