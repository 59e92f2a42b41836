"""Random recipes and clicks: few ids, so that records meet, and every spelling of a value."""

import json
from random import Random
from typing import Any

from tests.differential.fields import Raw
from tests.differential.parts import Click
from tests.differential.plain import Recipe

# In 2018, 2027 and 2100: before, inside and after the dates that records have.
LONG_AGO_MS, NOW_MS, FAR_AHEAD_MS = 1_530_000_000_000, 1_800_000_000_000, 4_110_000_000_000
OFFER_IDS = tuple(range(1, 10))
CAMPAIGN_IDS = (1, 2, 3)
PAST, SOON, LATE = "2020-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z", "2099-12-31"
YES: tuple[Any, ...] = (True, 1, "1", "true")
NO: tuple[Any, ...] = (False, 0, "0", "false", None)
LISTS: tuple[Any, ...] = ("US", "cn, ru", "US;DE", "GB|us", ["US", "de"], "FR", "uk US", "XX1,US")
UNREADABLE_LISTS: tuple[Any, ...] = ("United States", 5, {"US": 1}, "USA", ["USA"])


def random_recipe(random: Random) -> Recipe:
    """A small network in which every rule has something to decide."""
    return Recipe(
        {found: _offer(random, found) for found in OFFER_IDS if random.random() < 0.95},
        {found: _campaign(random, found) for found in CAMPAIGN_IDS},
        random.choice((0, *OFFER_IDS)),
        random.choice((0, *CAMPAIGN_IDS)),
    )


def random_click(random: Random) -> Click:
    """A click on one of its links."""
    visitor = {
        "country": random.choice(("US", "US", "DE", "CN", "GB", None)),
        "deviceType": random.choice(("desktop", "smartphone", "tv", None)),
        "os": random.choice(("Windows", "iOS", None)),
        "cid": random.choice(("vip", "7", None)),
    }
    now_ms = random.choice((NOW_MS, NOW_MS, NOW_MS, LONG_AGO_MS, FAR_AHEAD_MS))
    return Click(random.choice(OFFER_IDS), random.choice((*CAMPAIGN_IDS * 8, 9)), visitor, now_ms)


def random_change(random: Random, recipe: Recipe) -> None:
    """Save, create or delete one record."""
    found = random.choice(OFFER_IDS)
    if random.random() < 0.2:
        recipe.offers.pop(found, None)
    else:
        recipe.offers[found] = _offer(random, found)
    if random.random() < 0.3:
        found = random.choice(CAMPAIGN_IDS)
        recipe.campaigns[found] = _campaign(random, found)


def _offer(random: Random, offer_id: int) -> Raw:
    raw: Raw = {
        "offerId": offer_id,
        "status": random.choice(("public",) * 12 + ("private", "draft", "inactive", "pending")),
        "type": random.choice(("regular", "regular", "regular", "aggregated")),
        "payin": random.choice((4, "5.50000000", 0, None)),
        "payout": random.choice((2, "2.25", 0)),
        "landingPageUrl": random.choice((f"https://{offer_id}.example/",) * 6 + (None, "", "javascript:x")),
        "offerIdRedirectExitTraffic": random.choice((*OFFER_IDS, *map(str, OFFER_IDS), 0, None, 77)),
    }
    if random.random() < 0.25:
        raw["countriesRestrictions"] = random.choice((*LISTS, None, "", *UNREADABLE_LISTS))
    if random.random() < 0.25:
        raw |= _dates(random)
    if random.random() < 0.15:
        raw["customLpRules"] = _text(random, {"customLPRules": _page_rows(random, offer_id)})
    if random.random() < 0.2:
        raw["customPayOutPerGeo"] = _text(random, _payout_rows(random))
    if random.random() < 0.5:
        raw |= _caps(random, "offerCapsOfferIdRedirect")
        raw["redirectType"] = random.choice((None, "capsOffersClicksOverLimit"))
    if random.random() < 0.3:
        chain = random.sample(OFFER_IDS, 3)
        raw["exitOffersNested"] = [{"offerId": one} for one in chain]
        raw["exitOfferDetected"] = random.choice(([], {"offerId": random.choice(chain)}, {"offerId": 5}))
    if raw["type"] == "aggregated":
        rows = [_candidate(random) for _ in range(random.randint(0, 4))]
        raw["offersAggregatedIds"] = random.choice((rows, rows, rows, json.dumps(rows), "junk", None))
    return raw


def _campaign(random: Random, campaign_id: int) -> Raw:
    raw: Raw = {
        "campaignId": campaign_id,
        "offerId": random.choice(OFFER_IDS),
        "affiliateId": 7,
        "affiliateStatus": random.choice(("active",) * 20 + (None, None, "BlackListed ", 5)),
        "campaignStatus": random.choice(("active",) * 20 + ("Active ", "paused", None, "pending")),
        "payout": random.choice((0, "0.00", 3, "3.75", None)),
    }
    if random.random() < 0.4:
        raw |= _caps(random, "campaignCapsOfferIdRedirect")
    if random.random() < 0.4:
        raw["targetRules"] = [{"rules": _text(random, _rule_set(random))} for _ in range(2)]
    return raw


def _dates(random: Random) -> Raw:
    setting: Any = {
        "startDate": random.choice((PAST, PAST, SOON, "2020-01-01", None)),
        "endDate": random.choice((PAST, SOON, LATE, "some day", None)),
        "dateRangePass": random.choice((*YES, *NO)),
    }
    return {
        "startEndDateSetup": random.choice((True, 1, "1", False)),
        "startEndDateSetting": random.choice((setting, setting, json.dumps(setting), "junk", 7)),
    }


def _caps(random: Random, redirect_field: str) -> Raw:
    info: Any = {
        f"caps{counted}{standing}Limit": random.choice((*YES, *NO[:-1], *NO[:-1]))
        for counted in ("Sales", "Clicks")
        for standing in ("Over", "Under")
    }
    info |= {
        "dateRangeSetUp": random.choice((False, "0", None, True, 1)),
        "dateStart": PAST,
        "dateEnd": random.choice((PAST, SOON)),
        "dateRangePass": random.choice((True, False)),
        redirect_field: random.choice((0, None, *OFFER_IDS)),
    }
    return {
        "capSetup": random.choice((True, "1", 1, 1, False)),
        "capInfo": random.choice((info, info, info, json.dumps(info), "junk", [1])),
    }


def _page_rows(random: Random, offer_id: int) -> list[Raw]:
    return [
        {
            "pos": random.choice((0, 1, "2", "NaN", None)),
            "country": random.choice(("US", "de", "UK", "US,DE")),
            "lpUrl": random.choice((f"https://{offer_id}.example/{number}", "")),
        }
        for number in range(3)
    ]


def _payout_rows(random: Random) -> list[Raw]:
    return [
        {
            "geo": random.choice(("US", "de", "UK")),
            "payIn": random.choice((9, "8.50", None)),
            "payOut": random.choice((6, None)),
        }
        for _ in range(2)
    ]


def _candidate(random: Random) -> Raw:
    row: Raw = {"aggregatedOfferId": random.choice((*OFFER_IDS, "3", 77)), "margin": 2}
    if random.random() < 0.2:
        row["capsOverLimitClicks"] = random.choice((*YES, *NO))
    if random.random() < 0.2:
        row["countriesRestrictions"] = random.choice((*LISTS, "", "USA"))
    if random.random() < 0.3:
        row["dateRangeNotPass"] = random.choice((*YES, *NO))
    return row


def _rule_set(random: Random) -> Raw:
    def condition() -> Raw:
        name, values = random.choice(
            (
                ("country", ("us", "DE")),
                ("geo", ("CN", "US")),
                ("deviceType", ("desktop", "tv")),
                ("os", ("windows", "iOS")),
                ("cid", ("vip", 7)),
                ("offerId", (1, "2")),
                ("affiliateId", (7, 8)),
            )
        )
        return {"dimension": name, "value": random.choice(values)}

    rules = [
        {
            "include": random.choice((True, False)),
            "filterGroups": [{"conditions": [condition() for _ in range(random.randint(1, 3))]}],
        }
        for _ in range(2)
    ]
    return {"redirectTo": random.choice((*OFFER_IDS, 0, 77)), "rules": rules}


def _text(random: Random, value: Any) -> Any:
    return json.dumps(value) if random.random() < 0.7 else value
