"""An offer takes clicks between its start and end date only."""

from offers.rules.verdict import Asked, Exit, Passed

REDIRECT_TYPE = "offerStartEndDateRangeNotPass"
NO_DATES = Passed("the offer has no start and end dates")
INSIDE = Passed("the click is inside the offer's dates")
CANNOT_TELL = Passed("the offer's dates are not given")


def decide(asked: Asked) -> Exit | Passed:
    """Out, when our clock, or the frozen verdict where a date is missing, says outside, or nothing can."""
    dates = asked.offer.dates
    if "dates" in asked.offer.unreadable:
        return _exit(asked, "the offer's dates cannot be read")
    if dates is None:
        return NO_DATES
    passed = dates.passed(asked.now_ms)
    if passed is None:
        return CANNOT_TELL
    if passed:
        return INSIDE
    return _exit(asked, "outside the offer's dates")


def _exit(asked: Asked, why: str) -> Exit:
    reason = f"{REDIRECT_TYPE}: {why}"
    return Exit(REDIRECT_TYPE, reason, asked.offer.exit_offer_id, nested=True)


def looks_at(asked: Asked) -> dict[str, object]:
    """What the rule decides by; all in milliseconds since the epoch."""
    dates = asked.offer.dates
    if "dates" in asked.offer.unreadable:
        return {"now_ms": asked.now_ms, "dates": "cannot be read"}
    if dates is None:
        return {"dates": None}
    return {
        "now_ms": asked.now_ms,
        "start_ms": dates.start_ms,
        "end_ms": dates.end_ms,
        "dateRangePass": dates.frozen_pass,
    }
