"""The click record: what is kept of one click, field by field as the network's reports know them."""

from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

from offers.request import ClickRequest
from offers.routing import Decision
from offers.rules import Asked

YEAR_SECONDS = 365 * 24 * 3600
KEPT_WHEN_EMPTY = frozenset({"isCpmOptionEnabled", "originIsCpmOptionEnabled", "isUniqueVisit"})
FINGERPRINT_OFF = "disabled"


class Click(NamedTuple):
    """One click that was decided: its id (the lid), what was asked, decided and where it was sent."""

    lid: str
    request: ClickRequest
    asked: Asked
    decision: Decision
    page_url: str
    location: str


def fingerprint(click: Click) -> str | None:
    """The visitor's mark on a campaign: who comes again within a day is not unique. None: not wanted."""
    if click.request.fp == FINGERPRINT_OFF:
        return None
    visitor = click.asked.visitor
    seen = f"{visitor.address}\n{visitor.user_agent}\n{visitor.accept_language}"
    return blake2b(seen.encode("utf-8", "replace"), digest_size=16).hexdigest()


def record(click: Click) -> dict[str, Any]:
    """The click's record, empty values left out; `isUniqueVisit` is for whoever writes it down to add.

    `dateAdded` is in milliseconds since the epoch, `ttl` in seconds, one year later.
    """
    fields: dict[str, Any] = {"lid": click.lid}
    for part in _PARTS:
        fields.update(part(click))
    return {name: value for name, value in fields.items() if name in KEPT_WHEN_EMPTY or not _is_empty(value)}


def _is_empty(value: object) -> bool:
    return value is None or value is False or value == ""


def _campaign(click: Click) -> dict[str, Any]:
    campaign, asked = click.asked.campaign, click.asked
    return {
        "campaignId": campaign.campaign_id,
        "subCampaign": asked.sub_campaign,
        "cid": asked.cid,
        "affiliateId": campaign.affiliate_id,
        "affiliateType": campaign.affiliate_type,
        "affiliateManagerId": campaign.affiliate_manager_id,
    }


def _offer(click: Click) -> dict[str, Any]:
    decision, offer = click.decision, click.decision.offer
    fields: dict[str, Any] = {
        "payin": decision.payin,
        "payout": decision.payout,
        "landingPageId": decision.page_id,
        "landingPageUrl": click.page_url,
        "isCpmOptionEnabled": bool(offer and offer.is_cpm_option_enabled),
    }
    if offer is not None:
        fields |= {
            "offerId": offer.offer_id,
            "offerName": offer.name,
            "offerType": offer.type.value,
            "offerDescription": offer.description,
            "payoutPercent": _unless_zero(offer.payout_percent),
            "advertiserId": offer.advertiser_id,
            "advertiserName": offer.advertiser_name,
            "advertiserManagerId": offer.advertiser_manager_id,
            "verticalId": offer.vertical_id,
            "verticalName": offer.vertical_name,
            "conversionType": offer.conversion_type,
        }
    return fields


def _unless_zero(amount: Decimal) -> Decimal | None:
    return amount or None


def _origin(click: Click) -> dict[str, Any]:
    decision, origin = click.decision, click.decision.origin
    fields: dict[str, Any] = {
        "originIsCpmOptionEnabled": bool(origin and origin.is_cpm_option_enabled),
        "landingPageIdOrigin": decision.replaced_page_id,
        "landingPageUrlOrigin": decision.replaced_page.text if decision.replaced_page else None,
    }
    if origin is not None:
        fields |= {
            "originOfferId": origin.offer_id,
            "originPayIn": origin.payin,
            "originPayOut": origin.payout,
            "originAdvertiserId": origin.advertiser_id,
            "originAdvertiserName": origin.advertiser_name,
            "originConversionType": origin.conversion_type,
            "originVerticalId": origin.vertical_id,
            "originVerticalName": origin.vertical_name,
            "offerIdRedirectExitTraffic": origin.exit_offer_id or None,
        }
    return fields


def _redirect(click: Click) -> dict[str, Any]:
    decision = click.decision
    return {
        "redirectType": decision.redirect_type,
        "redirectReason": decision.redirect_reason,
        "capsType": decision.caps_type,
        "nestedExitOfferSteps": ",".join(map(str, decision.nested_steps)),
        "isUseDefaultOfferUrl": decision.is_default_page,
    }


def _visitor(click: Click) -> dict[str, Any]:
    visitor = click.asked.visitor
    geo, device = visitor.geo, visitor.device
    return {
        "country": geo.country,
        "region": geo.region,
        "city": geo.city,
        "isp": geo.isp,
        "IP": visitor.address,
        "userAgent": visitor.user_agent,
        "browser": device.browser,
        "browserVersion": device.browser_version,
        "os": device.os,
        "platform": device.platform,
        "deviceType": device.device_type,
    }


def _request(click: Click) -> dict[str, Any]:
    ad_domain, slash, ad_path = click.request.ad_domain.partition("/")
    return {
        "referer": click.request.referer,
        "adDomain": ad_domain,
        "adPath": slash + ad_path,
        "fingerPrintKey": fingerprint(click),
    }


def _event(click: Click) -> dict[str, Any]:
    return {
        "eventType": "click",
        "event": "co-traffic",
        "dateAdded": click.asked.now_ms,
        "ttl": click.asked.now_ms // 1000 + YEAR_SECONDS,
    }


_PARTS: tuple[Callable[[Click], dict[str, Any]], ...] = (
    _campaign,
    _offer,
    _origin,
    _redirect,
    _visitor,
    _request,
    _event,
)
