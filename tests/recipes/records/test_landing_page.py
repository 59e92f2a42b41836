"""Pages as recipes and settings have them: what is put right, what is noted, and what is no page."""

import unicodedata

import pytest

from recipes.records.landing_page import BadPage, compile_page, redirect_url, trimmed
from tests.offers.builders import offer

INVISIBLE = [
    "\u200b",
    "\ufeff",
    "\u00a0",
    "\u00ad",
    "\u2060",
    "\u200e",
    "\u202e",
    "\u3000",
    "\x00",
    "\x85",
    "\r\n",
]


@pytest.mark.parametrize("sign", INVISIBLE, ids=ascii)
def test_what_is_invisible_at_either_end_is_dropped(sign: str) -> None:
    assert redirect_url(f"{sign} {sign}https://shop.example/a{sign}") == "https://shop.example/a"


def test_every_blank_control_and_ignored_format_character_is_invisible() -> None:
    kept = [sign for sign in map(chr, range(0x10000)) if trimmed(f"{sign}a{sign}") != "a"]
    assert not [sign for sign in kept if unicodedata.category(sign) in ("Zs", "Zl", "Zp", "Cc")]
    # The format characters that are drawn: signs of number and place in three scripts.
    formats = {sign for sign in kept if unicodedata.category(sign) == "Cf"}
    assert formats == set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\ufeff\u00a0", "\u3164"], ids=ascii)
def test_a_page_of_nothing_visible_is_no_page_and_no_defect(text: str) -> None:
    record = offer(landingPageUrl=text)
    assert (record.landing_page, record.defects) == (None, ())


@pytest.mark.parametrize(
    "page",
    [
        *("http://https://shop.example/", "https://http://shop.example/", "http://http//shop.example/"),
        *(
            "https//shop.example/",
            "http//shop.example",
            "https/shop.example",
            "http:shop.example",
            "https:/x.y",
        ),
        *(
            "http:/x",
            "http:\\\\x",
            "http:///shop.example",
            "https://https:443/",
            "http://https/",
            "http://HTTPS./x",
        ),
        *("https\uff1a//shop.example", "https:\uff1a//shop.example"),
        *("https;//shop.example", "https.//shop.example"),
        *(
            "https ://shop.example",
            "https: //shop.example",
            "http:// https://shop.example",
            ":https://shop.example",
        ),
        *(
            "ttp://shop.example",
            "htps://shop.example",
            "hhttps://shop.example",
            "htp//shop.example",
            "://shop.example",
        ),
        *(
            "ttps//shop.example",
            "htttps//shop.example",
            "httsp//shop.example",
            "hxxps//shop.example",
            "wss//a.example",
        ),
        *(
            "http://htps://shop.example",
            "http://ttp//shop.example",
            "http://www.https://shop.example",
            "//https//a.b",
        ),
        *(
            "http://www.https//shop.example",
            "httpwww.shop.example",
            "https://httpswww.shop.example/",
            "http://https:",
        ),
        *(
            '"https://shop.example"',
            "<https://shop.example>",
            "[https://shop.example]",
            "(https://shop.example)",
        ),
    ],
)
def test_a_doubled_or_misspelt_scheme_is_a_defect(page: str) -> None:
    with pytest.raises(BadPage):
        compile_page(page)


@pytest.mark.parametrize(
    "page",
    [
        *(
            "javascript:alert(1)",
            "JavaScript:alert(1)//shop.example",
            "javascript://shop.example/%0Aalert(1)",
        ),
        *(
            "java\tscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://a.example/",
        ),
        *("mailto:a@b.example", "tel:5551234", "sms:12345", "intent://a.example/#Intent;end", "about:blank"),
        *(
            "blob:https://a.example/1",
            "view-source:https://a.example/",
            "com.example.app://open",
            "market://a.b",
        ),
    ],
)
def test_a_page_of_any_other_scheme_is_a_defect(page: str) -> None:
    with pytest.raises(BadPage):
        compile_page(page)


@pytest.mark.parametrize(
    "page",
    [
        *(
            "https://",
            "http://?x=1",
            "#x",
            "?x",
            "/landing",
            "landing",
            "landing/page.html",
            "null",
            "n/a",
            "undefined",
        ),
        *(
            "http://#x",
            "http://:80/",
            "https://shop..example/",
            "https://.example/",
            "https://shop example.com/",
        ),
        *(
            "https://shop.example:abc/",
            "https://shop.example:99999/",
            "https://shop.example:0/",
            "shop.example:x/y",
        ),
        *(
            "https://shop.example:80:80/",
            "https://info@shop.example/",
            "https://a:b@shop.example/",
            "info@shop.example",
        ),
        *(
            "https://google.com@evil.example/",
            "http://1.2.3.4.5",
            "http://[::1",
            "http://[::1]x/",
            "http://999.1.1.1/",
        ),
        *(
            "https://℅.example/",
            "https://other.example\uff03.shop.example",
            "https://shop.example\\path",
            "https://a%2Fb.c/",
        ),
        *(
            "https://shop.example%20/",
            "https://shop.example /",
            "https://shop,example/",
            "https://shop.example&x=1",
        ),
    ],
)
def test_a_page_whose_host_cannot_exist_is_a_defect(page: str) -> None:
    record = offer(landingPageUrl=page)
    assert record.landing_page is None
    assert [defect.field for defect in record.defects] == ["landingPageUrl"]


@pytest.mark.parametrize(
    ("page", "url"),
    [
        ("httpbin.example/p", "http://httpbin.example/p"),
        ("https.example/p", "http://https.example/p"),
        ("http://https-shop.example//x", "http://https-shop.example//x"),
        ("www.shop.example//x", "http://www.shop.example//x"),
        ("http://shop.ht/", "http://shop.ht/"),
        ("http://shop.pt/", "http://shop.pt/"),
        ("localhost:8000/x", "http://localhost:8000/x"),
        ("http://intranet/x", "http://intranet/x"),
        ("HTTP://Shop.Example/Path?Q=A", "http://shop.example/Path?Q=A"),
        ("https://shop.example:8443/x", "https://shop.example:8443/x"),
        ("https://shop.example:/x", "https://shop.example/x"),
        ("https://shop.example./x", "https://shop.example./x"),
        ("https://shop.example?u=https://other.example/", "https://shop.example?u=https://other.example/"),
        ("https://shop.example/https://other.example/", "https://shop.example/https://other.example/"),
        ("bücher.example:80/ü", "http://xn--bcher-kva.example:80/%C3%BC"),
        ("[::1]:8000/x", "http://[::1]:8000/x"),
        ("192.0.2.7:8000/x", "http://192.0.2.7:8000/x"),
        ("https://💩.la/", "https://xn--ls8h.la/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://a.example/\ud83d", "https://a.example/%EF%BF%BD"),
    ],
)
def test_a_page_whose_host_can_exist_is_read(page: str, url: str) -> None:
    assert redirect_url(page) == url
    assert compile_page(page).notes == ()
