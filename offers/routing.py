"""Asks the rules in order, follows exit traffic, and comes to a decision.

The rules are pure; only this driver loads further offers, through the `find` that it is given, so it decides
as well over the live catalog as over a recipe that is not live yet.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from offers.landing import Route
from offers.pages import Page
from offers.record_parts import Candidate
from offers.records import ZERO, Campaign, Offer, OfferStatus, OfferType
from offers.rules import DECIDE, LOOKS_AT, Asked, Passed, Rule, Verdict
from offers.rules.aggregated import closed_because, open_candidates
from offers.rules.country_payout import payout_for
from offers.rules.verdicts import Exit, Pick, Stay

MAX_HOPS = 10
TO_AGGREGATED = "offerAggregatedExitTrafficToAggregatedOffer"
CLOSED_TO_PICKS = (OfferStatus.INACTIVE, OfferStatus.DRAFT)
# What may follow the rules in a trace.
PICK_STEP, DETECTED_STEP, EXIT_STEP, DEFAULT_STEP = "pick", "detected exit", "exit", "default offer"

# May raise for an offer that it does not have at hand; then the click is decided anew once it does.
Find = Callable[[int], Offer | None]
# (campaign id, aggregated offer id, ids of the candidates that can take the click) -> the one that takes it
Choose = Callable[[int, int, tuple[int, ...]], int]


class Defaults(msgspec.Struct, frozen=True):
    """Where clicks go that nobody else can take: an offer (0: none), and a page when that fails too."""

    offer_id: int
    campaign_id: int
    page: Page


class Step(msgspec.Struct, frozen=True):
    """One entry of a trace: who was asked, what it looked at, what it said."""

    rule: str
    looked_at: dict[str, object]
    said: str
    decided: bool


class Decision(msgspec.Struct, eq=False, gc=False):
    """What the rules came to.

    `offer` takes the click; it is None where none is left that can, and `page` is then the page of last
    resort. `origin` is the offer that the click left, None when it stayed. `route` and `record_part` are
    worked out of the rest by `answer` and `click_record`, and kept for the next click with this decision.
    """

    redirect_type: str
    redirect_reason: str
    offer: Offer | None
    origin: Offer | None
    campaign: Campaign
    payin: Decimal
    payout: Decimal
    page: Page
    page_id: int | None
    replaced_page: Page | None
    replaced_page_id: int | None
    caps_type: str | None
    nested_steps: tuple[int, ...]
    is_default_page: bool
    route: Route | None = None
    record_part: bytes = b""


class Taker(msgspec.Struct, frozen=True):
    """Who takes an exit click. `offer` None: nobody; `pageless`: it was named but has no page of its own."""

    offer: Offer | None
    by_aggregated: bool
    pageless: Offer | None
    said: str


def decide(
    asked: Asked, find: Find, choose: Choose, defaults: Defaults, trace: list[Step] | None = None
) -> Decision:
    """The decision on one click; with a `trace`, every step is added to it."""
    verdict, caps_type = _ask_the_rules(asked, trace)
    caps_type = getattr(verdict, "caps_type", None) or caps_type
    if isinstance(verdict, Pick):
        usable = _usable(verdict.candidates, find)
        picked = choose(asked.campaign.campaign_id, asked.offer.offer_id, usable) if usable else 0
        if trace is not None:
            trace.append(_pick_step(asked.offer, asked, usable, picked))
        verdict = Exit(verdict.redirect_type, verdict.reason, picked) if picked else verdict.otherwise
    if isinstance(verdict, Stay):
        return _stay(asked, verdict, caps_type, find, defaults)
    return _exit(asked, verdict, caps_type, find, choose, defaults, trace)


def _ask_the_rules(asked: Asked, trace: list[Step] | None) -> tuple[Verdict, str | None]:
    """The first verdict, and the last caps type that a rule noted on the way."""
    caps_type = None
    for rule, ask in DECIDE.items():
        answer = ask(asked)
        if trace is not None:
            trace.append(_step(rule, asked, answer))
        if not isinstance(answer, Passed):
            return answer, caps_type
        caps_type = answer.caps_type or caps_type
    raise AssertionError("the default rule always decides")


def _step(rule: Rule, asked: Asked, answer: Verdict | Passed) -> Step:
    if isinstance(answer, Passed):
        return Step(rule.value, LOOKS_AT[rule](asked), answer.why, decided=False)
    return Step(rule.value, LOOKS_AT[rule](asked), answer.reason, decided=True)


def own_payout(asked: Asked) -> Decimal:
    """The campaign's payout when it is more than zero, else the offer's."""
    return asked.campaign.payout if asked.campaign.payout > ZERO else asked.offer.payout


def _stay(asked: Asked, stay: Stay, caps_type: str | None, find: Find, defaults: Defaults) -> Decision:
    offer = asked.offer
    page = stay.page or offer.landing_page
    is_default_page = page is None
    if page is None:
        default = _usable_default(find, defaults)
        page = default.landing_page if default and default.landing_page else defaults.page
    payout = own_payout(asked)
    return Decision(
        redirect_type=stay.redirect_type,
        redirect_reason=stay.reason,
        offer=offer,
        origin=None,
        campaign=asked.campaign,
        payin=offer.payin if stay.payin is None else stay.payin,
        payout=payout if stay.payout is None else stay.payout,
        page=page,
        page_id=offer.landing_page_id if stay.page is None else stay.page_id,
        replaced_page=None if stay.page is None else offer.landing_page,
        replaced_page_id=None if stay.page is None else offer.landing_page_id,
        caps_type=caps_type,
        nested_steps=(),
        is_default_page=is_default_page,
    )


def _usable_default(find: Find, defaults: Defaults) -> Offer | None:
    offer = find(defaults.offer_id) if defaults.offer_id else None
    return None if offer is None or offer.status is OfferStatus.INACTIVE else offer


def _exit(
    asked: Asked,
    leave: Exit,
    caps_type: str | None,
    find: Find,
    choose: Choose,
    defaults: Defaults,
    trace: list[Step] | None,
) -> Decision:
    origin, target = asked.offer, leave.offer_id
    steps: tuple[int, ...] = ()
    if leave.nested and origin.detected_exit_id:
        target, steps = origin.detected_exit_id, _nested_steps(origin)
        if trace is not None:
            said = f"offer {target} is the first of the exit chain that is not over its cap"
            seen: dict[str, object] = {"exitOfferId": leave.offer_id or None, "chain": list(steps)}
            trace.append(Step(DETECTED_STEP, seen, said, decided=True))
    named = taker = _taker(target, asked, find, choose, trace)
    _note(trace, target, taker, EXIT_STEP)
    if taker.offer is None:
        taker = _taker(defaults.offer_id, asked, find, choose, trace)
        _note(trace, defaults.offer_id, taker, DEFAULT_STEP)
    # Where no offer has a page for it, the click belongs to the one that was named, if there is one.
    offer = taker.offer or named.pageless
    page = taker.offer.landing_page if taker.offer is not None else None
    payin, payout = _amounts(offer, asked.visitor.geo.country)
    relabelled = named.by_aggregated and not leave.keeps_type
    return Decision(
        redirect_type=TO_AGGREGATED if relabelled else leave.redirect_type,
        redirect_reason=leave.reason,
        offer=offer,
        origin=origin,
        campaign=asked.campaign,
        payin=payin,
        payout=payout,
        page=page or defaults.page,
        page_id=offer.landing_page_id if offer else None,
        replaced_page=origin.landing_page,
        replaced_page_id=origin.landing_page_id,
        caps_type=caps_type,
        nested_steps=steps,
        is_default_page=page is None or (named.offer is None and bool(target) and not named.by_aggregated),
    )


def _amounts(offer: Offer | None, country: str | None) -> tuple[Decimal, Decimal]:
    """payIn and payOut of the offer that takes an exit click, its payout per country included."""
    if offer is None:
        return ZERO, ZERO
    special = payout_for(offer, country)
    if special is None:
        return offer.payin, offer.payout
    return (
        offer.payin if special.payin is None else special.payin,
        offer.payout if special.payout is None else special.payout,
    )


def _nested_steps(origin: Offer) -> tuple[int, ...]:
    """The chain from the original offer to the detected one; only the ends where the chain is not known."""
    chain, last = origin.nested_exit_ids, origin.detected_exit_id
    known = chain[: chain.index(last) + 1] if last in chain else (last,)
    return (origin.offer_id, *known)


def _taker(target: int, asked: Asked, find: Find, choose: Choose, trace: list[Step] | None = None) -> Taker:
    """The offer that takes a click sent to offer `target`, through aggregated offers if need be."""
    by_aggregated, seen = False, set[int]()
    while True:
        if not target:
            return Taker(None, by_aggregated, None, "no offer is named")
        if target in seen or len(seen) >= MAX_HOPS:
            return Taker(None, by_aggregated, None, f"offer {target} leads round in circles")
        seen.add(target)
        offer = find(target)
        if offer is None:
            return Taker(None, by_aggregated, None, f"offer {target} is unknown")
        if offer.status is OfferStatus.INACTIVE:
            return Taker(None, by_aggregated, None, f"offer {target} is inactive")
        if offer.type is OfferType.REGULAR:
            if offer.landing_page is None:
                return Taker(None, by_aggregated, offer, f"offer {target} has no landing page")
            return Taker(offer, by_aggregated, None, f"offer {target} takes the click")
        by_aggregated = True
        usable = _usable(open_candidates(offer, asked.visitor.geo.country), find)
        picked = choose(asked.campaign.campaign_id, offer.offer_id, usable) if usable else 0
        if trace is not None:
            trace.append(_pick_step(offer, asked, usable, picked))
        if not picked:
            return Taker(None, by_aggregated, None, f"aggregated offer {target} has no open candidate")
        target = picked


def _usable(candidates: tuple[Candidate, ...], find: Find) -> tuple[int, ...]:
    """The ids of the candidates whose offer exists and may be picked."""
    usable = []
    for candidate in candidates:
        offer = find(candidate.offer_id)
        if offer is not None and offer.status not in CLOSED_TO_PICKS:
            usable.append(candidate.offer_id)
    return tuple(usable)


def _note(trace: list[Step] | None, target: int, taker: Taker, step: str) -> None:
    if trace is not None:
        trace.append(Step(step, {"offerId": target or None}, taker.said, decided=taker.offer is not None))


def _pick_step(offer: Offer, asked: Asked, usable: tuple[int, ...], picked: int) -> Step:
    """Which candidate of an aggregated offer has its turn, and why the others have not."""
    candidates = {}
    for candidate in offer.candidates:
        usual = "open" if candidate.offer_id in usable else "its offer is unknown, inactive or a draft"
        closed = closed_because(candidate, asked.visitor.geo.country)
        candidates[str(candidate.offer_id)] = closed or usual
    seen: dict[str, object] = {
        "offerId": offer.offer_id,
        "picked": picked or None,
        "candidates": candidates,
    }
    said = f"offer {picked} has its turn" if picked else f"no candidate of offer {offer.offer_id} is open"
    return Step(PICK_STEP, seen, said, decided=bool(picked))
