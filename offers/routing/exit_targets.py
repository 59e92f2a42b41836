"""Finds the offer that takes an exit click: along the exit chain, then down through aggregated offers.

Other offers are read through the `find` that the caller passes in; it may raise `CacheMiss`.
"""

from collections.abc import Callable, Collection, Iterable

import msgspec

from offers.catalog.record_cache import CacheMiss, Wanted
from offers.routing.decision import Step
from offers.rules.aggregated import closed_by_record, closed_by_row
from offers.rules.common.caps import is_over_cap
from offers.rules.common.verdict import ClickContext
from recipes.records.parts import Candidate
from recipes.records.records import Offer, OfferStatus, OfferType

MAX_HOPS = 10
AGGREGATED = OfferType.AGGREGATED
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
    if not target:
        return ExitTarget(None, by_aggregated=False, pageless=None, message="no offer is named")
    way: list[int] = []
    # This ends: an open candidate is a regular offer, or leads to one in the hops that are left.
    while True:
        offer = find(target)
        if offer is None:
            return ExitTarget(None, bool(way), None, f"offer {target} is unknown")
        if (why_not := _why_not(offer)) is not None:
            pageless = None if offer.status is OfferStatus.INACTIVE else offer
            return ExitTarget(None, bool(way), pageless, why_not)
        if offer.type is not AGGREGATED:
            return ExitTarget(offer, bool(way), None, f"offer {target} takes the click")
        way.append(target)
        usable = open_candidates(offer, context, find, way)
        target = pick(offer, usable, way, context, choose, find, trace)
        if not target:
            said = f"aggregated offer {offer.offer_id} has no open candidate"
            return ExitTarget(None, by_aggregated=True, pageless=None, message=said)


def open_candidates(
    offer: Offer, context: ClickContext, find: Find, way: Collection[int] = ()
) -> tuple[int, ...]:
    """Return the ids of the candidates that neither their row nor their own live record closes to this click.

    An aggregated one has to lead on to a regular offer, past the aggregated exit offers of `way`, which the
    click has come through. Raises one `CacheMiss` for all missing records together.
    """
    found: list[int] = []
    missing: Wanted = ()
    for record in _open_records((offer,), context, find):
        try:
            if record.type is AGGREGATED and _dead_end(record, context, find, way) is not None:
                continue
        except CacheMiss as one:
            missing += one.wanted
            continue
        found.append(record.offer_id)
    if missing:
        raise CacheMiss(*missing)
    return tuple(found)


def pick(
    offer: Offer,
    usable: tuple[int, ...],
    way: Collection[int],
    context: ClickContext,
    choose: Choose,
    find: Find,
    trace: list[Step] | None,
) -> int:
    """Choose the candidate of `usable` whose turn it is; 0 if there is none."""
    picked = choose(context.campaign.campaign_id, offer.offer_id, usable) if usable else 0
    if trace is not None:
        trace.append(_pick_step(offer, way, context, picked, find))
    return picked


def _open_records(offers: Iterable[Offer], context: ClickContext, find: Find) -> list[Offer]:
    """Return the candidates of aggregated offers that are open by their row and their own record, each once.

    The offer that the click leaves is none of them. Raises one `CacheMiss` for all missing records together.
    """
    country, now_ms, own_id = context.visitor.geo.country, context.now_ms, context.offer.offer_id
    found: dict[int, Offer] = {}
    missing: Wanted = ()
    for offer in offers:
        for candidate in _readable_candidates(offer):
            if candidate.offer_id == own_id or closed_by_row(candidate, country) is not None:
                continue
            try:
                record = find(candidate.offer_id)
            except CacheMiss as one:
                missing += one.wanted
                continue
            if record is not None and closed_by_record(record, country, now_ms) is None:
                found[candidate.offer_id] = record
    if missing:
        raise CacheMiss(*missing)
    return list(found.values())


def _dead_end(offer: Offer, context: ClickContext, find: Find, way: Collection[int]) -> str | None:
    """Return why a click that came along `way` finds no regular offer behind an aggregated one, else None.

    Searches level by level, so that the regular offer found first is the one in the fewest hops.
    """
    if offer.offer_id in way:
        return "the click has come through it"
    asked, level = {*way, offer.offer_id}, [offer]
    for _ in range(len(way) + 1, MAX_HOPS):
        below = _open_records(level, context, find)
        if any(record.type is not AGGREGATED for record in below):
            return None
        level = [record for record in below if record.offer_id not in asked]
        asked.update(record.offer_id for record in level)
    return "no candidate of its own is open"


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


def _pick_step(offer: Offer, way: Collection[int], context: ClickContext, picked: int, find: Find) -> Step:
    """Describe which candidate of an aggregated offer has its turn, and why each closed one is closed."""
    candidates = {
        str(one.offer_id): _closed_by(one, way, context, find) or "open"
        for one in _readable_candidates(offer)
    }
    seen: dict[str, object] = {
        "offerId": offer.offer_id,
        "picked": picked or None,
        "candidates": candidates,
    }
    said = f"offer {picked} has its turn" if picked else f"no candidate of offer {offer.offer_id} is open"
    return Step(PICK_STEP, seen, said, decided=bool(picked))


def _closed_by(candidate: Candidate, way: Collection[int], context: ClickContext, find: Find) -> str | None:
    """Return why a candidate is closed to a click that came along `way`; None if it is open."""
    if candidate.offer_id == context.offer.offer_id:
        return "the click leaves it"
    country = context.visitor.geo.country
    if (why := closed_by_row(candidate, country)) is not None:
        return why
    record = find(candidate.offer_id)
    why = closed_by_record(record, country, context.now_ms)
    if why is not None or record is None or record.type is not AGGREGATED:
        return why
    return _dead_end(record, context, find, way)
