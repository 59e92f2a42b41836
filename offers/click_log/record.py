"""The click record: the fields of one click, by the names of the network's reports.

A record is JSON in parts. The parts of a visitor and of a decision, which are the same for many clicks, are
encoded once and cached with them. Fields that are None are left out.
"""

import re
from decimal import Decimal
from hashlib import blake2b

import msgspec

from offers.request import ClickRequest
from offers.routing.decision import Decision, DecisionPlan
from offers.rules.common.verdict import ClickContext
from offers.visitors.automated import AutomatedReason
from offers.visitors.visitor import Visitor, VisitorPlan
from recipes.records.records import Offer

# Truncate longer texts to this many bytes of JSON, with an ellipsis: otherwise one visitor with a public link
# could fill Redis and the disk with a few clicks.
LONGEST_TEXT = 1024
LONGEST_URL = 2048
YEAR_SECONDS = 365 * 24 * 3600
FINGERPRINT_OFF = "disabled"
URLS = frozenset({"landing_page_url", "landing_page_url_origin", "referer"})
ELLIPSIS = "…"
ELLIPSIS_BYTES = len(ELLIPSIS.encode())
QUOTES = 2
# Only at the beginning: a page's address may have another one in its query.
_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
# A control character is written as \u0000, in six bytes.
LONGEST_ESCAPE = 6


class Click(msgspec.Struct, frozen=True, gc=False):
    """A decided click: its id (the lid), the request, the decision, and where the visitor is sent."""

    lid: str
    request: ClickRequest
    context: ClickContext
    visitor: VisitorPlan
    plan: DecisionPlan
    page_url: str
    location: str

    @property
    def decision(self) -> Decision:
        """The decision on the click."""
        return self.plan.decision


class _Part(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Some fields of the record."""


class ClickPart(_Part):
    """The fields of this click alone.

    `date_added` is in milliseconds since the epoch; `ttl`, in seconds, is when the table may delete the item.
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
    """The fields of the decision: the campaign, the offer that gets the click, the one it was meant for."""

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
    """The fields of the visitor."""

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
    is_automated: bool | None = None
    automated_reason: AutomatedReason | None = None


encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def record(click: Click) -> bytes:
    """Return the record of a click, as JSON that begins with its lid. Uniqueness is not in it."""
    request, context = click.request, click.context
    ad_domain, ad_path = _host_and_path(request.ad_domain) if request.ad_domain else (None, None)
    own = ClickPart(
        click.lid,
        context.now_ms,
        context.now_ms // 1000 + YEAR_SECONDS,
        context.sub_campaign or None,
        context.cid or None,
        click.page_url or None,
        request.referer or None,
        ad_domain,
        ad_path,
        fingerprint(click),
    )
    return b"".join((_encoded(own)[:-1], click.plan.record_part, click.visitor.record_part))


def _host_and_path(address: str) -> tuple[str | None, str | None]:
    """Split the address of a page, with or without its scheme, into its host and the path from "/" on."""
    if (scheme := _SCHEME.match(address)) is not None:
        address = address[scheme.end() :]
    host, slash, path = address.partition("/")
    return host or None, slash + path or None


def fingerprint(click: Click) -> str | None:
    """Return what identifies the visitor for uniqueness, None if that is not wanted."""
    return None if click.request.fp == FINGERPRINT_OFF else click.visitor.fingerprint


def fields(kept: bytes) -> dict[str, object]:
    """Decode a record into the table's names; amounts are exact decimals, or integers."""
    found: dict[str, object] = _decode(kept)
    return found


def _encoded(part: _Part) -> bytes:
    encoded = encode(part)
    # A part that is shorter than one text may be has no text to truncate.
    return encoded if len(encoded) <= LONGEST_TEXT else encode(_shortened(part))


def _shortened(part: _Part) -> _Part:
    """Truncate every text of the part that is too long, and return the part."""
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, str):
            setattr(part, name, shortened(value, LONGEST_URL if name in URLS else LONGEST_TEXT))
    return part


def shortened(text: str, most_bytes: int) -> str:
    """Truncate a text to `most_bytes` of JSON, with an ellipsis at its end."""
    if len(text) * LONGEST_ESCAPE <= most_bytes:
        return text
    size = len(encode(text)) - QUOTES
    if size <= most_bytes:
        return text
    text = text[:most_bytes]
    while (size := len(encode(text)) - QUOTES) > most_bytes - ELLIPSIS_BYTES:
        # Guess the length from the average size of a character, but remove at least one.
        text = text[: min(len(text) - 1, len(text) * (most_bytes - ELLIPSIS_BYTES) // size)]
    return text + ELLIPSIS


def decision_part(decision: Decision) -> bytes:
    """Return a decision's half of the record: `,"eventType":"click",…`."""
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
    return b",%b" % _encoded(part)[1:-1]


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


def plan_visitor(visitor: Visitor) -> VisitorPlan:
    """Make what all clicks of a visitor share."""
    marks = f"{visitor.address}\n{visitor.user_agent}\n{visitor.accept_language}"
    mark = blake2b(marks.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return VisitorPlan(visitor, mark, _visitor_part(visitor))


def _visitor_part(visitor: Visitor) -> bytes:
    """Return a visitor's half of the record: `,"country":"US",…}`."""
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
        is_automated=visitor.automated is not None or None,
        automated_reason=visitor.automated,
    )
    inside = _encoded(part)[1:]
    return inside if inside == b"}" else b",%b" % inside
