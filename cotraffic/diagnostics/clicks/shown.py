"""How a field of a click's record is shown, also where an older program wrote another value than ours are."""

import re

from lib.times import END_OF_TIME_S

_OFFERS = frozenset(("offerId", "originOfferId", "offerIdRedirectExitTraffic"))
_ID = re.compile(r"[0-9]{1,18}")


def shown_as(value: object, name: str) -> str:
    """Return how the value of a field is shown; "plain" for one that is not as the field's values are.

    Else "offers" or "campaigns" for the id of such a record, "milliseconds" or "seconds" for a time since the
    epoch, "redirect type", "automated", or "flag".
    """
    if name in _OFFERS and _is_id(value):
        return "offers"
    if name == "campaignId" and _is_id(value):
        return "campaigns"
    if name == "dateAdded" and _is_time(value, a_second=1000):
        return "milliseconds"
    if name == "ttl" and _is_time(value, a_second=1):
        return "seconds"
    if name == "redirectType" and isinstance(value, str):
        return "redirect type"
    if name == "automatedReason" and isinstance(value, str):
        return "automated"
    return "flag" if isinstance(value, bool) else "plain"


def _is_id(value: object) -> bool:
    """Return whether a record's page can be asked for under this id."""
    return (type(value) is int or isinstance(value, str)) and _ID.fullmatch(str(value)) is not None


def _is_time(value: object, *, a_second: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < END_OF_TIME_S * a_second
