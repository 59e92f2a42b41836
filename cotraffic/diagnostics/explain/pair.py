"""Completes a campaign that was given by its id: its offer, or what is wrong with the offer given with it."""

import msgspec

from cotraffic.diagnostics.explain.request import BadExplainRequest, ExplainRequest
from offers.catalog.catalog import CatalogUnavailable
from offers.handler import ClickHandler
from offers.links.tokens import AdTarget
from recipes.records.records import Campaign


async def with_offer(handler: ClickHandler, explain_request: ExplainRequest) -> ExplainRequest:
    """Return the request with the offer of its campaign's record, if it names none.

    A campaign that cannot be read or does not exist is left for the explanation to tell. Raises
    `BadExplainRequest` for a campaign that names no offer, or another one than was given.
    """
    target = explain_request.target
    if target is None:
        return explain_request
    try:
        campaign = await handler.catalog.campaign(target.campaign_id)
    except CatalogUnavailable:
        return explain_request
    if campaign is None:
        return explain_request
    if target.offer_id:
        await _check(handler, campaign, target.offer_id)
        return explain_request
    if not campaign.offer_id:
        raise BadExplainRequest("offer", f"{_titled(campaign)} names no offer in its record: give one")
    return msgspec.structs.replace(explain_request, target=AdTarget(campaign.offer_id, target.campaign_id))


async def _check(handler: ClickHandler, campaign: Campaign, given: int) -> None:
    """Raise `BadExplainRequest` if the campaign is of another offer than the one given."""
    own = campaign.offer_id
    if not own or own == given:
        return
    names = [await _offer(handler, offer_id) for offer_id in (own, given)]
    raise BadExplainRequest(
        "offer",
        f"{_titled(campaign)} belongs to {names[0]}, not to {names[1]}: leave the offer empty, or choose a "
        "campaign of that offer. A link that names both all the same can be pasted",
    )


async def _offer(handler: ClickHandler, offer_id: int) -> str:
    try:
        offer = await handler.catalog.offer(offer_id)
    except CatalogUnavailable:
        offer = None
    return f"offer {offer_id} {offer.name or '' if offer else ''}".rstrip()


def _titled(campaign: Campaign) -> str:
    return f"campaign {campaign.campaign_id} {campaign.name or ''}".rstrip()
