"""The bulk of the demo network: ordinary offers and campaigns, so that lists and loads have some length."""

from typing import Any

from devstack.demo.records import campaign, country_payouts, geo_restriction, offer
from devstack.demo.showcase import DEALS

STYLES = (
    "Little",
    "Golden",
    "Urban",
    "Island",
    "Velvet",
    "Rapid",
    "Quiet",
    "Royal",
    "Maple",
    "Silver",
    "Happy",
    "Fresh",
)
GOODS = (
    "Tent Shop",
    "Skin Care",
    "Savings Account",
    "Puzzle Game",
    "Lamp Studio",
    "Photo Editor",
    "City Breaks",
    "Tea House",
    "Trail Shoes",
    "Perfume Club",
    "Credit Card",
    "Racing Game",
    "Kitchen Tools",
    "Password Safe",
)
CHANNELS = ("Blog", "Newsletter", "Channel", "Podcast", "Forum", "Magazine", "App", "Search Ads", "Coupons")
STATUSES = ("public", "public", "public", "private", "apply_to_run", "public", "draft", "public")
RESTRICTIONS = (("CN", "RU"), ("JP",), ("BR", "IN", "SG"))

FIRST_OFFER_ID = 1001
FIRST_CAMPAIGN_ID = 6001
CAMPAIGN_COUNT = 273


def catalogue_offers(pages_url: str) -> list[dict[str, Any]]:
    """Return one offer for each style of each good: "Little Tent Shop" and so on."""
    return [_offer(number, pages_url) for number in range(len(STYLES) * len(GOODS))]


def catalogue_campaigns() -> list[dict[str, Any]]:
    """Return campaigns that between them use every offer of the catalogue."""
    return [_campaign(number) for number in range(CAMPAIGN_COUNT)]


def _name(number: int) -> str:
    style, good = divmod(number % (len(STYLES) * len(GOODS)), len(GOODS))
    return f"{STYLES[style]} {GOODS[good]}"


def _offer(number: int, pages_url: str) -> dict[str, Any]:
    offer_id = FIRST_OFFER_ID + number
    changes: dict[str, Any] = {
        "status": STATUSES[number % len(STATUSES)],
        "offerIdRedirectExitTraffic": str(DEALS) if number % 10 == 0 else DEALS,
    }
    if number % 7 == 0:
        changes |= geo_restriction(*RESTRICTIONS[number % len(RESTRICTIONS)])
    if number % 5 == 0:
        changes |= country_payouts(offer_id, {"US": (9.5, 7), "GB": (8, 6)})
    return offer(offer_id, _name(number), pages_url, **changes)


def _campaign(number: int) -> dict[str, Any]:
    offer_number = number % (len(STYLES) * len(GOODS))
    name = f"{_name(number)} {CHANNELS[number % len(CHANNELS)]}"
    changes: dict[str, Any] = {"campaignStatus": "rejected"} if number % 40 == 39 else {}
    return campaign(FIRST_CAMPAIGN_ID + number, name, FIRST_OFFER_ID + offer_number, **changes)
