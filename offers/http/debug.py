"""The debug answer: a decision with everything that led to it, as JSON."""

from typing import Any

import msgspec

from offers.admission import UNAVAILABLE, Refusal
from offers.catalog.catalog import Catalog, CatalogUnavailable
from offers.click_log.record import Click, fields, record
from offers.handler import ClickHandler
from offers.request import ClickRequest
from offers.routing.decision import Step
from offers.visitors.visitor import Visitor
from recipes.records.kinds import RecipeKind

_encoder = msgspec.json.Encoder(decimal_format="number", order="deterministic")

# What a decision answers for, out of the click record, in the names of the network.
_FROM_RECORD = (
    "redirectType",
    "redirectReason",
    "offerId",
    "campaignId",
    "landingPageUrl",
    "landingPageId",
    "conversionType",
    "advertiserId",
    "verticalId",
    "capsType",
    "nestedExitOfferSteps",
    "landingPageIdOrigin",
    "landingPageUrlOrigin",
    "originOfferId",
    "originPayIn",
    "originPayOut",
    "originAdvertiserId",
    "originVerticalId",
    "originConversionType",
    "offerIdRedirectExitTraffic",
)


async def debug_answer(handler: ClickHandler, request: ClickRequest) -> tuple[int, bytes]:
    """Status and JSON body of a debug request. Nothing is written down, and nobody loses a turn."""
    trace: list[Step] = []
    catalog = handler.catalog
    click = await handler.with_live_counts(
        lambda records: handler.resolve(request, records, dry_run=True, trace=trace)
    )
    if isinstance(click, Refusal):
        body = {
            "status": "error",
            "reason": click.reason.value,
            "detail": click.detail,
            "recipeVersion": catalog.version,
        }
        return (503 if click.reason in UNAVAILABLE else 404), _encoder.encode(body)
    data = {
        "decision": decision_fields(click),
        "trace": trace,
        "visitor": visitor_fields(click.context.visitor),
        "offer": await _raw(catalog, RecipeKind.OFFERS, click.context.offer.offer_id),
        "campaign": await _raw(catalog, RecipeKind.CAMPAIGNS, click.context.campaign.campaign_id),
        "click": fields(record(click)),
    }
    return 200, _encoder.encode({"status": "success", "recipeVersion": catalog.version, "data": data})


async def _raw(catalog: Catalog, kind: RecipeKind, record_id: int) -> dict[str, object] | None:
    """Return a record as its file has it; None while Redis is away, which has the only copy.

    The decision needs none: clicks are decided on what is in memory.
    """
    try:
        return await catalog.raw(kind, record_id)
    except CatalogUnavailable:
        return None


def decision_fields(click: Click) -> dict[str, Any]:
    """The decision in the network's names; what is empty is null."""
    decision, kept = click.decision, fields(record(click))
    return {
        "lid": click.lid,
        "location": click.location,
        "payIn": decision.payin,
        "payOut": decision.payout,
        "isExitOffer": decision.origin is not None,
        "isUseDefaultOfferUrl": decision.is_default_page,
        **{name: kept.get(name) for name in _FROM_RECORD},
    }


def visitor_fields(visitor: Visitor) -> dict[str, Any]:
    """What we know of the person clicking; unknown is null."""
    geo, device = visitor.geo, visitor.device
    return {
        "IP": visitor.address,
        "country": geo.country,
        "region": geo.region,
        "city": geo.city,
        "isp": geo.isp,
        "userAgent": visitor.user_agent,
        "acceptLanguage": visitor.accept_language,
        "deviceType": device.device_type,
        "browser": device.browser,
        "browserVersion": device.browser_version,
        "os": device.os,
        "osVersion": device.os_version,
        "platform": device.platform,
        "model": device.model,
        "isBot": device.device_type == "bot",
        "isAutomated": visitor.automated is not None,
        "automatedReason": visitor.automated and visitor.automated.value,
    }
