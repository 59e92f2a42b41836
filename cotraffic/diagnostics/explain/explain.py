"""Explains a click: decides it like any other, but writes nothing, and no candidate loses its turn.

The page, `manage.py explain` and the tests use this; a visitor would get the same decision.
"""

import time
from urllib.parse import parse_qsl

from cotraffic.diagnostics.explain.amounts import amounts
from cotraffic.diagnostics.explain.caps import caps_in_words
from cotraffic.diagnostics.explain.hints import hint
from cotraffic.diagnostics.explain.live_caps import capped_records
from cotraffic.diagnostics.explain.request import ExplainRequest
from cotraffic.diagnostics.explain.result import (
    ExplainOutcome,
    Explanation,
    Filled,
    Hop,
    Named,
    PageInputs,
    RefusedExplanation,
    RuleSeen,
    RuleState,
)
from offers.admission import Reason, Refusal
from offers.catalog.catalog import CatalogUnavailable
from offers.catalog.record_cache import RecordSource
from offers.click_log.record import Click, fields, plan_visitor, record
from offers.handler import ClickHandler
from offers.http.debug import visitor_fields
from offers.landing import encoded
from offers.links.tokens import AdToken, BadToken
from offers.routing.decision import Step
from offers.rules import BY_NAME, RULES
from offers.rules.common.sentences import instant
from offers.rules.common.verdict import ClickContext, Exit, Passed, Pick, Stay
from recipes.records.landing_page import MACROS
from recipes.records.records import Campaign, Offer

EXPLAINED_LID = "00000000-0000-4000-8000-000000000000"
LAST_RESORT_STEP = "last resort"


async def explain(handler: ClickHandler, explain_request: ExplainRequest) -> Explanation:
    """Explain what becomes of the requested click, and why. Never raises."""
    trace: list[Step] = []
    token = _token(handler, explain_request)
    offer = campaign = None
    if isinstance(token, AdToken):
        if token.target.offer_id:
            offer = await _named_offer(handler, token.target.offer_id)
        campaign = await _named_campaign(handler, token.target.campaign_id)
        found = await handler.with_live_counts(
            lambda records: _look(handler, explain_request, token, records, trace)
        )
    else:
        found = token
    if isinstance(found, Refusal):
        return _refused(handler, explain_request, offer, campaign, found)
    context = found.context
    live_caps, live_caps_problem = await capped_records(handler, found)
    names = {id_: await _named_offer(handler, id_) for id_ in _offers_in(trace)}
    return Explanation(
        at_ms=context.now_ms,
        offer=offer,
        campaign=campaign,
        took_over=_took_over(offer, context),
        visitor=visitor_fields(context.visitor),
        looked_up_country=handler.visitor(explain_request.request).geo.country,
        rules=_rules(context, trace),
        hops=_hops(handler, found, trace, names),
        outcome=_outcome(handler, found, trace),
        refused=None,
        recipe_version=handler.catalog.version,
        record=fields(record(found)),
        live_caps=live_caps,
        live_caps_problem=live_caps_problem,
        caps=await caps_in_words(found, live_caps),
    )


def _token(handler: ClickHandler, explain_request: ExplainRequest) -> AdToken | Refusal:
    """Decrypt the token, without checking whether it has expired or its records exist."""
    if explain_request.target is not None:
        return AdToken(explain_request.target)
    try:
        return handler.tokens.opened(explain_request.request.ad)
    except BadToken as error:
        return Refusal(Reason.BAD_TOKEN, f"the token {error}")


def _look(
    handler: ClickHandler,
    explain_request: ExplainRequest,
    token: AdToken,
    records: RecordSource,
    trace: list[Step],
) -> Click | Refusal:
    """Decide the click. Raises `CacheMiss`."""
    request, now_ms = explain_request.request, time.time_ns() // 1_000_000
    at_ms = now_ms if explain_request.at_ms is None else explain_request.at_ms
    if token.expires_s and token.expires_s * 1000 <= at_ms:
        return Refusal(Reason.BAD_TOKEN, f"the token expired at {instant(token.expires_s * 1000)}")
    campaign_id = token.target.campaign_id
    if not token.target.offer_id and records.campaign(campaign_id) is None:
        return Refusal(Reason.UNKNOWN_CAMPAIGN, f"campaign {campaign_id} is not in the recipe")
    admitted = handler.admit(token.target, records)
    if isinstance(admitted, Refusal):
        return admitted
    own = ClickContext(*admitted, handler.visitor(request), at_ms, request.subid, request.cid)
    context, lid = explain_request.apply_to(own), explain_request.lid or EXPLAINED_LID
    plan = handler.decide(context, records, dry_run=True, trace=trace)
    landing = handler.landing(plan, request, lid)
    visitor = plan_visitor(context.visitor)
    return Click(lid, request, context, visitor, plan, landing.page_url, landing.location)


def _refused(
    handler: ClickHandler,
    explain_request: ExplainRequest,
    offer: Named | None,
    campaign: Named | None,
    refusal: Refusal,
) -> Explanation:
    visitor = handler.visitor(explain_request.request)
    answer = handler.answer_to(refusal.reason)
    sent_to = dict(answer.headers).get(b"location", b"").decode()
    sees = {302: f"a redirect to {sent_to} (NOT_FOUND_REDIRECT_URL)", 404: "a small page: not found"}
    return Explanation(
        at_ms=time.time_ns() // 1_000_000 if explain_request.at_ms is None else explain_request.at_ms,
        offer=offer,
        campaign=campaign,
        took_over="",
        visitor=visitor_fields(visitor),
        looked_up_country=visitor.geo.country,
        rules=tuple(RuleSeen(rule.name, rule.title, RuleState.NOT_ASKED) for rule in RULES),
        hops=(),
        outcome=None,
        refused=RefusedExplanation(
            refusal.reason.value,
            refusal.detail,
            hint(refusal, explain_request.request.ad, by_ids=explain_request.target is not None),
            answer.status,
            sees.get(answer.status, "a small page: try again in a few seconds"),
        ),
        recipe_version=handler.catalog.version,
        record=None,
    )


def _took_over(offer: Named | None, context: ClickContext) -> str:
    if offer is None or offer.id == context.offer.offer_id:
        return ""
    return (
        f"offer {offer.id} is inactive, so the default campaign {context.campaign.campaign_id} "
        f"(DEFAULT_CAMPAIGN_ID) takes the click, for its offer {context.offer.offer_id}"
    )


def _rules(context: ClickContext, trace: list[Step]) -> tuple[RuleSeen, ...]:
    """Describe every rule in order; those after the one that decided were not asked."""
    steps = {step.rule: step for step in trace}
    seen = []
    for rule in RULES:
        step = steps.get(rule.name)
        if step is None:
            seen.append(RuleSeen(rule.name, rule.title, RuleState.NOT_ASKED))
            continue
        state = RuleState.DECIDED if step.decided else RuleState.PASSED
        words, set_up = rule.describe(context), rule.is_set_up(context)
        seen.append(RuleSeen(rule.name, rule.title, state, words, step.message, step.inputs, set_up))
    return tuple(seen)


def _hops(handler: ClickHandler, click: Click, trace: list[Step], names: dict[int, Named]) -> tuple[Hop, ...]:
    """Return the steps after the rules; the page of last resort is the last if no offer took the click."""
    hops = [_hop(step, names) for step in trace if step.rule not in BY_NAME]
    if click.decision.page is handler.defaults.page:
        said = "no offer has a page for the click, so it goes to DEFAULT_REDIRECT_URL"
        hops.append(Hop(LAST_RESORT_STEP, said, works=True))
    return tuple(hops)


def _hop(step: Step, names: dict[int, Named]) -> Hop:
    seen = step.inputs
    offer, picked = (
        names.get(id_) if isinstance(id_, int) else None for id_ in (seen.get("offerId"), seen.get("picked"))
    )
    candidates, chain = seen.get("candidates"), seen.get("chain")
    return Hop(
        step.rule,
        step.message,
        step.decided,
        offer,
        picked,
        candidates if isinstance(candidates, dict) else {},
        tuple(chain) if isinstance(chain, list) else (),
    )


def _offers_in(trace: list[Step]) -> list[int]:
    found = (
        step.inputs.get(key) for step in trace for key in ("offerId", "picked") if step.rule not in BY_NAME
    )
    return [id_ for id_ in found if isinstance(id_, int)]


def _outcome(handler: ClickHandler, click: Click, trace: list[Step]) -> ExplainOutcome:
    decision, context = click.decision, click.context
    winner = next(BY_NAME[step.rule] for step in trace if step.decided)
    verdict = winner.decide(context)
    if isinstance(verdict, Passed):
        raise AssertionError(f"{winner.name} decided, and passes now: rules are pure")
    payin, payout = amounts(context, decision, verdict)
    return ExplainOutcome(
        winner=winner.name,
        redirect_type=decision.redirect_type,
        redirect_reason=decision.redirect_reason,
        caps_type=decision.caps_type,
        offer=_offer(decision.offer) if decision.offer else None,
        origin=_offer(decision.origin) if decision.origin else None,
        payin=payin,
        payout=payout,
        page=_page(handler, click, verdict),
    )


def _page(handler: ClickHandler, click: Click, verdict: Stay | Exit | Pick) -> PageInputs:
    decision = click.decision
    page, offer = decision.page, decision.offer
    source = _offer(offer) if offer else None
    if offer is not None and page is offer.landing_page:
        words = f"the landing page of offer {offer.offer_id}"
    elif isinstance(verdict, Stay) and verdict.page is not None:
        country = click.context.visitor.geo.country
        words = f"the custom landing page of offer {click.context.offer.offer_id} for {country}"
    elif page is handler.defaults.page:
        words, source = "DEFAULT_REDIRECT_URL, because no offer has a page for this click", None
    else:
        default_id = handler.defaults.offer_id
        words, source = f"the landing page of the default offer {default_id}", Named("offers", default_id)
    affiliate_id = click.context.campaign.affiliate_id
    values = {
        "subid": click.context.sub_campaign,
        "cid": click.context.cid,
        "lid": click.lid,
        "affiliateId": "" if affiliate_id is None else str(affiliate_id),
        "campaignId": str(click.context.campaign.campaign_id),
        "offerId": str(offer.offer_id if offer else 0),
    }
    used = [name for name in MACROS if name in page.shown[1::2]]
    before = click.location.partition("#")[0]
    return PageInputs(
        template=page.text,
        words=words,
        source=source,
        macros=tuple(Filled(f"{{{name}}}", encoded(values[name])) for name in used),
        filled=click.page_url,
        added=tuple(Filled(*pair) for pair in parse_qsl(before[before.rfind("offer_id=") :], True)),
        location=click.location,
    )


async def _named_offer(handler: ClickHandler, offer_id: int) -> Named:
    """Return the offer with name and status; with its id alone if it cannot be read."""
    try:
        offer = await handler.catalog.offer(offer_id)
    except CatalogUnavailable:
        return Named("offers", offer_id)
    return _offer(offer) if offer else Named("offers", offer_id, standing="unknown")


async def _named_campaign(handler: ClickHandler, campaign_id: int) -> Named:
    try:
        campaign = await handler.catalog.campaign(campaign_id)
    except CatalogUnavailable:
        return Named("campaigns", campaign_id)
    return _campaign(campaign) if campaign else Named("campaigns", campaign_id, standing="unknown")


def _offer(offer: Offer) -> Named:
    return Named("offers", offer.offer_id, offer.name or "", f"{offer.status.value}, {offer.type.value}")


def _campaign(campaign: Campaign) -> Named:
    standing = campaign.campaign_status or ""
    if campaign.affiliate_status:
        standing = f"{standing}, affiliate {campaign.affiliate_id} {campaign.affiliate_status}"
    return Named("campaigns", campaign.campaign_id, campaign.name or "", standing.strip(", "))
