"""The click record: what is kept of one click, field by field as the network's reports know them."""

from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from offers.records import Offer
from offers.request import ClickRequest
from offers.routing import Decision
from offers.rules import Asked

YEAR_SECONDS = 365 * 24 * 3600
FINGERPRINT_OFF = "disabled"


class Click(NamedTuple):
    """One click that was decided: its id (the lid), what was asked, decided and where it was sent."""

    lid: str
    request: ClickRequest
    asked: Asked
    decision: Decision
    page_url: str
    location: str


class ClickRecord(msgspec.Struct, omit_defaults=True, rename="camel", kw_only=True):
    """One item of the click table. A value that is None is left out of it; the CPM options are 0 or 1.

    `isUniqueVisit` is missing: whoever writes the click down finds out. `date_added` is in milliseconds since
    the epoch, `ttl`, when the table may forget the click, in seconds.
    """

    lid: str
    is_cpm_option_enabled: int
    origin_is_cpm_option_enabled: int
    date_added: int
    ttl: int
    event_type: str
    event: str
    campaign_id: int
    sub_campaign: str | None = None
    cid: str | None = None
    offer_id: int | None = None
    offer_name: str | None = None
    offer_type: str | None = None
    offer_description: str | None = None
    payin: Decimal | None = None
    payout: Decimal | None = None
    payout_percent: Decimal | None = None
    advertiser_id: int | None = None
    advertiser_name: str | None = None
    advertiser_manager_id: int | None = None
    vertical_id: int | None = None
    vertical_name: str | None = None
    affiliate_id: int | None = None
    affiliate_type: str | None = None
    affiliate_manager_id: int | None = None
    conversion_type: str | None = None
    landing_page_id: int | None = None
    landing_page_url: str | None = None
    origin_pay_in: Decimal | None = None
    origin_pay_out: Decimal | None = None
    origin_advertiser_id: int | None = None
    origin_advertiser_name: str | None = None
    origin_conversion_type: str | None = None
    origin_offer_id: int | None = None
    origin_vertical_id: int | None = None
    origin_vertical_name: str | None = None
    landing_page_id_origin: int | None = None
    landing_page_url_origin: str | None = None
    offer_id_redirect_exit_traffic: int | None = None
    redirect_type: str | None = None
    redirect_reason: str | None = None
    caps_type: str | None = None
    nested_exit_offer_steps: str | None = None
    is_use_default_offer_url: bool | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    isp: str | None = None
    ip: str | None = msgspec.field(default=None, name="IP")
    user_agent: str | None = None
    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    platform: str | None = None
    device_type: str | None = None
    referer: str | None = None
    ad_domain: str | None = None
    ad_path: str | None = None
    finger_print_key: str | None = None


_encoder = msgspec.json.Encoder(decimal_format="number")
encode = _encoder.encode


def record(click: Click) -> ClickRecord:
    """The click's record."""
    request, asked, decision = click.request, click.asked, click.decision
    campaign, visitor = asked.campaign, asked.visitor
    geo, device = visitor.geo, visitor.device
    ad_domain, slash, ad_path = request.ad_domain.partition("/")
    offer, origin = decision.offer, decision.origin
    kept = ClickRecord(
        lid=click.lid,
        is_cpm_option_enabled=int(offer is not None and offer.is_cpm_option_enabled),
        origin_is_cpm_option_enabled=int(origin is not None and origin.is_cpm_option_enabled),
        date_added=asked.now_ms,
        ttl=asked.now_ms // 1000 + YEAR_SECONDS,
        event_type="click",
        event="co-traffic",
        campaign_id=campaign.campaign_id,
        sub_campaign=asked.sub_campaign or None,
        cid=asked.cid or None,
        payin=decision.payin,
        payout=decision.payout,
        affiliate_id=campaign.affiliate_id,
        affiliate_type=campaign.affiliate_type,
        affiliate_manager_id=campaign.affiliate_manager_id,
        landing_page_id=decision.page_id,
        landing_page_url=click.page_url or None,
        landing_page_id_origin=decision.replaced_page_id,
        landing_page_url_origin=decision.replaced_page.text if decision.replaced_page else None,
        redirect_type=decision.redirect_type,
        redirect_reason=decision.redirect_reason,
        caps_type=decision.caps_type,
        nested_exit_offer_steps=",".join(map(str, decision.nested_steps)) or None,
        is_use_default_offer_url=decision.is_default_page or None,
        country=geo.country,
        region=geo.region,
        city=geo.city,
        isp=geo.isp,
        ip=visitor.address or None,
        user_agent=visitor.user_agent or None,
        browser=device.browser,
        browser_version=device.browser_version,
        os=device.os,
        platform=device.platform,
        device_type=device.device_type,
        referer=request.referer or None,
        ad_domain=ad_domain or None,
        ad_path=slash + ad_path or None,
        finger_print_key=fingerprint(click),
    )
    if offer is not None:
        _add_offer(kept, offer)
    if origin is not None:
        _add_origin(kept, origin)
    return kept


def fingerprint(click: Click) -> str | None:
    """The visitor's mark on a campaign: who comes again within a day is not unique. None: not wanted."""
    if click.request.fp == FINGERPRINT_OFF:
        return None
    visitor = click.asked.visitor
    seen = f"{visitor.address}\n{visitor.user_agent}\n{visitor.accept_language}"
    return blake2b(seen.encode("utf-8", "replace"), digest_size=16).hexdigest()


def fields(kept: ClickRecord) -> dict[str, Any]:
    """The record as a dictionary in the table's names, for display."""
    found: dict[str, Any] = msgspec.to_builtins(kept, builtin_types=(Decimal,))
    return found


def _add_offer(kept: ClickRecord, offer: Offer) -> None:
    """The offer that the click belongs to."""
    kept.offer_id = offer.offer_id
    kept.offer_name = offer.name
    kept.offer_type = offer.type.value
    kept.offer_description = offer.description
    kept.payout_percent = offer.payout_percent or None
    kept.advertiser_id = offer.advertiser_id
    kept.advertiser_name = offer.advertiser_name
    kept.advertiser_manager_id = offer.advertiser_manager_id
    kept.vertical_id = offer.vertical_id
    kept.vertical_name = offer.vertical_name
    kept.conversion_type = offer.conversion_type


def _add_origin(kept: ClickRecord, origin: Offer) -> None:
    """The offer that an exit click was meant for."""
    kept.origin_offer_id = origin.offer_id
    kept.origin_pay_in = origin.payin
    kept.origin_pay_out = origin.payout
    kept.origin_advertiser_id = origin.advertiser_id
    kept.origin_advertiser_name = origin.advertiser_name
    kept.origin_conversion_type = origin.conversion_type
    kept.origin_vertical_id = origin.vertical_id
    kept.origin_vertical_name = origin.vertical_name
    kept.offer_id_redirect_exit_traffic = origin.exit_offer_id or None
