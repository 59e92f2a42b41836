"""Pages and payouts per country, exit chains: read in every form that can only mean one thing."""

import json
from decimal import Decimal

import pytest

from recipes.records.records import Offer
from tests.offers.builders import offer


def paged(*rows: dict[str, object]) -> Offer:
    pages = [{"lpUrl": f"https://page{number}.example/", **row} for number, row in enumerate(rows)]
    return offer(customLpRules=json.dumps({"customLPRules": pages}))


@pytest.mark.parametrize("country", ["US,CA", "us;ca", ["US", "CA"], '["US","CA"]', "US|CA|Canada"])
def test_a_page_may_be_for_several_countries(country: object) -> None:
    pages = paged({"country": country}).custom_pages
    assert {code: page.page.text for code, page in pages.items()} == {
        "US": "https://page0.example/",
        "CA": "https://page0.example/",
    }


@pytest.mark.parametrize("country", ["UK", "gb", "\u00a0Uk "])
def test_uk_is_britain_for_pages_and_payouts(country: str) -> None:
    payouts = offer(customPayOutPerGeo=[{"geo": country, "payIn": 7, "payOut": 3}]).country_payouts
    assert (set(paged({"country": country}).custom_pages), set(payouts)) == ({"GB"}, {"GB"})


@pytest.mark.parametrize("country", ["United States", "USA", 840, None, "", {}, [840]])
def test_a_row_for_no_country_is_a_defect(country: object) -> None:
    pages = paged({"country": country})
    payouts = offer(customPayOutPerGeo=[{"geo": country, "payIn": 7}])
    assert (pages.custom_pages, {defect.field for defect in pages.defects}) == ({}, {"customLpRules.country"})
    assert {defect.field for defect in payouts.defects} == {"customPayOutPerGeo.geo"}
    assert payouts.unreadable == frozenset()


def test_a_payout_may_be_for_several_countries() -> None:
    rows = [{"geo": "US,CA", "payIn": "7", "payOut": "3"}, {"geo": ["CA", "DE"], "payIn": 1}]
    payouts = offer(customPayOutPerGeo=rows).country_payouts
    assert {code: payout.payin for code, payout in payouts.items()} == {
        "US": Decimal(7),
        "CA": Decimal(7),
        "DE": Decimal(1),
    }


@pytest.mark.parametrize("position", ["NaN", "Infinity", "-Infinity", float("inf"), True, "first", [0], {}])
def test_a_position_that_is_no_finite_number_comes_last_and_is_a_defect(position: object) -> None:
    raw = [
        {"pos": position, "country": "US", "lpUrl": "a.example"},
        {"pos": "1", "country": "US", "lpUrl": "b.example"},
    ]
    found = offer(customLpRules={"customLPRules": raw})
    assert found.custom_pages["US"].page.text == "b.example"
    assert [defect.field for defect in found.defects] == ["customLpRules.pos"]


def test_positions_may_be_text_or_fractions_and_missing_ones_come_last() -> None:
    rows: list[dict[str, object]] = [
        {"country": "US"},
        {"pos": "10", "country": "US"},
        {"pos": 9.5, "country": "US"},
    ]
    assert paged(*rows).custom_pages["US"].page.text == "https://page2.example/"


@pytest.mark.parametrize("amount", [-1, "-0.5", "NaN", "Infinity", [1], True])
def test_an_amount_of_a_row_that_cannot_be_read_leaves_the_old_one(amount: object) -> None:
    found = offer(customPayOutPerGeo=[{"geo": "US", "payIn": amount, "payOut": 3}])
    assert found.country_payouts["US"].payin is None
    assert [defect.field for defect in found.defects] == ["customPayOutPerGeo.payIn"]


@pytest.mark.parametrize("is_text", [True, False])
def test_exit_chains_may_be_json_text(is_text: bool) -> None:
    nested, detected = [{"offerId": 2}, {"offerId": "3"}], {"offerId": 3}
    raw = {"exitOffersNested": nested, "exitOfferDetected": detected}
    found = offer(**{name: json.dumps(value) if is_text else value for name, value in raw.items()})
    assert (found.nested_exit_ids, found.detected_exit_id, found.defects) == ((2, 3), 3, ())


@pytest.mark.parametrize("detected", [None, [], "[]", "", 0])
def test_no_detected_exit_is_no_defect(detected: object) -> None:
    found = offer(exitOfferDetected=detected)
    assert (found.detected_exit_id, found.defects) == (0, ())
