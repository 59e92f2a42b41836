"""Raw recipe records, spelled the way co-recipe writes them: numbers as text, 0/1, nulls, JSON in strings."""

import json
from collections.abc import Sequence
from typing import Any, Literal

DEFAULT_OFFER_ID = 100
DEFAULT_CAMPAIGN_ID = 5000

VERTICALS = ("outdoor", "beauty", "finance", "games", "home", "software", "travel", "food")
ADVERTISERS = (
    "Summit & Sons",
    "Bluebird Media",
    "Harbour Finance",
    "Pixel Orchard",
    "Casa Lumen",
    "Northwind Software",
    "Compass Travel",
    "Olive & Oak",
)

Caps = Literal["over", "under", "dates over"]


def offer(offer_id: int, name: str, pages_url: str, **changes: Any) -> dict[str, Any]:
    """Return an ordinary public offer; `changes` replace or add fields."""
    kind = offer_id % len(VERTICALS)
    return {
        "offerId": offer_id,
        "name": name,
        "advertiserId": 900 + kind,
        "advertiserName": ADVERTISERS[kind],
        "advertiserManagerId": 20 + offer_id % 3,
        "verticalId": 1 + kind,
        "verticalName": VERTICALS[kind],
        "currencyId": 1,
        "status": "public",
        # The database behind co-recipe hands decimals over as text once they have been edited.
        "payin": f"{4 + offer_id % 5}.50000000" if offer_id % 2 else 4 + offer_id % 5,
        "payout": f"{2 + offer_id % 5}.25000000" if offer_id % 2 else 2 + offer_id % 5,
        "isCpmOptionEnabled": 0,
        "payoutPercent": 0,
        "landingPageId": 7000 + offer_id,
        "landingPageUrl": f"{pages_url}/{slug(name)}",
        "sflOfferGeoId": 0,
        "geoRules": None,
        "geoOfferId": None,
        "conversionType": "cpa",
        "customLpRules": None,
        "capOfferId": None,
        "useStartEndDate": 0,
        "startDate": None,
        "endDate": None,
        "descriptions": f"{name}, for the demo network",
        "offerIdRedirectExitTraffic": None,
        "type": "regular",
        "customPayOutCount": 0,
        "capsEnabled": None,
        **changes,
    }


def campaign(campaign_id: int, name: str, offer_id: int, **changes: Any) -> dict[str, Any]:
    """Return an ordinary active campaign; `changes` replace or add fields."""
    affiliate = campaign_id % 23
    return {
        "campaignId": campaign_id,
        "name": name,
        "offerId": offer_id,
        "affiliateId": 2000 + affiliate,
        "affiliateStatus": "active",
        "affiliateType": ("Marketer", "Network")[affiliate % 2],
        "campaignStatus": "active",
        "payout": "0.00000000" if campaign_id % 4 == 0 else 0,
        "payoutPercent": 0,
        "affiliateManagerId": 5 + affiliate % 4,
        "capsEnabled": None,
        **changes,
    }


def slug(name: str) -> str:
    """Return the name as part of a URL path."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def geo_restriction(*countries: str) -> dict[str, Any]:
    """Return the fields of an offer that may not be shown in these countries."""
    rules = {"geo": [{"country": country, "include": True} for country in countries]}
    return {"geoRules": json.dumps(rules), "countriesRestrictions": ",".join(countries)}


def dates(start: str, end: str, *, passed: bool) -> dict[str, Any]:
    """Return the fields of an offer with a start and an end date (YYYY-MM-DD)."""
    start_date, end_date = f"{start}T00:00:00.000Z", f"{end}T00:00:00.000Z"
    setting = {"startDate": start_date, "endDate": end_date, "dateRangePass": passed}
    return {
        "useStartEndDate": 1,
        "startDate": start_date,
        "endDate": end_date,
        "startEndDateSetup": True,
        "startEndDateSetting": setting,
    }


def custom_pages(pages: dict[str, str]) -> dict[str, Any]:
    """Return the fields of an offer with a landing page of its own per country."""
    rows = [
        {"id": 900 + pos, "pos": pos, "country": country, "lpName": f"{country} page", "lpUrl": url}
        for pos, (country, url) in enumerate(pages.items())
    ]
    return {"customLpRules": json.dumps({"customLPRules": rows})}


def country_payouts(offer_id: int, amounts: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Return the fields of an offer with a (payin, payout) of its own per country."""
    rows = [
        {
            "offerId": offer_id,
            "geo": country,
            "payIn": f"{payin:.8f}",
            "payOut": payout,
            "paymentType": "fixed",
            "payoutPercent": 0,
        }
        for country, (payin, payout) in amounts.items()
    ]
    return {"customPayOutCount": len(rows), "customPayOutPerGeo": json.dumps(rows)}


def caps(state: Caps, **changes: Any) -> dict[str, Any]:
    """Return the fields of an offer or campaign with a daily cap of ten clicks; `changes` go to `capInfo`."""
    over, under, expired = state == "over", state == "under", state == "dates over"
    unlimited = {"current": 0, "limit": 0}
    current = 3 if under else 10
    info: dict[str, Any] = {
        "sales": {"day": {"current": 0, "limit": None}, "week": unlimited, "month": unlimited},
        "clicks": {"day": {"current": current, "limit": 10}, "week": unlimited, "month": unlimited},
        "dateRangeSetUp": True if expired else None,
        "dateStart": "2021-01-01T00:00:00.000Z" if expired else None,
        "dateEnd": "2022-01-01T00:00:00.000Z" if expired else None,
        "currentDate": None,
        "dateRangePass": False if expired else None,
        "dateRangeNotPassDescriptions": None,
        "capsType": None,
        "capsSalesUnderLimit": False,
        "capsSalesUnderLimitDetails": "",
        "capsSalesOverLimit": False,
        "capsSalesOverLimitDetails": "",
        "capsClicksUnderLimit": under,
        "capsClicksUnderLimitDetails": "day" if under else "",
        "capsClicksOverLimit": over or expired,
        "capsClicksOverLimitDetails": "" if under else "day",
        **changes,
    }
    return {"capsEnabled": 1, "capSetup": True, "capInfo": info}


def aggregated(*candidates: dict[str, Any] | int) -> dict[str, Any]:
    """Return the fields of an aggregated offer; a candidate is an offer id, or a row with its limits."""
    rows = [
        {"aggregatedOfferId": candidate, "margin": 2} if isinstance(candidate, int) else candidate
        for candidate in candidates
    ]
    return {"type": "aggregated", "landingPageId": None, "landingPageUrl": None, "offersAggregatedIds": rows}


def target_rules(
    redirect_to: int, *conditions: Sequence[tuple[str, str]], include: bool = True
) -> dict[str, Any]:
    """Return the field of a campaign with one rule; each sequence of (dimension, value) is a filter group."""
    groups = [
        {"conditions": [{"dimension": dimension, "value": value} for dimension, value in group]}
        for group in conditions
    ]
    rules = {"redirectTo": redirect_to, "rules": [{"filterGroups": groups, "include": include}]}
    return {"targetRules": [{"rules": json.dumps(rules)}]}


def exit_chain(detected: dict[str, Any] | None, *nested: dict[str, Any]) -> dict[str, Any]:
    """Return the fields co-recipe adds to an offer over its cap: the exit chain, its first open offer."""
    return {
        "exitOffersNested": [dict(one) for one in nested],
        "exitOfferDetected": dict(detected) if detected else [],
    }
