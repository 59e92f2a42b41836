"""Runs the rules in order, follows exit traffic, and makes the decision.

The rules are pure. Only this driver loads further offers, through the `find` that it is passed, so it works
over the live catalog and over a recipe that is not live yet.
"""

from decimal import Decimal

from offers.routing.decision import Decision, Defaults, Step
from offers.routing.exit_targets import (
    Choose,
    ExitTarget,
    Find,
    exit_chain,
    exit_target,
    open_candidates,
    pick,
)
from offers.rules import RULES
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import Rule
from offers.rules.common.verdict import ClickContext, Exit, Passed, Pick, Stay, Verdict
from recipes.records.records import ZERO, Offer, OfferStatus

TO_AGGREGATED = RedirectType.EXIT_TO_AGGREGATED.value
# `decide` is looked up here once: a click that stays with its offer runs all of the rules.
_DECIDING = tuple((rule, rule.decide) for rule in RULES)
# Steps that may follow the rules in a trace, besides those of `exit_targets`.
DETECTED_STEP, EXIT_STEP, DEFAULT_STEP = "detected exit", "exit", "default offer"


def decide(
    context: ClickContext, find: Find, choose: Choose, defaults: Defaults, trace: list[Step] | None = None
) -> Decision:
    """Decide one click; every step is appended to `trace` if there is one. Raises `CacheMiss` by `find`."""
    verdict, caps_type = _first_verdict(context, trace)
    caps_type = getattr(verdict, "caps_type", None) or caps_type
    if isinstance(verdict, Pick):
        verdict = _picked(context, verdict, find, choose, trace)
    if isinstance(verdict, Stay):
        return _stay(context, verdict, caps_type, find, defaults)
    return _exit(context, verdict, caps_type, find, choose, defaults, trace)


def _first_verdict(context: ClickContext, trace: list[Step] | None) -> tuple[Verdict, str | None]:
    """Return the first verdict, and the last caps type that a rule noted before it."""
    caps_type = None
    for rule, rule_decides in _DECIDING:
        answer = rule_decides(context)
        if trace is not None:
            trace.append(_step(rule, context, answer))
        if not isinstance(answer, Passed):
            return answer, caps_type
        if answer.caps_type is not None:
            caps_type = answer.caps_type
    raise AssertionError("the default rule always decides")


def _step(rule: Rule, context: ClickContext, answer: Verdict | Passed) -> Step:
    if isinstance(answer, Passed):
        return Step(rule.name, rule.inputs(context), answer.why, decided=False)
    return Step(rule.name, rule.inputs(context), answer.reason, decided=True)


def _picked(
    context: ClickContext, verdict: Pick, find: Find, choose: Choose, trace: list[Step] | None
) -> Exit:
    offer = context.offer
    usable = open_candidates(offer, context, find)
    picked = pick(offer, usable, (), context, choose, find, trace)
    if not picked:
        return verdict.otherwise
    kind = verdict.redirect_type
    return Exit(kind, f"{kind}: {len(usable)} of {len(offer.candidates)} candidates are open", picked)


def own_payout(context: ClickContext) -> Decimal:
    """Return the campaign's payout if it is more than zero, else the offer's."""
    return context.campaign.payout if context.campaign.payout > ZERO else context.offer.payout


def _stay(
    context: ClickContext, stay: Stay, caps_type: str | None, find: Find, defaults: Defaults
) -> Decision:
    offer = context.offer
    page = stay.page or offer.landing_page
    is_default_page = page is None
    if page is None:
        default = _usable_default(find, defaults)
        page = default.landing_page if default and default.landing_page else defaults.page
    payout = own_payout(context)
    return Decision(
        redirect_type=stay.redirect_type,
        redirect_reason=stay.reason,
        offer=offer,
        origin=None,
        campaign=context.campaign,
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
    context: ClickContext,
    leave: Exit,
    caps_type: str | None,
    find: Find,
    choose: Choose,
    defaults: Defaults,
    trace: list[Step] | None,
) -> Decision:
    origin = context.offer
    target, way, named = _follow(context, leave, find, choose, trace)
    recipient = named
    if recipient.offer is None:
        # The offer that the click had to leave must not get it back as the default offer.
        default_id = 0 if defaults.offer_id == origin.offer_id else defaults.offer_id
        default_id = exit_chain(default_id, context, find, trace)[-1]
        recipient = exit_target(default_id, context, find, choose, trace)
        _note(trace, default_id, recipient, DEFAULT_STEP)
    # If no offer has a page for the click, it belongs to the exit offer that was named, if there is one.
    offer = recipient.offer or named.pageless
    page = recipient.offer.landing_page if recipient.offer is not None else None
    payin, payout = _amounts(offer, context.visitor.geo.country)
    relabelled = named.by_aggregated and not leave.keeps_type
    return Decision(
        redirect_type=TO_AGGREGATED if relabelled else leave.redirect_type,
        redirect_reason=leave.reason,
        offer=offer,
        origin=origin,
        campaign=context.campaign,
        payin=payin,
        payout=payout,
        page=page or defaults.page,
        page_id=offer.landing_page_id if offer else None,
        replaced_page=origin.landing_page,
        replaced_page_id=origin.landing_page_id,
        caps_type=caps_type,
        nested_steps=way,
        is_default_page=page is None or (named.offer is None and bool(target) and not named.by_aggregated),
    )


def _follow(
    context: ClickContext, leave: Exit, find: Find, choose: Choose, trace: list[Step] | None
) -> tuple[int, tuple[int, ...], ExitTarget]:
    """Return the offer that the exit names (0: none), the way along the exit chain, and who is at its end."""
    own_id = context.offer.offer_id
    target, way = _destination(context.offer, leave, trace)
    if target == own_id and not leave.may_return:
        said = f"offer {own_id} names itself, and may not have the click"
        nobody = ExitTarget(None, by_aggregated=False, pageless=None, message=said)
        _note(trace, own_id, nobody, EXIT_STEP)
        return 0, way, nobody
    chain = exit_chain(target, context, find, trace)
    if len(chain) > 1:
        way = (*(way or (own_id, target)), *chain[1:])
    named = exit_target(chain[-1], context, find, choose, trace)
    _note(trace, chain[-1], named, EXIT_STEP)
    return target, way, named


def _destination(origin: Offer, leave: Exit, trace: list[Step] | None) -> tuple[int, tuple[int, ...]]:
    """Return the offer to which the exit leads (0: none), and the way to it if it is the detected one."""
    # A chain that leads round detects the very offer that the click has to leave.
    if not leave.nested or origin.detected_exit_id in (0, origin.offer_id):
        return leave.offer_id, ()
    target, way = origin.detected_exit_id, _nested_steps(origin)
    if trace is not None:
        said = f"offer {target} is the first of the exit chain that is not over its cap"
        seen: dict[str, object] = {"exitOfferId": leave.offer_id or None, "chain": list(way)}
        trace.append(Step(DETECTED_STEP, seen, said, decided=True))
    return target, way


def _amounts(offer: Offer | None, country: str | None) -> tuple[Decimal, Decimal]:
    """Return payIn and payOut of the offer that takes an exit click, its payout per country included."""
    if offer is None:
        return ZERO, ZERO
    special = offer.payout_in(country)
    if special is None:
        return offer.payin, offer.payout
    return (
        offer.payin if special.payin is None else special.payin,
        offer.payout if special.payout is None else special.payout,
    )


def _nested_steps(origin: Offer) -> tuple[int, ...]:
    """Return the chain from the original offer to the detected one; both ends alone if it is not known."""
    chain, last = origin.nested_exit_ids, origin.detected_exit_id
    steps = chain[: chain.index(last) + 1] if last in chain else (last,)
    return (origin.offer_id, *steps)


def _note(trace: list[Step] | None, target: int, recipient: ExitTarget, step: str) -> None:
    if trace is not None:
        works = recipient.offer is not None
        trace.append(Step(step, {"offerId": target or None}, recipient.message, decided=works))
