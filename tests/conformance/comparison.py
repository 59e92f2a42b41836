"""Compares our answers with those of the older implementation, in the fields on which both must agree."""

import json
import re
from typing import Any

# The older implementation's spelling of redirect types.
RENAMED = {
    "offerAggregatedExitTrafficTpRegularOffer": "offerAggregatedExitTrafficToRegularOffer",
    "OfferStartEndDataRangeNotPass": "offerStartEndDateRangeNotPass",
}
NUMERIC = ("offerId", "campaignId", "payIn", "payOut", "landingPageId", "landingPageIdOrigin")
# An id that is missing is 0 there and left out here.
NO_ID_IS_ZERO = ("landingPageIdOrigin", "offerIdRedirectExitTraffic")
FIELDS = (
    "redirectType",
    *NUMERIC,
    "isExitOffer",
    "landingPageUrl",
    "landingPageUrlOrigin",
    "originOfferId",
    "originPayIn",
    "originPayOut",
    "originAdvertiserId",
    "originVerticalId",
    "originConversionType",
    "offerIdRedirectExitTraffic",
    "country",
    "region",
    "city",
    "isp",
    "IP",
    "deviceType",
)
DEVICE_TYPES = {"television": "tv", None: "unknown"}
_LID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def comparable_location(location: str | None) -> str | None:
    """A location or page without what differs from click to click: the lid, and the hash over it."""
    if location is None:
        return None
    return _LID.sub("{lid}", re.sub(r"&hash=[0-9a-f]{32}", "", location)).replace("%7Blid%7D", "{lid}")


def differences(
    expected: dict[str, Any],
    status: int,
    location: str | None,
    data: dict[str, Any],
    written: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Field -> (expected, ours) for every field that differs.

    `data` is that of our debug answer, `written` what the click left behind: `isUniqueVisit`, and the
    `conversion` messages without what differs from click to click.
    """
    found: dict[str, Any] = {}

    def compare(name: str, theirs: Any, ours: Any) -> None:
        if theirs != ours:
            found[name] = (theirs, ours)

    compare("status", expected["status"], status)
    if "decision" not in expected:
        return found
    compare("location", comparable_location(expected["location"]), comparable_location(location))
    decision = {**data.get("decision", {}), **data.get("visitor", {})}
    for name in FIELDS:
        if name in expected["decision"]:
            compare(name, _plain(name, expected["decision"][name]), _plain(name, decision.get(name)))
    if written is not None:
        compare("isUniqueVisit", expected["click"].get("isUniqueVisit"), written["isUniqueVisit"])
        theirs = [comparable_conversion(message) for message in expected.get("conversion_messages", [])]
        compare("conversion", theirs, written["conversion"])
    return found


def comparable_conversion(message: dict[str, Any]) -> dict[str, Any]:
    """A conversion message without time and lid."""
    body = message["body"] if isinstance(message["body"], dict) else json.loads(message["body"])
    body = {**body, "lid": "", "landingPageUrl": comparable_location(body["landingPageUrl"])}
    return {**message, "timestamp": "", "body": body}


def _plain(name: str, value: Any) -> Any:
    """A value such that spelling does not matter: numbers as text, older names, no value as None."""
    if name == "deviceType":
        return DEVICE_TYPES.get(value, value)
    if name == "redirectType":
        return RENAMED.get(value, value)
    if name == "landingPageUrl" and isinstance(value, str):
        return comparable_location(value)
    if value in ("", None, "undefined", "null") or (value == 0 and name in NO_ID_IS_ZERO):
        return None
    if name in NUMERIC or name.startswith("origin"):
        try:
            return float(value)
        except ValueError:
            return value
    return value
