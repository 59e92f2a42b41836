"""Compares a recorded click with what the same visitor would get now."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from cotraffic.diagnostics.explain.result import Explanation

GROUPS: dict[str, tuple[str, ...]] = {
    "Decision": (
        "redirectType",
        "redirectReason",
        "capsType",
        "landingPageUrl",
        "landingPageId",
        "nestedExitOfferSteps",
        "isUseDefaultOfferUrl",
    ),
    "Money": ("payin", "payout", "payoutPercent"),
    "Offer and campaign": (
        "offerId",
        "offerName",
        "offerType",
        "offerDescription",
        "conversionType",
        "isCpmOptionEnabled",
        "advertiserId",
        "advertiserName",
        "advertiserManagerId",
        "verticalId",
        "verticalName",
        "campaignId",
        "affiliateId",
        "affiliateType",
        "affiliateManagerId",
    ),
    "Origin: the offer that the click left": (
        "originOfferId",
        "originPayIn",
        "originPayOut",
        "originAdvertiserId",
        "originAdvertiserName",
        "originConversionType",
        "originIsCpmOptionEnabled",
        "originVerticalId",
        "originVerticalName",
        "landingPageIdOrigin",
        "landingPageUrlOrigin",
        "offerIdRedirectExitTraffic",
    ),
    "Visitor": (
        "IP",
        "country",
        "region",
        "city",
        "isp",
        "deviceType",
        "browser",
        "browserVersion",
        "os",
        "platform",
        "userAgent",
        "isAutomated",
        "automatedReason",
    ),
    "Click": (
        "lid",
        "dateAdded",
        "isUniqueVisit",
        "isUniqueVisitAssumed",
        "subCampaign",
        "cid",
        "referer",
        "adDomain",
        "adPath",
        "fingerPrintKey",
        "eventType",
        "event",
        "ttl",
    ),
}
# Each click has its own, or now takes it from the record.
NOT_COMPARED = frozenset({*GROUPS["Click"], "IP", "userAgent"})
OTHER = "Other"


class Field(msgspec.Struct, frozen=True):
    """One field: what was recorded, what it would be now (None: left out), and whether that matters."""

    name: str
    then: Any
    now: Any
    is_compared: bool
    differs: bool


class FieldGroup(msgspec.Struct, frozen=True):
    """Fields that belong together."""

    title: str
    fields: tuple[Field, ...]

    @property
    def is_compared(self) -> bool:
        """Whether any field of the group could be different now."""
        return any(field.is_compared for field in self.fields)

    @property
    def differences(self) -> int:
        """How many fields of the group would be different now."""
        return sum(field.differs for field in self.fields)


def compare(record: Mapping[str, object], now: Explanation | None) -> tuple[FieldGroup, ...]:
    """Group the record's fields, each beside what the same click would record now."""
    again = now.record if now is not None else None
    known = {name for names in GROUPS.values() for name in names}
    rest = tuple(sorted(record.keys() - known))
    return tuple(
        FieldGroup(title, tuple(_fields(names, record, again)))
        for title, names in {**GROUPS, OTHER: rest}.items()
        if any(record.get(name) is not None or (again or {}).get(name) is not None for name in names)
    )


def _fields(
    names: tuple[str, ...], record: Mapping[str, object], again: Mapping[str, object] | None
) -> Iterator[Field]:
    for name in names:
        then, now = record.get(name), None if again is None else again.get(name)
        if then is None and now is None:
            continue
        is_compared = again is not None and name not in NOT_COMPARED
        yield Field(name, then, now, is_compared, is_compared and not _equal(then, now))


def _equal(then: object, now: object) -> bool:
    """Return whether two values mean the same: amounts are compared by value, flags as 0 and 1."""
    if isinstance(then, bool | int | Decimal) and isinstance(now, bool | int | Decimal):
        return Decimal(then) == Decimal(now)
    return then == now
