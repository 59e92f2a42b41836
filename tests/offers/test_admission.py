"""Which clicks are let in at all, and what staff are told of the others."""

from typing import Any

import pytest
from msgspec import structs

from offers.admission import SHOWN_CHARACTERS, Reason, Refusal, admit, refused_click
from offers.catalog.record_cache import CacheMiss
from offers.links.tokens import AdTarget
from offers.routing.decision import Defaults
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer, parse_campaign
from tests.offers.builders import DEFAULTS, decided, offer

INACTIVE = 2
DEFAULT_CAMPAIGN = 9


class Records:
    """Two offers, one of them inactive, and one campaign under two ids, or another one as the default."""

    def __init__(self, campaign: Campaign, default: Campaign | None = None) -> None:
        self._campaigns = {5: campaign, DEFAULT_CAMPAIGN: default or campaign}
        self._offers = {1: offer(1), INACTIVE: offer(INACTIVE, status="Inactive")}

    def offer(self, offer_id: int) -> Offer | None:
        return self._offers.get(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        return self._campaigns.get(campaign_id)


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
    target = AdTarget(offer_id, 5)
    assert refusal({"campaignStatus": status}, offer_id) == Refusal(
        Reason.BLOCKED_CAMPAIGN, detail, target, affiliate_id=7
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"campaignStatus": "blocked"}, Reason.BLOCKED_CAMPAIGN),
        ({}, Reason.BLOCKED_CAMPAIGN),
        ({"campaignStatus": "active", "affiliateStatus": "blacklisted"}, Reason.BLOCKED_AFFILIATE),
    ],
)
def test_who_is_blocked_is_not_let_in_as_the_default_campaign(raw: dict[str, Any], reason: Reason) -> None:
    default = parse_campaign({"campaignId": DEFAULT_CAMPAIGN, "offerId": 1, "campaignStatus": "active"})
    records = Records(parse_campaign({"campaignId": 5, "affiliateId": 7, **raw}), default)
    found = admit(AdTarget(INACTIVE, 5), records, Defaults(0, DEFAULT_CAMPAIGN, DEFAULTS.page))
    assert isinstance(found, Refusal)
    assert (found.reason, found.affiliate_id) == (reason, 7)


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
    assert found == Refusal(Reason.BLOCKED_AFFILIATE, "affiliate 7 is blacklisted", AdTarget(1, 5), 7)


@pytest.mark.parametrize(
    ("target", "reason", "affiliate_id"),
    [
        (AdTarget(3, 5), Reason.UNKNOWN_OFFER, 7),
        (AdTarget(3, 6), Reason.UNKNOWN_OFFER, None),
        (AdTarget(1, 6), Reason.UNKNOWN_CAMPAIGN, None),
        (AdTarget(INACTIVE, 5), Reason.INACTIVE_OFFER, 7),
    ],
)
def test_a_refusal_names_the_link_s_records_and_whose_they_are(
    target: AdTarget, reason: Reason, affiliate_id: int | None
) -> None:
    records = Records(parse_campaign({"campaignId": 5, "affiliateId": 7, "campaignStatus": "active"}))
    found = admit(target, records, Defaults(0, 0, DEFAULTS.page))
    assert isinstance(found, Refusal)
    assert (found.reason, found.target, found.affiliate_id) == (reason, target, affiliate_id)


def test_the_affiliate_of_an_unknown_offer_s_link_is_not_looked_up_for_it() -> None:
    """A refusal costs one look-up whatever is wrong: Redis is not asked once more for what staff may read."""

    class OnlyOffers(Records):
        """The offers are in memory, the campaign is not."""

        def campaign(self, campaign_id: int) -> Campaign | None:
            raise CacheMiss((RecipeKind.CAMPAIGNS, campaign_id))

    records = OnlyOffers(parse_campaign({"campaignId": 5}))
    found = admit(AdTarget(3, 5), records, DEFAULTS)
    assert isinstance(found, Refusal)
    assert (found.reason, found.affiliate_id) == (Reason.UNKNOWN_OFFER, None)


def test_what_staff_read_of_a_refused_click_is_cut() -> None:
    context = {"ad": "t" * 600, "referer": "r" * 600}
    request = structs.replace(decided().request, **context)
    refused = refused_click(Refusal(Reason.BAD_TOKEN, "d" * 600), request, "DE", 5)
    texts = (refused.token, refused.referer, refused.detail)
    assert [len(text) for text in texts] == [SHOWN_CHARACTERS] * 3
    assert (refused.at_ms, refused.reason, refused.country, refused.offer_id) == (5, "bad token", "DE", None)


@pytest.mark.parametrize("status", [1, 0, True, False, ["blacklisted"], {"s": 1}, [], '["blacklisted"]', "1"])
def test_an_affiliate_s_status_that_is_no_text_blocks_and_is_unreadable(status: object) -> None:
    raw = {"campaignId": 5, "campaignStatus": "active", "affiliateStatus": status}
    found = refusal(raw)
    assert found is not None
    assert (found.reason, "cannot be read" in found.detail) == (Reason.BLOCKED_AFFILIATE, True)
    assert parse_campaign(raw).unreadable == {"affiliateStatus"}
