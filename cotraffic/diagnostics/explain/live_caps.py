"""How the live caps of an explained click's records stand."""

import time

from cotraffic.diagnostics.explain.result import CappedRecord, Named
from offers.click_log.record import Click
from offers.handler import ClickHandler
from offers.live_caps.standing import standings
from recipes.records.parts import Caps


async def capped_records(handler: ClickHandler, click: Click) -> tuple[tuple[CappedRecord, ...], str]:
    """Return the records of a click that are counted live; and what keeps the counts out of reach, or ""."""
    context, taker = click.context, click.decision.offer
    offers = {offer.offer_id: offer for offer in (context.offer, taker) if offer is not None}
    campaign = context.campaign
    found: list[tuple[Named, Caps | None]] = [
        *((Named("offers", offer.offer_id, offer.name or ""), offer.caps) for offer in offers.values()),
        (Named("campaigns", campaign.campaign_id, campaign.name or ""), campaign.caps),
    ]
    counted = [(named, caps) for named, caps in found if caps is not None and caps.counted_as]
    if handler.live_counts is None or not counted:
        return (), ""
    read = await handler.live_counts.read(caps for _, caps in counted)
    now_s = time.time()
    seen = (CappedRecord(named, standings(caps, read.of(caps), now_s)) for named, caps in counted)
    return tuple(seen), read.problem
