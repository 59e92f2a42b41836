"""Pages as recipes and settings have them: what is put right, what is noted, and what is no page."""

import json
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


@pytest.mark.parametrize(
    "written",
    [
        *("{subid}", "{SUBID}", "{SubId}", "{{subid}}", "{{SUBID}}", "{ subid }", "{{ subid }}"),
        *("%7Bsubid%7D", "%7bSubID%7d", "%7B%7Bsubid%7D%7D", "{%7Bsubid%7D}", "{%20subid%20}"),
    ],
)
@pytest.mark.parametrize("where", ["p/", "?s=", "#"])
def test_a_macro_is_read_in_any_case_and_in_double_braces(written: str, where: str) -> None:
    page = compile_page(f"https://a.example/{where}{written}/e")
    assert (*page.parts, *page.fragment)[-2:] == ("subid", "/e")
    assert (page.shown[1], page.notes) == ("subid", ())


def test_braces_of_other_texts_around_a_macro_stay() -> None:
    page = compile_page('https://a.example/?j={"a":{"b":{subid}}}')
    assert page.parts == ("https://a.example/?j=%7B%22a%22:%7B%22b%22:", "subid", "%7D%7D")


@pytest.mark.parametrize("macro", ["{country}", "{{sub_id}}", "%7Bclickid%7D", "{click-id}", "{ Sub1 }"])
def test_an_unknown_macro_is_a_defect_that_leaves_the_page_in_use(macro: str) -> None:
    record = offer(landingPageUrl=f"https://a.example/?s={macro}&t={macro}&u={{subid}}")
    assert record.landing_page is not None
    assert [defect.field for defect in record.defects] == ["landingPageUrl"]
    assert macro.strip("{} ").removeprefix("%7B").removesuffix("%7D") in record.defects[0].problem


def test_an_unknown_macro_in_the_page_of_a_country_is_a_defect_as_well() -> None:
    rules = {"customLPRules": [{"country": "US", "lpUrl": "https://own.example/?s={clickid}"}]}
    record = offer(customLpRules=json.dumps(rules))
    assert "US" in record.custom_pages
    assert [defect.field for defect in record.defects] == ["customLpRules.lpUrl"]


@pytest.mark.parametrize("ampersand", ["&amp;", "&AMP;", "&amp;amp;", "&#38;", "&#038;", "&#x26;", "&amp%3B"])
def test_an_ampersand_of_html_is_one_in_the_query_and_a_defect(ampersand: str) -> None:
    record = offer(landingPageUrl=f"https://a.example/?a=1{ampersand}s={{subid}}#x")
    assert record.landing_page is not None
    assert record.landing_page.parts == ("https://a.example/?a=1&s=", "subid", "")
    assert ["&amp;" in defect.problem for defect in record.defects] == [True]


@pytest.mark.parametrize("page", ["https://a.example/R&amp;D/?x=1", "https://a.example/?x=a&amplitude=3"])
def test_an_ampersand_that_can_mean_something_else_stays(page: str) -> None:
    assert (redirect_url(page), compile_page(page).notes) == (page, ())


@pytest.mark.parametrize("macro", ["lid", "affiliateId", "campaignId", "OFFERID"])
def test_a_host_may_hold_a_macro_whose_values_make_a_host(macro: str) -> None:
    page = compile_page(f"https://T-{{{macro}}}.Shop.example:8443/")
    assert (page.parts[0], page.parts[2]) == ("https://t-", ".shop.example:8443/")


@pytest.mark.parametrize(
    "page",
    [
        *("https://{subid}.shop.example/", "https://{cid}/", "{subid}", "https://{country}.shop.example/"),
        *(
            "https://{affiliateId}.shop.example/",
            "https://shop.{offerId}/",
            "https://shop.example:{offerId}/",
        ),
        *(
            "https://{lid}{lid}.shop.example/",
            "https://ü-{lid}.example/",
            "{offerId}://shop.example",
            "//{cid}@a.b/",
        ),
    ],
)
def test_a_host_that_a_macro_could_make_another_one_is_a_defect(page: str) -> None:
    with pytest.raises(BadPage):
        compile_page(page)


def test_a_redirect_of_no_click_has_empty_macros() -> None:
    assert (
        redirect_url("shop.example/404?s={subid}&x=ä b#{cid}") == "http://shop.example/404?s=&x=%C3%A4%20b#"
    )
