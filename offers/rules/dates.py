"""An offer takes clicks between its start and end date only."""

from offers.rules.common.description import Description, closed, exit_of, off
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import ALL_TIME, NOTHING, Rule, Varies
from offers.rules.common.sentences import dates_in_words, instant
from offers.rules.common.verdict import ClickContext, Exit, Passed
from recipes.records.records import Campaign, Offer
from recipes.records.restrictions import DATES

REDIRECT_TYPE = RedirectType.OUTSIDE_DATES.value
NO_DATES = Passed("the offer has no start and end dates")
INSIDE = Passed("the click is inside the offer's dates")
CANNOT_TELL = Passed("the offer's dates are not given")


def decide(context: ClickContext) -> Exit | Passed:
    """Send to the exit offer if the click is outside the offer's dates, or if they cannot be read.

    Our clock decides. If a date is missing, the verdict in the file decides, else the other date; if nothing
    is given, the click passes.
    """
    dates = context.offer.dates
    if DATES in context.offer.unreadable:
        return _exit(context, "the offer's dates cannot be read")
    if dates is None:
        return NO_DATES
    passed = dates.passed(context.now_ms)
    if passed is None:
        return CANNOT_TELL
    if passed:
        return INSIDE
    return _exit(context, "outside the offer's dates")


def _exit(context: ClickContext, why: str) -> Exit:
    reason = f"{REDIRECT_TYPE}: {why}"
    return Exit(REDIRECT_TYPE, reason, context.offer.exit_offer_id, nested=True)


def inputs(context: ClickContext) -> dict[str, object]:
    """Return the values that the rule decides by, for a trace; all in milliseconds since the epoch."""
    dates = context.offer.dates
    if DATES in context.offer.unreadable:
        return {"now_ms": context.now_ms, "dates": "cannot be read"}
    if dates is None:
        return {"dates": None}
    return {
        "now_ms": context.now_ms,
        "start_ms": dates.start_ms,
        "end_ms": dates.end_ms,
        "dateRangePass": dates.frozen_pass,
    }


def varies_by(offer: Offer, _: Campaign) -> Varies:
    """The clock, if the offer has dates."""
    return NOTHING if offer.dates is None else ALL_TIME


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    dates = context.offer.dates
    if DATES in context.offer.unreadable:
        return f"The dates of offer {context.offer.offer_id} cannot be read, which closes it."
    if dates is None:
        return f"Offer {context.offer.offer_id} has no start and end date."
    at = instant(context.now_ms)
    return f"Offer {context.offer.offer_id} runs {dates_in_words(dates)}; the click is at {at}."


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return context.offer.dates is not None or DATES in context.offer.unreadable


def describe_offer(offer: Offer, now_ms: int) -> Description:
    """Say when the offer runs, and whether it does now."""
    if DATES in offer.unreadable:
        return closed("Its dates", exit_of(offer))
    if offer.dates is None:
        return off("It runs always.")
    passed = offer.dates.passed(now_ms)
    now = {True: "running", False: "outside its dates", None: "no dates given, taken as running"}[passed]
    line = (f"It runs {dates_in_words(offer.dates)}; outside, clicks exit to ", *exit_of(offer), ".")
    return Description((line,), now=now)


RULE = Rule("dates", "Dates", decide, inputs, varies_by, describe, is_set_up, describe_offer)
