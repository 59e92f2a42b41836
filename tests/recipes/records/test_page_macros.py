"""Macros and the ampersands of HTML in a landing page: what is read, and what is a defect."""

import json

import pytest

from recipes.records.landing_page import BadPage, compile_page, redirect_url
from tests.offers.builders import offer


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
