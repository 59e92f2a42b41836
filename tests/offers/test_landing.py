"""Pages and final URLs: macros, the query we add, and that the result is always a URL."""

from contextlib import suppress
from hashlib import md5
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.landing import Landing, LandingBuilder
from recipes.records.landing_page import BadPage, compile_page

LID = "2f1d3c4b-0000-4000-8000-000000000000"
ADDED = f"offer_id=1&campaign_id=2&lid={LID}"
PLAIN = LandingBuilder("", "")


def build(
    page: str,
    builder: LandingBuilder = PLAIN,
    *,
    subid: str = "",
    cid: str = "",
    affiliate_id: int | None = None,
) -> Landing:
    route = builder.route(compile_page(page), affiliate_id, campaign_id=2, offer_id=1)
    return builder.build(route, subid, cid, LID)


@pytest.mark.parametrize(
    ("page", "location"),
    [
        ("https://a.example", f"https://a.example?{ADDED}"),
        ("https://a.example/p", f"https://a.example/p?{ADDED}"),
        ("https://a.example/p?x=1", f"https://a.example/p?x=1&{ADDED}"),
        ("https://a.example/p?", f"https://a.example/p?{ADDED}"),
        ("https://a.example/p?x=1&", f"https://a.example/p?x=1&{ADDED}"),
        ("https://a.example/#/route?x=1", f"https://a.example/?{ADDED}#/route?x=1"),
        ("a.example/p", f"http://a.example/p?{ADDED}"),
        ("a.example:8080/p", f"http://a.example:8080/p?{ADDED}"),
        ("//a.example/p", f"http://a.example/p?{ADDED}"),
        ("HTTPS://a.example/", f"https://a.example/?{ADDED}"),
        (" https://a.example/ \r\n", f"https://a.example/?{ADDED}"),
        ("httpbin.example/p", f"http://httpbin.example/p?{ADDED}"),
        ("https://a.example/a b/ü?q=100%", f"https://a.example/a%20b/%C3%BC?q=100%25&{ADDED}"),
        ("https://a.example/%20x", f"https://a.example/%20x?{ADDED}"),
        ("https://bücher.example/", f"https://xn--bcher-kva.example/?{ADDED}"),
    ],
)
def test_the_query_we_add_stands_before_any_fragment(page: str, location: str) -> None:
    assert build(page).location == location


@pytest.mark.parametrize(
    "page",
    [
        "javascript:alert(1)",
        "ftp://a.example/",
        "mailto:a@b.example",
        "data:text/html,x",
        "https://",
        "http:a",
        "",
        "#x",
    ],
)
def test_what_is_no_page_of_the_web_is_refused(page: str) -> None:
    with pytest.raises(BadPage):
        compile_page(page)


def test_every_occurrence_of_every_macro_is_filled() -> None:
    page = "https://a.example/{subid}/{cid}?l={lid}&a={affiliateId}&c={campaignId}&o={offerId}&s={subid}"
    filled = build(page, subid="s", cid="c", affiliate_id=7).page_url
    assert filled == f"https://a.example/s/c?l={LID}&a=7&c=2&o=1&s=s"


def test_macros_next_to_each_other_are_filled() -> None:
    assert build("https://a.example/{lid}{offerId}{campaignId}{cid}", cid="c").page_url.endswith(f"/{LID}12c")


def test_a_macro_without_a_value_is_empty() -> None:
    assert build("https://a.example/?s={subid}&a={affiliateId}").page_url == "https://a.example/?s=&a="


def test_what_is_no_macro_stays() -> None:
    assert "?s=5&x=%7Bcountry%7D" in build("https://a.example/?s={subid}&x={country}", subid="5").location


def test_a_macro_in_other_spellings_is_filled_in_the_page_that_is_recorded_as_well() -> None:
    landing = build("https://a.example/?s={SUBID}&t={{subid}}&u=%7Bsubid%7D&amp;v=1", subid="5")
    assert landing.page_url == "https://a.example/?s=5&t=5&u=5&amp;v=1"
    assert landing.location == f"https://a.example/?s=5&t=5&u=5&v=1&{ADDED}"


def test_a_page_with_half_a_character_can_be_recorded_and_sent() -> None:
    landing = build("https://a.example/\ud83d?s={subid}", subid="5")
    assert landing.page_url == "https://a.example/\ufffd?s=5"
    assert landing.location == f"https://a.example/%EF%BF%BD?s=5&{ADDED}"


def test_a_value_is_never_filled_again() -> None:
    landing = build("https://a.example/?s={subid}&c={cid}", subid="{cid}", cid="{subid}")
    assert landing.page_url == "https://a.example/?s=%7Bcid%7D&c=%7Bsubid%7D"


def test_a_value_cannot_add_a_parameter_a_fragment_or_a_header() -> None:
    landing = build("https://a.example/?s={subid}", subid="a&offer_id=9#x\r\nSet-Cookie: y")
    assert "s=a%26offer_id%3D9%23x%0D%0ASet-Cookie%3A%20y&" in landing.location


def test_a_macro_in_the_fragment_is_filled() -> None:
    assert build("https://a.example/#{subid}", subid="s").location.endswith("#s")


def test_the_recipes_page_is_kept_as_it_is_written_without_the_added_query() -> None:
    assert build("a.example/{subid}", subid="s").page_url == "a.example/s"


def test_the_network_and_the_affiliate_are_added_when_known() -> None:
    landing = build("https://a.example/", LandingBuilder("2", ""), affiliate_id=7)
    assert landing.location == f"https://a.example/?{ADDED}&ap=2&src=7"


def test_the_hash_covers_the_url_exactly_as_it_is_sent() -> None:
    location = build("https://a.example/ü?x=1#end", LandingBuilder("2", "secret")).location
    sent, _, signature = location.removesuffix("#end").partition("&hash=")
    assert signature == md5(f"{sent}|secret".encode()).hexdigest()  # noqa: S324 - what landing pages check


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_whatever_the_page_and_the_values_a_location_is_a_valid_ascii_url(
    page: str, subid: str, cid: str
) -> None:
    with suppress(BadPage):
        location = build(f"https://a.example/{page}?s={{subid}}#{{cid}}", subid=subid, cid=cid).location
        assert location.isascii()
        assert not any(character in location for character in ' "<>\\^`{|}\r\n\t')
        assert urlsplit(location).hostname == "a.example"
        assert parse_qs(urlsplit(location).query)["offer_id"][-1] == "1"


# Of what people paste, so that many a text is nearly a page.
PASTED = st.lists(
    st.sampled_from(
        [
            *(
                "http",
                "https",
                ":",
                "/",
                "//",
                "https://",
                "a.example",
                "shop",
                ".",
                "..",
                ":80",
                ":x",
                "@",
                "\\",
            ),
            *(
                "{subid}",
                "{{CID}}",
                "%7Blid%7D",
                "{offerId}",
                "{",
                "}",
                "?",
                "&",
                "&amp;",
                "=",
                "#",
                "%",
                "%2F",
            ),
            *(
                " ",
                "\u00a0",
                "\u200b",
                "\ufeff",
                "\n",
                "ß",
                "💩",
                "xn--",
                "℅",
                "[::1]",
                "127.0.0.1",
                "1",
                "é",
            ),
        ]
    ),
    max_size=12,
).map("".join)


@given(PASTED | st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_a_page_with_a_host_or_refused(page: str, subid: str, cid: str) -> None:
    with suppress(BadPage):
        location = build(page, subid=subid, cid=cid, affiliate_id=None).location
        assert location.isascii()
        assert not any(character <= " " or character in '"<>\\^`{|}\x7f' for character in location)
        url = urlsplit(location)
        assert url.scheme in ("http", "https")
        assert url.hostname
        assert url.port is None or 1 <= url.port <= 65535
        assert url.username is None
        assert url.netloc == urlsplit(build(page, affiliate_id=7).location).netloc
        assert parse_qs(url.query)["lid"][-1] == LID
