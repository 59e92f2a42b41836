"""The records on which a click costs most: every rule is asked, the last one sends it away, and the offer
it is sent to sends it on, and on.
"""

import json
from collections.abc import Iterator
from typing import Any

# Above the ids of every other record.
FIRST = 50_000_000
FAMILIES = 50
CANDIDATES = 5
# A click passes so many aggregated offers before one takes it.
DEPTH = 5
_STEP = 100

_CAPS = {
    "sales": {},
    "clicks": {},
    "dateRangeSetUp": True,
    "dateStart": "2020-01-01T00:00:00Z",
    "dateEnd": "2090-01-01T00:00:00Z",
    "capsSalesUnderLimit": False,
    "capsClicksUnderLimit": False,
}

# (offer id, campaign id) of the links that lead into the chains.
CHAINS = [(FIRST + family * _STEP, FIRST + family) for family in range(FAMILIES)]


def chain_offers() -> Iterator[dict[str, Any]]:
    """The offers of every chain."""
    for family in range(FAMILIES):
        base = FIRST + family * _STEP
        yield _first(base)
        yield from _nested(base)
        for level in range(DEPTH):
            yield _aggregated(base, level)
        for at in range(CANDIDATES):
            yield _last(base, at)


def chain_campaigns() -> Iterator[dict[str, Any]]:
    """A campaign for every chain; every second one exits by its target rules, the others by a cap."""
    never = {"include": True, "filterGroups": [{"conditions": [{"dimension": "country", "value": "AQ"}]}]}
    always = {
        "include": False,
        "filterGroups": [
            {
                "conditions": [
                    {"dimension": "country", "value": "AQ"},
                    {"dimension": "deviceType", "value": "console"},
                    {"dimension": "isp", "value": "nobody"},
                ]
            }
        ],
    }
    for family, (offer_id, campaign_id) in enumerate(CHAINS):
        rules = {"redirectTo": offer_id + 10, "rules": [never, never, always]}
        yield {
            "campaignId": campaign_id,
            "name": f"Chain {family}",
            "offerId": offer_id,
            "affiliateId": 7,
            "affiliateStatus": "active",
            "affiliateType": "Network",
            "campaignStatus": "active",
            "capSetup": True,
            "capInfo": {**_CAPS, "capsClicksOverLimit": family % 2 == 1},
            "targetRules": [{"rules": json.dumps(rules)}],
        }


def _first(offer_id: int) -> dict[str, Any]:
    """Where the click comes in: it restricts others, has pages and payouts for others, and open caps."""
    nested = [_named(offer_id + step) for step in range(1, 5)]
    return {
        **_named(offer_id),
        "countriesRestrictions": "AQ,BV",
        "customLpRules": json.dumps(
            {"customLPRules": [{"id": 1, "pos": 0, "country": "AQ", "lpUrl": "https://x.example/"}]}
        ),
        "startEndDateSetup": True,
        "startEndDateSetting": {"startDate": "2020-01-01T00:00:00Z", "endDate": "2090-01-01T00:00:00Z"},
        "customPayOutPerGeo": json.dumps([{"geo": "AQ", "payIn": 1, "payOut": 1}]),
        "capSetup": True,
        "capInfo": _CAPS,
        "offerIdRedirectExitTraffic": offer_id + 1,
        "exitOffersNested": nested,
        "exitOfferDetected": nested[-1],
    }


def _nested(base: int) -> Iterator[dict[str, Any]]:
    """The exit chain; at its end the click goes among the aggregated offers too."""
    for step in range(1, 4):
        yield {**_named(base + step), "offerIdRedirectExitTraffic": base + step + 1}
    yield {**_aggregated(base, 0), "offerId": base + 4}


def _aggregated(base: int, level: int) -> dict[str, Any]:
    last = level == DEPTH - 1
    targets = [base + 50 + at for at in range(CANDIDATES)] if last else [base + 10 + level + 1]
    closed = [{"aggregatedOfferId": base + 70 + at, "capsOverLimitClicks": True} for at in range(CANDIDATES)]
    return {
        **_named(base + 10 + level),
        "type": "aggregated",
        "offersAggregatedIds": [*closed, *({"aggregatedOfferId": target} for target in targets)],
    }


def _last(base: int, at: int) -> dict[str, Any]:
    payouts = [{"geo": country, "payIn": 3, "payOut": 2} for country in ("US", "FR", "DE", "GB")]
    return {**_named(base + 50 + at), "customPayOutPerGeo": json.dumps(payouts)}


def _named(offer_id: int) -> dict[str, Any]:
    return {
        "offerId": offer_id,
        "name": f"Offer {offer_id}",
        "descriptions": "A description of some length, as people write them.",
        "status": "public",
        "type": "regular",
        "advertiserId": 3,
        "advertiserName": "Advertiser 3",
        "verticalId": 2,
        "verticalName": "sweepstakes",
        "conversionType": "cpa",
        "payin": "5.5",
        "payout": "3.25",
        "landingPageId": 1,
        "landingPageUrl": f"https://lp{offer_id}.example.com/land?aff={{affiliateId}}&click={{lid}}",
    }
