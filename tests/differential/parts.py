"""What one raw record says, in the plain reading: dates, caps, pages, payouts, target rules."""

from decimal import Decimal
from typing import Any, NamedTuple

from tests.differential.fields import (
    Raw,
    Unreadable,
    amount,
    countries,
    flag,
    id_in,
    inside,
    object_of,
    page,
    position,
    structure,
)


class Click(NamedTuple):
    """The ids of a link, the visitor's value of each dimension (None: unknown), and when."""

    offer_id: int
    campaign_id: int
    visitor: dict[str, str | None]
    now_ms: int


def is_blocked(campaign: Raw) -> bool:
    """Whether none of a campaign's clicks is let in."""
    affiliate = campaign.get("affiliateStatus")
    if affiliate is not None and not isinstance(affiliate, str):
        return True
    if affiliate and affiliate.strip().lower() == "blacklisted":
        return True
    return str(campaign.get("campaignStatus")).strip().lower() != "active"


def takes_exits(offer: Raw | None) -> bool:
    """Whether an exit can end at an offer, or be handed on by it."""
    if offer is None or offer["status"] == "inactive":
        return False
    return offer["type"] == "aggregated" or page(offer.get("landingPageUrl")) is not None


def candidate_rows(offer: Raw) -> list[Raw]:
    """The rows of an aggregated offer. Raises `Unreadable`."""
    rows = structure(offer.get("offersAggregatedIds")) or []
    if not isinstance(rows, list):
        raise Unreadable(rows)
    return rows


def dates_failed(offer: Raw, now_ms: int) -> bool:
    """Whether the dates that are set up say no. Raises `Unreadable`."""
    if not flag(offer.get("startEndDateSetup")):
        return False
    return inside(object_of(offer.get("startEndDateSetting")), "startDate", "endDate", now_ms) is False


def caps_standing(record: Raw, now_ms: int) -> str:
    """How caps that are set up stand now: "over" (also where they cannot be read), "under" or ""."""
    if not flag(record.get("capSetup")):
        return ""
    try:
        info = object_of(record.get("capInfo"))
        if flag(info.get("dateRangeSetUp")) and inside(info, "dateStart", "dateEnd", now_ms) is False:
            return ""
    except Unreadable:
        return "over"
    for standing in ("Over", "Under"):
        if any(flag(info.get(f"caps{counted}{standing}Limit")) for counted in ("Sales", "Clicks")):
            return standing.lower()
    return ""


def caps_target(offer: Raw) -> int:
    """The offer that an offer's caps name; 0 for none."""
    try:
        return id_in(object_of(offer.get("capInfo")).get("offerCapsOfferIdRedirect"))
    except Unreadable:
        return 0


def custom_page(offer: Raw, country: str | None) -> str | None:
    """The page of the visitor's country with the lowest `pos`."""
    rows = (structure(offer.get("customLpRules")) or {}).get("customLPRules") or []
    for row in sorted(rows, key=position):
        if country in countries(row["country"]) and (found := page(row.get("lpUrl"))):
            return found
    return None


def country_row(offer: Raw, country: str | None) -> Raw | None:
    """The first row of the payouts per country that is for the visitor's."""
    for row in structure(offer.get("customPayOutPerGeo")) or []:
        if country in countries(row["geo"]):
            return dict(row)
    return None


def offer_amounts(offer: Raw) -> tuple[Decimal, Decimal]:
    """payIn and payOut of an offer."""
    return amount(offer.get("payin")) or Decimal(0), amount(offer.get("payout")) or Decimal(0)


def row_amounts(row: Raw | None, payin: Decimal, payout: Decimal) -> tuple[Decimal, Decimal]:
    """A row's payIn and payOut; one that is missing leaves what it was."""
    found = [amount((row or {}).get(name)) for name in ("payIn", "payOut")]
    return payin if found[0] is None else found[0], payout if found[1] is None else found[1]


def rule_fits(rule: Raw, click: Click, campaign: Raw, offer: Raw) -> bool:
    """Whether any group of a target rule fits: every dimension in it has to."""
    return any(
        all(_dimension_fits(name, group, rule, click, campaign, offer) for name in _dimensions(group))
        for group in rule["filterGroups"]
    )


def _dimensions(group: Raw) -> set[str]:
    return {"country" if one["dimension"] == "geo" else one["dimension"] for one in group["conditions"]}


def _dimension_fits(name: str, group: Raw, rule: Raw, click: Click, campaign: Raw, offer: Raw) -> bool:
    own: dict[str, Any] = {"offerId": offer["offerId"], "affiliateId": campaign.get("affiliateId")}
    value = own[name] if name in own else click.visitor[name]
    listed = {
        str(one["value"]).lower()
        for one in group["conditions"]
        if one["dimension"] == name or (one["dimension"], name) == ("geo", "country")
    }
    return value is not None and (str(value).lower() in listed) is bool(rule["include"])
