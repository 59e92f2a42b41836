"""Raw records as real files have them: what is understood, what is a defect, what is rejected."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.records.records import OfferStatus, OfferType, RecordRejected, parse_campaign, parse_offer
from tests.offers.builders import campaign, offer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
OFFER_FIELDS = [
    *("payin", "payout", "landingPageUrl", "countriesRestrictions", "customLpRules", "startEndDateSetup"),
    *("startEndDateSetting", "customPayOutPerGeo", "capSetup", "capInfo", "exitOffersNested"),
    *("exitOfferDetected", "offersAggregatedIds", "name", "isCpmOptionEnabled", "offerIdRedirectExitTraffic"),
]
CAMPAIGN_FIELDS = ["payout", "affiliateId", "campaignStatus", "capSetup", "capInfo", "targetRules"]


def defects(record: Any) -> list[tuple[str, str]]:
    return [(defect.field, defect.value) for defect in record.defects]


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("5.50000000", "5.5"),
        (5.5, "5.5"),
        (5, "5"),
        ("100", "100"),
        (0.1, "0.1"),
        (None, "0"),
        ("", "0"),
        ("-0.00", "0"),
        ("1e-999999999", "0"),
        ("0.12345678901234567", "0.123456789012"),
    ],
)
def test_amounts_are_exact_decimals(value: object, amount: str) -> None:
    assert offer(payin=value).payin == Decimal(amount)
    assert str(offer(payin=value).payin) == amount


@pytest.mark.parametrize(
    "value",
    [
        "abc",
        "1e400",
        "1e999999999",
        "NaN",
        "Infinity",
        [5],
        {"a": 1},
        True,
        "5,50",
        10**15,
        -1,
        "-1",
        -0.5,
        10**40,
    ],
)
def test_an_amount_that_cannot_be_read_is_a_defect(value: object) -> None:
    record = offer(payin=value)
    assert (str(record.payin), [field for field, _ in defects(record)]) == ("0", ["payin"])


@pytest.mark.parametrize(
    ("value", "flag"), [(1, True), ("1", True), ("true", True), (True, True), ("0", False)]
)
def test_booleans_come_in_many_spellings(value: object, flag: bool) -> None:
    assert offer(isCpmOptionEnabled=value).is_cpm_option_enabled is flag


@pytest.mark.parametrize("value", [0, "0", "false", "FALSE", "", None, False])
def test_0_and_false_are_false(value: object) -> None:
    record = offer(isCpmOptionEnabled=value)
    assert (record.is_cpm_option_enabled, record.defects) == (False, ())


@pytest.mark.parametrize("value", [7, "7", " 7 ", 7.0])
def test_ids_may_be_text(value: object) -> None:
    assert offer(offerIdRedirectExitTraffic=value).exit_offer_id == 7


@pytest.mark.parametrize("value", [0, "0", None, ""])
def test_no_id_is_no_defect(value: object) -> None:
    record = offer(offerIdRedirectExitTraffic=value, landingPageId=value)
    assert (record.exit_offer_id, record.landing_page_id, record.defects) == (0, None, ())


@pytest.mark.parametrize("value", ["x", -3, 1.5, [1]])
def test_an_id_that_cannot_be_read_is_a_defect(value: object) -> None:
    assert [field for field, _ in defects(offer(landingPageId=value))] == ["landingPageId"]


@pytest.mark.parametrize("raw", [{}, {"offerId": 0}, {"offerId": "x"}, {"offerId": None}, {"offerId": True}])
def test_a_record_without_a_usable_id_is_rejected(raw: dict[str, Any]) -> None:
    with pytest.raises(RecordRejected, match="no usable offerId"):
        parse_offer({"status": "public", "type": "regular", **raw})


@pytest.mark.parametrize(
    "value", ["deleted", "re gular", None, 1, True, ["public"], {"name": "public"}, '["public"]', ""]
)
def test_an_unusable_status_or_type_is_rejected_by_reason(value: object) -> None:
    with pytest.raises(RecordRejected) as status:
        offer(status=value)
    with pytest.raises(RecordRejected) as kind:
        offer(type=value)
    assert (status.value.reason, kind.value.reason) == ("no usable status", "no usable type")


@pytest.mark.parametrize("status", OfferStatus)
def test_every_known_status_is_accepted(status: OfferStatus) -> None:
    assert offer(status=status.value).status is status


@pytest.mark.parametrize("value", ["Public", "PUBLIC ", "\u00a0public\u200b", '"public"'])
def test_a_status_and_a_type_are_read_in_any_case(value: str) -> None:
    the_offer = offer(status=value, type=value.lower().replace("public", "Regular"))
    assert (the_offer.status, the_offer.type) == (OfferStatus.PUBLIC, OfferType.REGULAR)


@pytest.mark.parametrize("status", [None, "deleted", "BLOCKED", 3, ["active"]])
def test_a_campaign_is_kept_whatever_its_status(status: object) -> None:
    assert campaign(campaignStatus=status).campaign_id == 1


def test_the_report_names_record_field_and_value() -> None:
    defect = offer(12, customPayOutPerGeo="{broken").defects[0]
    assert (defect.record_id, defect.field, defect.value) == (12, "customPayOutPerGeo", "{broken")
    assert defect.problem == "is not JSON"


def test_a_position_of_any_size_is_read() -> None:
    rows = [
        {"pos": 10**400, "country": "US", "lpUrl": "b.example"},
        {"pos": 1, "country": "US", "lpUrl": "a.example"},
    ]
    assert offer(customLpRules={"customLPRules": rows}).custom_pages["US"].page.text == "a.example"


def test_a_long_value_is_shown_in_part() -> None:
    assert len(offer(payin="x" * 10_000).defects[0].value) < 200


@pytest.mark.parametrize(
    "raw",
    [
        {"countriesRestrictions": 5},
        {"customLpRules": "[1]"},
        {"customLpRules": {"customLPRules": 5}},
        {"startEndDateSetup": 1, "startEndDateSetting": "soon"},
        {"customPayOutPerGeo": [1]},
        {"customPayOutPerGeo": [{"geo": 5}]},
        {"capSetup": 1, "capInfo": [1]},
        {"capSetup": 1, "capInfo": {"capsClicksOverLimit": "perhaps"}},
        {"type": "aggregated", "offersAggregatedIds": "5"},
        {"landingPageUrl": "ftp://a.example/"},
        {"exitOfferDetected": "5"},
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_read_is_off_and_a_defect(raw: dict[str, Any]) -> None:
    assert len(offer(**raw).defects) == 1


@given(st.dictionaries(st.sampled_from(OFFER_FIELDS), JSON))
def test_whatever_its_fields_hold_an_offer_is_kept(raw: dict[str, Any]) -> None:
    assert parse_offer({"offerId": 1, "status": "public", "type": "regular", **raw}).offer_id == 1


@given(st.dictionaries(st.sampled_from(CAMPAIGN_FIELDS), JSON))
def test_whatever_its_fields_hold_a_campaign_is_kept(raw: dict[str, Any]) -> None:
    assert parse_campaign({"campaignId": 1, **raw}).campaign_id == 1


@given(
    st.dictionaries(st.text(max_size=12) | st.sampled_from(["offerId", "campaignId", "status", "type"]), JSON)
)
def test_no_record_raises_anything_but_a_rejection(raw: dict[str, Any]) -> None:
    for parse in (parse_offer, parse_campaign):
        with suppress(RecordRejected):
            parse(raw)
