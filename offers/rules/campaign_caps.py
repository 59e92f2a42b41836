"""A campaign may be capped."""

from offers.rules.common.caps import caps_are_off, caps_inputs, over_its_cap
from offers.rules.common.description import Description, Line, OfferRef, capped, closed, off
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import ALL_TIME, NOTHING, Rule, Varies
from offers.rules.common.sentences import describe_caps
from offers.rules.common.verdict import ClickContext, Exit, Passed
from recipes.records.records import Campaign, Offer
from recipes.records.restrictions import CAPS

# Both are redirect types and caps types. The file's own `capsType` is not used: it names one of two limits,
# and the network's reports have always grouped campaigns by these.
OVER_LIMIT = RedirectType.CAMPAIGN_OVER_CAP.value
UNDER_LIMIT = RedirectType.CAMPAIGN_UNDER_CAP.value
NO_CAPS = Passed("the campaign has no caps")
UNDER_WITHOUT_TARGET = Passed("the campaign is under its cap, and its caps name no offer", UNDER_LIMIT)
OUT_OF_DATES = Passed("the campaign's caps are off: outside their dates", "capsCampaignDataRangeNotPass")
WITHIN = Passed("the campaign's caps ask for nothing")


def decide(context: ClickContext) -> Exit | Passed:
    """Over its limit: send to the exit offer. Under it: to the offer that the caps name, if they name one."""
    caps = context.campaign.caps
    if CAPS in context.campaign.unreadable:
        return _over(context, "the campaign's caps cannot be read")
    if caps is None:
        return NO_CAPS
    if caps_are_off(caps, context.now_ms):
        return OUT_OF_DATES
    if caps.over_limit:
        return _over(context, over_its_cap("the campaign", caps))
    if caps.under_limit:
        if caps.redirect_offer_id == 0:
            return UNDER_WITHOUT_TARGET
        reason = f"{UNDER_LIMIT}: the campaign is under its cap"
        return Exit(UNDER_LIMIT, reason, caps.redirect_offer_id, caps_type=UNDER_LIMIT, may_return=True)
    return WITHIN


def _over(context: ClickContext, why: str) -> Exit:
    return Exit(
        OVER_LIMIT,
        f"{OVER_LIMIT}: {why}",
        context.offer.exit_offer_id,
        nested=True,
        caps_type=OVER_LIMIT,
    )


def inputs(context: ClickContext) -> dict[str, object]:
    """Return the values that the rule decides by, for a trace."""
    if CAPS in context.campaign.unreadable:
        return {"caps": "cannot be read"}
    return caps_inputs(context.campaign.caps, context.now_ms)


def varies_by(_: Offer, campaign: Campaign) -> Varies:
    """The clock, where the caps have dates."""
    return ALL_TIME if campaign.caps is not None and campaign.caps.dates is not None else NOTHING


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    campaign = context.campaign
    if CAPS in campaign.unreadable:
        return f"The caps of campaign {campaign.campaign_id} cannot be read, which counts as over its cap."
    return describe_caps(f"Campaign {campaign.campaign_id}", campaign.caps, context.now_ms)


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return context.campaign.caps is not None or CAPS in context.campaign.unreadable


def describe_campaign(campaign: Campaign, now_ms: int) -> Description:
    """Say where the campaign's clicks go over and under its limits, and how it stands."""
    caps = campaign.caps
    if CAPS in campaign.unreadable:
        return closed("Its caps", ("the offer's exit offer",))
    if caps is None:
        return off("It has no caps.")
    lines: list[Line] = [("Over a limit, clicks exit to the offer's exit offer.",)]
    if caps.redirect_offer_id:
        lines.append(("Under its limits, clicks exit to ", OfferRef(caps.redirect_offer_id), "."))
    else:
        lines.append(("Under its limits, its caps ask for nothing.",))
    return capped(caps, now_ms, lines)


RULE = Rule(
    "campaign caps",
    "Campaign caps",
    decide,
    inputs,
    varies_by,
    describe,
    is_set_up,
    describe_campaign=describe_campaign,
)
