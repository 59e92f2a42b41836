"""How the caps of an explained click's records stand, in words."""

import time
from collections.abc import Sequence

from asgiref.sync import sync_to_async
from redis.exceptions import RedisError

from cotraffic.diagnostics.caps import cap_lines
from cotraffic.diagnostics.explain.result import CappedRecord, CapsInWords, Named
from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.records.search import look_up
from offers.click_log.record import Click
from recipes.records.kinds import RecipeKind


async def caps_in_words(click: Click, live: Sequence[CappedRecord]) -> tuple[CapsInWords, ...]:
    """Return the caps of the click's offer and campaign, and of the offer that takes it.

    There are none of those records while Redis is away.
    """
    context, taker = click.context, click.decision.offer
    offers = {offer.offer_id: offer for offer in (context.offer, taker) if offer is not None}
    campaign = context.campaign
    wanted = [
        Named("offers", offer.offer_id, offer.name or "")
        for offer in offers.values()
        if offer.caps is not None
    ]
    if campaign.caps is not None:
        wanted.append(Named("campaigns", campaign.campaign_id, campaign.name or ""))
    if not wanted:
        return ()
    counted = {(capped.record.kind, capped.record.id): capped for capped in live}
    try:
        found = [await _read(named, counted.get((named.kind, named.id))) for named in wanted]
    except RedisError:
        return ()
    return tuple(caps for caps in found if caps.lines)


async def _read(named: Named, live: CappedRecord | None) -> CapsInWords:
    read = sync_to_async(look_up, thread_sensitive=False)
    known = await read(sources().store, RecipeKind(named.kind), named.id)
    lines = cap_lines(known.raw or {}, known.as_of_ms, live.limits if live else (), time.time())
    return CapsInWords(named, lines)
