"""The click record: what is kept of one click, field by field as the network's reports know them.

A record is JSON in parts: what is said of a visitor, and of a decision that click after click gets, is
encoded once for as long as that is remembered. A field that is None is left out.
"""

from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from offers.request import ClickRequest
from offers.routing.routing import Decision
from offers.rules.common.verdict import ClickContext
from offers.visitors.visitor import Visitor
from recipes.records.records import Offer

# Bytes of JSON that a text of a record may take; what is longer is cut, and ends with an ellipsis. Else one
# visitor with a public link could fill Redis and the disk with a few clicks.
LONGEST_TEXT = 1024
LONGEST_URL = 2048
YEAR_SECONDS = 365 * 24 * 3600
FINGERPRINT_OFF = "disabled"
URLS = frozenset({"landing_page_url", "landing_page_url_origin", "referer"})
ELLIPSIS = "…"
ELLIPSIS_BYTES = len(ELLIPSIS.encode())
QUOTES = 2
# A control character is written \u0000, in six bytes.
LONGEST_ESCAPE = 6


class Click(msgspec.Struct, frozen=True, gc=False):
    """One click that was decided: its id (the lid), what was asked, decided and where it was sent."""

    lid: str
    request: ClickRequest
    context: ClickContext
    decision: Decision
    page_url: str
    location: str


class _Part(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Some fields of the record."""


class ClickPart(_Part):
    """What is of this click alone.

    `date_added` is in milliseconds since the epoch; `ttl`, from when on the table may forget it, in seconds.
    """

    lid: str
    date_added: int
    ttl: int
    sub_campaign: str | None = None
    cid: str | None = None
    landing_page_url: str | None = None
    referer: str | None = None
    ad_domain: str | None = None
    ad_path: str | None = None
    finger_print_key: str | None = None


class DecisionPart(_Part):
    """What was decided: the campaign, the offer that the click belongs to, and the one it was meant for."""

    event_type: str
    event: str
    redirect_type: str
    redirect_reason: str
    campaign_id: int
    payin: Decimal
    payout: Decimal
    is_cpm_option_enabled: int
    origin_is_cpm_option_enabled: int
    affiliate_id: int | None = None
    affiliate_type: str | None = None
    affiliate_manager_id: int | None = None
    landing_page_id: int | None = None
    landing_page_id_origin: int | None = None
    landing_page_url_origin: str | None = None
    caps_type: str | None = None
    nested_exit_offer_steps: str | None = None
    is_use_default_offer_url: bool | None = None
    offer_id: int | None = None
    offer_name: str | None = None
    offer_type: str | None = None
    offer_description: str | None = None
    payout_percent: Decimal | None = None
    advertiser_id: int | None = None
    advertiser_name: str | None = None
    advertiser_manager_id: int | None = None
    vertical_id: int | None = None
    vertical_name: str | None = None
    conversion_type: str | None = None
    origin_offer_id: int | None = None
    origin_pay_in: Decimal | None = None
    origin_pay_out: Decimal | None = None
    origin_advertiser_id: int | None = None
    origin_advertiser_name: str | None = None
    origin_conversion_type: str | None = None
    origin_vertical_id: int | None = None
    origin_vertical_name: str | None = None
    offer_id_redirect_exit_traffic: int | None = None


class VisitorPart(_Part):
    """The visitor."""

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


encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def record(click: Click) -> bytes:
    """The click's record, as JSON that begins with its lid. It does not say whether the visit is unique."""
    request, context = click.request, click.context
    ad_domain, slash, ad_path = request.ad_domain.partition("/")
    own = ClickPart(
        click.lid,
        context.now_ms,
        context.now_ms // 1000 + YEAR_SECONDS,
        context.sub_campaign or None,
        context.cid or None,
        click.page_url or None,
        request.referer or None,
        ad_domain or None,
        slash + ad_path or None,
        fingerprint(click),
    )
    decision, visitor = click.decision, context.visitor
    encoded = encode(own)
    # A part that is no longer than one text may be needs no look at each.
    if len(encoded) > LONGEST_TEXT:
        encoded = encode(_shortened(own))
    return b"".join(
        (
            encoded[:-1],
            decision.record_part or _decision_part(decision),
            visitor.record_part or _visitor_part(visitor),
        )
    )


def fingerprint(click: Click) -> str | None:
    """The visitor's mark on a campaign: who comes again within a day is not unique. None: not wanted."""
    visitor = click.context.visitor
    return None if click.request.fp == FINGERPRINT_OFF else visitor.fingerprint or _fingerprint(visitor)


def fields(kept: bytes) -> dict[str, Any]:
    """A record as a dictionary in the table's names; amounts are exact decimals, or integers."""
    found: dict[str, Any] = _decode(kept)
    return found


def _shortened(part: _Part) -> _Part:
    """The part, with every text cut that is too long."""
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, str):
            setattr(part, name, shortened(value, LONGEST_URL if name in URLS else LONGEST_TEXT))
    return part


def shortened(text: str, most_bytes: int) -> str:
    """The text, or as much of its beginning as takes `most_bytes` as JSON with the ellipsis behind it."""
    if len(text) * LONGEST_ESCAPE <= most_bytes:
        return text
    size = len(encode(text)) - QUOTES
    if size <= most_bytes:
        return text
    text = text[:most_bytes]
    while (size := len(encode(text)) - QUOTES) > most_bytes - ELLIPSIS_BYTES:
        # As many characters as there would be if all were alike, but at least one fewer.
        text = text[: min(len(text) - 1, len(text) * (most_bytes - ELLIPSIS_BYTES) // size)]
    return text + ELLIPSIS


def _fingerprint(visitor: Visitor) -> str:
    seen = f"{visitor.address}\n{visitor.user_agent}\n{visitor.accept_language}"
    visitor.fingerprint = blake2b(seen.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return visitor.fingerprint


def _decision_part(decision: Decision) -> bytes:
    """`,"eventType":"click",…`"""
    campaign, offer, origin = decision.campaign, decision.offer, decision.origin
    part = DecisionPart(
        event_type="click",
        event="co-traffic",
        redirect_type=decision.redirect_type,
        redirect_reason=decision.redirect_reason,
        campaign_id=campaign.campaign_id,
        payin=decision.payin,
        payout=decision.payout,
        is_cpm_option_enabled=int(offer is not None and offer.is_cpm_option_enabled),
        origin_is_cpm_option_enabled=int(origin is not None and origin.is_cpm_option_enabled),
        affiliate_id=campaign.affiliate_id,
        affiliate_type=campaign.affiliate_type,
        affiliate_manager_id=campaign.affiliate_manager_id,
        landing_page_id=decision.page_id,
        landing_page_id_origin=decision.replaced_page_id,
        landing_page_url_origin=decision.replaced_page.text if decision.replaced_page else None,
        caps_type=decision.caps_type,
        nested_exit_offer_steps=",".join(map(str, decision.nested_steps)) or None,
        is_use_default_offer_url=decision.is_default_page or None,
    )
    if offer is not None:
        _add_offer(part, offer)
    if origin is not None:
        _add_origin(part, origin)
    decision.record_part = b",%b" % encode(_shortened(part))[1:-1]
    return decision.record_part


def _add_offer(part: DecisionPart, offer: Offer) -> None:
    part.offer_id = offer.offer_id
    part.offer_name = offer.name
    part.offer_type = offer.type.value
    part.offer_description = offer.description
    part.payout_percent = offer.payout_percent or None
    part.advertiser_id = offer.advertiser_id
    part.advertiser_name = offer.advertiser_name
    part.advertiser_manager_id = offer.advertiser_manager_id
    part.vertical_id = offer.vertical_id
    part.vertical_name = offer.vertical_name
    part.conversion_type = offer.conversion_type


def _add_origin(part: DecisionPart, origin: Offer) -> None:
    part.origin_offer_id = origin.offer_id
    part.origin_pay_in = origin.payin
    part.origin_pay_out = origin.payout
    part.origin_advertiser_id = origin.advertiser_id
    part.origin_advertiser_name = origin.advertiser_name
    part.origin_conversion_type = origin.conversion_type
    part.origin_vertical_id = origin.vertical_id
    part.origin_vertical_name = origin.vertical_name
    part.offer_id_redirect_exit_traffic = origin.exit_offer_id or None


def _visitor_part(visitor: Visitor) -> bytes:
    """`,"country":"US",…}`"""
    geo, device = visitor.geo, visitor.device
    part = VisitorPart(
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
    )
    inside = encode(_shortened(part))[1:]
    visitor.record_part = inside if inside == b"}" else b",%b" % inside
    return visitor.record_part
