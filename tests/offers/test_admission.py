"""Which clicks are let in at all, and what staff are told of the others."""

from typing import Any

import pytest

from offers.admission import Reason, Refusal, admit
from offers.links.tokens import AdTarget
from offers.routing.decision import Defaults
from recipes.records.records import Campaign, Offer, parse_campaign
from tests.offers.builders import DEFAULTS, offer

INACTIVE = 2
DEFAULT_CAMPAIGN = 9


class Records:
    """Two offers, one of them inactive, and one campaign under two ids."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._offers = {1: offer(1), INACTIVE: offer(INACTIVE, status="Inactive")}

    def offer(self, offer_id: int) -> Offer | None:
        return self._offers.get(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        return self._campaign if campaign_id in (5, DEFAULT_CAMPAIGN) else None


def refusal(raw: dict[str, Any], offer_id: int = 1) -> Refusal | None:
    records = Records(parse_campaign({"campaignId": 5, "affiliateId": 7, "offerId": 1, **raw}))
    defaults = Defaults(0, DEFAULT_CAMPAIGN, DEFAULTS.page)
    admitted = admit(AdTarget(offer_id, 5), records, defaults)
    return admitted if isinstance(admitted, Refusal) else None


@pytest.mark.parametrize("status", ["active", "Active", "ACTIVE ", "\u00a0active\u200b", '"active"'])
@pytest.mark.parametrize("affiliate", [None, "", "active", "suspended", "Rejected", "null"])
def test_an_active_campaign_is_let_in(status: str, affiliate: str | None) -> None:
    assert refusal({"campaignStatus": status, "affiliateStatus": affiliate}) is None


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        ("Blocked", "campaign 5 is blocked"),
        ("blocked ", "campaign 5 is blocked"),
        ("pending", "campaign 5 is pending"),
        ("INACTIVE", "campaign 5 is inactive"),
        ("rejected", "campaign 5 is rejected"),
        ("paused", "campaign 5 has the unknown status 'paused'"),
        ("Deleted", "campaign 5 has the unknown status 'deleted'"),
        (None, "campaign 5 has no status that can be read"),
        (3, "campaign 5 has no status that can be read"),
        (["active"], "campaign 5 has no status that can be read"),
        ({"name": "active"}, "campaign 5 has no status that can be read"),
        (True, "campaign 5 has no status that can be read"),
        ('["active"]', "campaign 5 has no status that can be read"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("offer_id", [1, INACTIVE])
def test_any_other_status_blocks_the_link_s_campaign_and_the_default_one(
    status: object, detail: str, offer_id: int
) -> None:
    assert refusal({"campaignStatus": status}, offer_id) == Refusal(Reason.BLOCKED_CAMPAIGN, detail)


def test_a_missing_status_blocks() -> None:
    assert refusal({}) is not None


@pytest.mark.parametrize("status", ["deleted", "paused", None, 3, {}, ["active"]])
def test_an_unknown_status_is_a_defect(status: object) -> None:
    campaign = parse_campaign({"campaignId": 5, "campaignStatus": status})
    assert [defect.field for defect in campaign.defects] == ["campaignStatus"]
    assert campaign.unreadable == set()


@pytest.mark.parametrize("status", ["blacklisted", "Blacklisted", " BLACKLISTED\u200b", '"blacklisted"'])
def test_a_blacklisted_affiliate_is_blocked_in_any_case(status: str) -> None:
    found = refusal({"campaignStatus": "active", "affiliateStatus": status})
    assert found == Refusal(Reason.BLOCKED_AFFILIATE, "affiliate 7 is blacklisted")


@pytest.mark.parametrize("status", [1, 0, True, False, ["blacklisted"], {"s": 1}, [], '["blacklisted"]', "1"])
def test_an_affiliate_s_status_that_is_no_text_blocks_and_is_unreadable(status: object) -> None:
    raw = {"campaignId": 5, "campaignStatus": "active", "affiliateStatus": status}
    found = refusal(raw)
    assert found is not None
    assert (found.reason, "cannot be read" in found.detail) == (Reason.BLOCKED_AFFILIATE, True)
    assert parse_campaign(raw).unreadable == {"affiliateStatus"}
