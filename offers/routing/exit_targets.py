"""Finds the offer that takes an exit click: along the exit chain, then down through aggregated offers.

Other offers are read through the `find` that the caller passes in; it may raise `CacheMiss`.
"""

from collections.abc import Callable

import msgspec

from offers.catalog.record_cache import CacheMiss, Wanted
from offers.routing.decision import Step
from offers.rules.aggregated import closed_by_record, closed_by_row
from offers.rules.common.caps import is_over_cap
from offers.rules.common.verdict import ClickContext
from recipes.records.parts import Candidate
from recipes.records.records import Offer, OfferStatus, OfferType

MAX_HOPS = 10
PICK_STEP, CHAIN_STEP = "pick", "exit chain"

# Offer id -> offer. Raises `CacheMiss` for one that is not cached; the caller loads it and decides again.
Find = Callable[[int], Offer | None]
# (campaign id, aggregated offer id, ids of its open candidates) -> the one that takes the click
Choose = Callable[[int, int, tuple[int, ...]], int]


class ExitTarget(msgspec.Struct, frozen=True):
    """The offer that takes an exit click, None if none can; `pageless` was named but has no page."""

    offer: Offer | None
    by_aggregated: bool
    pageless: Offer | None
    message: str


def exit_chain(target: int, context: ClickContext, find: Find, trace: list[Step] | None) -> tuple[int, ...]:
    """Return the offers from `target` along exit offers to the first that is not over its own cap.

    It is `target` alone if that one has room, or if no offer of the chain has. At most ten offers are tried,
    none of them twice, and the chain never leads back to the offer that the click left.
    """
    if not target:
        return (0,)
    chain = [target]
    while (offer := find(chain[-1])) is not None and is_over_cap(offer, context.now_ms):
        if _why_not(offer) is not None:
            break
        following = offer.exit_offer_id
        if (
            not following
            or following == context.offer.offer_id
            or following in chain
            or len(chain) >= MAX_HOPS
        ):
            said = f"every offer of the exit chain is over its cap: the first one named, {target}, takes it"
            _note_chain(trace, chain, said, works=False)
            return (target,)
        chain.append(following)
    if len(chain) > 1:
        _note_chain(trace, chain, f"the exit chain leads on to offer {chain[-1]}", works=True)
    return tuple(chain)


def exit_target(
    target: int, context: ClickContext, find: Find, choose: Choose, trace: list[Step] | None
) -> ExitTarget:
    """Find the offer that takes a click sent to offer `target`, through aggregated offers if need be."""
    by_aggregated, seen = False, set[int]()
    while True:
        if not target:
            return ExitTarget(None, by_aggregated, None, "no offer is named")
        if target in seen or len(seen) >= MAX_HOPS:
            return ExitTarget(None, by_aggregated, None, f"offer {target} leads round in circles")
        seen.add(target)
        offer = find(target)
        if offer is None:
            return ExitTarget(None, by_aggregated, None, f"offer {target} is unknown")
        if (why_not := _why_not(offer)) is not None:
            pageless = None if offer.status is OfferStatus.INACTIVE else offer
            return ExitTarget(None, by_aggregated, pageless, why_not)
        if offer.type is OfferType.REGULAR:
            return ExitTarget(offer, by_aggregated, None, f"offer {target} takes the click")
        by_aggregated = True
        target = pick(offer, open_candidates(offer, context, find), context, choose, find, trace)
        if not target:
            said = f"aggregated offer {offer.offer_id} has no open candidate"
            return ExitTarget(None, by_aggregated, None, said)


def open_candidates(offer: Offer, context: ClickContext, find: Find) -> tuple[int, ...]:
    """Return the ids of the candidates that neither their row nor their own live record closes to this click.

    The offer that the click leaves is none of them. Raises one `CacheMiss` for all missing records together.
    """
    country, now_ms = context.visitor.geo.country, context.now_ms
    found: list[int] = []
    missing: Wanted = ()
    for candidate in _readable_candidates(offer):
        if candidate.offer_id == context.offer.offer_id or closed_by_row(candidate, country) is not None:
            continue
        try:
            record = find(candidate.offer_id)
        except CacheMiss as one:
            missing += one.wanted
            continue
        # Each offer counts once, so that shares stay equal when several rows name the same one.
        if closed_by_record(record, country, now_ms) is None and candidate.offer_id not in found:
            found.append(candidate.offer_id)
    if missing:
        raise CacheMiss(*missing)
    return tuple(found)


def pick(
    offer: Offer,
    usable: tuple[int, ...],
    context: ClickContext,
    choose: Choose,
    find: Find,
    trace: list[Step] | None,
) -> int:
    """Choose the candidate of `usable` whose turn it is; 0 if there is none."""
    picked = choose(context.campaign.campaign_id, offer.offer_id, usable) if usable else 0
    if trace is not None:
        trace.append(_pick_step(offer, context, picked, find))
    return picked


def _readable_candidates(offer: Offer) -> tuple[Candidate, ...]:
    return () if "candidates" in offer.unreadable else offer.candidates


def _why_not(offer: Offer) -> str | None:
    """Return why an offer can take no exit click, wherever it comes from; None if it can."""
    if offer.status is OfferStatus.INACTIVE:
        return f"offer {offer.offer_id} is inactive"
    if offer.landing_page is None and offer.type is OfferType.REGULAR:
        return f"offer {offer.offer_id} has no landing page"
    return None


def _note_chain(trace: list[Step] | None, chain: list[int], said: str, *, works: bool) -> None:
    if trace is not None:
        trace.append(Step(CHAIN_STEP, {"chain": list(chain)}, said, decided=works))


def _pick_step(offer: Offer, context: ClickContext, picked: int, find: Find) -> Step:
    """Describe which candidate of an aggregated offer has its turn, and why each closed one is closed."""
    country = context.visitor.geo.country
    candidates = {
        str(one.offer_id): ("the click leaves it" if one.offer_id == context.offer.offer_id else None)
        or closed_by_row(one, country)
        or closed_by_record(find(one.offer_id), country, context.now_ms)
        or "open"
        for one in _readable_candidates(offer)
    }
    seen: dict[str, object] = {
        "offerId": offer.offer_id,
        "picked": picked or None,
        "candidates": candidates,
    }
    said = f"offer {picked} has its turn" if picked else f"no candidate of offer {offer.offer_id} is open"
    return Step(PICK_STEP, seen, said, decided=bool(picked))
