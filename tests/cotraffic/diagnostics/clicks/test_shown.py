"""How values of a click's record are shown, also those that are not as ours."""

from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from cotraffic.diagnostics.clicks.compare import Field
from cotraffic.diagnostics.clicks.shown import shown_as


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("offerId", 101, "offers"),
        ("originOfferId", "101", "offers"),
        ("campaignId", 10**18 - 1, "campaigns"),
        ("dateAdded", 1_764_000_000_000, "milliseconds"),
        ("ttl", 1_764_000_000, "seconds"),
        ("redirectType", "defaultRedirection", "redirect type"),
        ("automatedReason", "robot", "automated"),
        ("isUniqueVisit", True, "flag"),
        ("country", "DE", "plain"),
    ],
)
def test_a_value_as_ours_is_shown_for_what_it_is(name: str, value: object, shown: str) -> None:
    assert shown_as(value, name) == shown


ODD = [
    ("originOfferId", ""),
    ("originOfferId", "none"),
    ("offerId", "٣"),
    ("offerId", True),
    ("offerId", Decimal("1.5")),
    ("campaignId", -1),
    ("campaignId", 10**18),
    ("dateAdded", "1764000000000"),
    ("dateAdded", 99_999_999_999_999_999),
    ("dateAdded", -1),
    ("ttl", "x"),
    ("ttl", Decimal("1.5")),
    ("ttl", 10**30),
    ("redirectType", ["a"]),
    ("automatedReason", 1),
]


@pytest.mark.parametrize(("name", "value"), ODD)
def test_a_value_that_is_not_as_ours_is_shown_as_it_is(name: str, value: object) -> None:
    field = Field(name, value, None, is_compared=False, differs=False)
    context = {"field": field, "value": value, "reason": ["no text"]}
    shown = render_to_string("diagnostics/click/value.html", context)
    assert "<a " not in shown
    assert "<time" not in shown


def test_a_redirect_type_is_shown_whatever_its_reason_is() -> None:
    code = "offerAggregatedExitTrafficToAggregatedOffer"
    field = Field("redirectType", code, None, is_compared=False, differs=False)
    context = {"field": field, "value": code, "reason": ["no text"]}
    assert code in render_to_string("diagnostics/click/value.html", context)
