"""The address of a report is the report: its parameters, read and written."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from django.http import QueryDict

from cotraffic.diagnostics.reports.types import (
    FILTERS,
    ClickFilter,
    Dimension,
    Measure,
    ReportQuery,
    TimeRange,
)
from cotraffic.diagnostics.reports.zones import DAY_MS, HOUR_MS, day_start, local, milliseconds, zone_of
from lib.times import END_OF_TIME_MS

RANGES = {
    "hour": "the last hour",
    "today": "today",
    "yesterday": "yesterday",
    "7days": "the last 7 days",
    "30days": "the last 30 days",
}
CHOSEN = "chosen"
SCOPES = {"": "this instance", "all": "all instances"}
ALL_INSTANCES = "all"
LONGEST_MS = 400 * DAY_MS
PAGE_ROWS = 50
LAST_PAGE = 100_000
ID_DIMENSIONS = frozenset((Dimension.OFFER, Dimension.ORIGIN_OFFER, Dimension.CAMPAIGN, Dimension.AFFILIATE))


# What makes a report: the rest of an address, such as its page, is how one looks at it.
PARAMETERS = frozenset(
    (
        "scope",
        "range",
        "from",
        "to",
        "from_exact",
        "to_exact",
        "zone",
        "by",
        "order",
        "direction",
        "left",
        *(each.value for each in FILTERS),
    )
)


class BadAddress(ValueError):
    """A parameter that cannot be read; the message says which, and what it should be."""


class Address(msgspec.Struct, frozen=True):
    """What an address asks for. `range_name` is a key of `RANGES`, or "chosen"; `scope` one of `SCOPES`.

    `begin` and `end` are local times as a form has them: in minutes, without an offset. `begin_exact` and
    `end_exact` are ISO times where those of a chosen range would be read as others, else "".
    """

    report: ReportQuery
    range_name: str
    begin: str
    end: str
    page: int
    scope: str = ""
    begin_exact: str = ""
    end_exact: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the address."""
        return zone_of(self.report.zone)


def read_address(given: QueryDict, now_ms: int, zone_name: str = "UTC") -> Address:
    """Read the parameters of a report; `zone_name` counts where they have none. Raises `BadAddress`."""
    name = given.get("zone", "").strip() or zone_name
    try:
        zone = zone_of(name)
    except ValueError as error:
        raise BadAddress(str(error)) from None
    range_name, time = _time(given, now_ms, zone)
    values: dict[Dimension, tuple[str, ...]] = {
        dimension: tuple(dict.fromkeys(_value(dimension, text) for text in texts))
        for dimension in FILTERS
        # A form without JavaScript sends the fields that nobody filled in as well.
        if (texts := [text for text in given.getlist(dimension.value) if text.strip()])
    }
    group_by = tuple(dict.fromkeys(_dimension(text) for text in given.getlist("by") if text))[:2]
    page = _page(given.get("page", ""))
    report = ReportQuery(
        ClickFilter(time, values, left=given.get("left") == "1"),
        group_by,
        name,
        order_by=_order(given.get("order", ""), group_by),
        descending=given.get("direction") != "up",
        offset=(page - 1) * PAGE_ROWS,
        limit=PAGE_ROWS,
    )
    begin, end = _input(time.start_ms, zone), _input(time.end_ms, zone)
    exact = [_exact(ms, zone) if range_name == CHOSEN else "" for ms in (time.start_ms, time.end_ms)]
    return Address(report, range_name, begin, end, page, _scope(given.get("scope", "")), *exact)


def write_address(given: Mapping[str, Iterable[str]], **changes: str | Iterable[str] | None) -> str:
    """Return parameters as a query, with some changed; None takes one out. The page starts anew."""
    kept = {name: list(values) for name, values in given.items() if name != "page"}
    for name, value in changes.items():
        kept[name] = [] if value is None else [value] if isinstance(value, str) else list(value)
    return urlencode([(name, value) for name, values in kept.items() for value in values if value != ""])


def parameters(given: QueryDict) -> dict[str, list[str]]:
    """Return the parameters of an address, each with all its values."""
    return {name: list(values) for name, values in given.lists()}


def none_as(text: str) -> str:
    """Return a value as an address has it: "none" stands for clicks that have no value."""
    return text or "none"


def _value(dimension: Dimension, text: str) -> str:
    text = text.strip()
    if text == "none":
        return ""
    if dimension in ID_DIMENSIONS and not (text.isascii() and text.isdecimal()):
        raise BadAddress(f"{dimension.value} is chosen by its id, a number; {text!r} is none")
    return text.upper() if dimension is Dimension.COUNTRY else text


def _dimension(text: str) -> Dimension:
    try:
        return Dimension(text)
    except ValueError:
        known = ", ".join(Dimension)
        raise BadAddress(f"clicks are not grouped by {text!r}, but by one of: {known}") from None


def _order(text: str, group_by: tuple[Dimension, ...]) -> Measure | Dimension:
    if text in group_by:
        return Dimension(text)
    return Measure(text) if text in list(Measure) else Measure.CLICKS


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise BadAddress(f"scope is all, for all instances, or left out; {text!r} is neither")
    return text


def _page(text: str) -> int:
    if not text:
        return 1
    if not (text.isdecimal() and text.isascii() and len(text) < 10 and 0 < int(text) <= LAST_PAGE):
        raise BadAddress(f"page is a number from 1 on; {text!r} is none")
    return int(text)


def _time(given: QueryDict, now_ms: int, zone: ZoneInfo) -> tuple[str, TimeRange]:
    name = given.get("range", "")
    if name in ("", CHOSEN) and (given.get("from") or given.get("to")):
        start = _chosen(given, "from", zone)
        end = _chosen(given, "to", zone) if given.get("to") else now_ms
        if end <= start:
            raise BadAddress("the range ends before it begins: from has to be earlier than to")
        if end - start > LONGEST_MS:
            raise BadAddress(f"the range is longer than {LONGEST_MS // DAY_MS} days")
        return CHOSEN, TimeRange(start, end)
    match name:
        case "" | "hour":
            return "hour", TimeRange(now_ms - HOUR_MS, now_ms)
        case "today":
            return name, TimeRange(day_start(now_ms, zone), now_ms)
        case "yesterday":
            return name, TimeRange(day_start(now_ms, zone, -1), day_start(now_ms, zone))
        case "7days" | "30days":
            return name, TimeRange(day_start(now_ms, zone, 1 - int(name.removesuffix("days"))), now_ms)
        case _:
            raise BadAddress(f"range is one of {', '.join(RANGES)}; {name!r} is none")


def _chosen(given: QueryDict, label: str, zone: ZoneInfo) -> int:
    """Read a time of the form. Its hidden exact time counts while the visible field shows it in the zone."""
    text, exact = given.get(label, ""), given.get(f"{label}_exact", "")
    if exact:
        exact_ms = _moment(exact, f"{label}_exact", zone)
        if _input(exact_ms, zone) == text:
            return exact_ms
    return _moment(text, label, zone)


def _moment(text: str, label: str, zone: ZoneInfo) -> int:
    """Read a local time as forms send it, or one with an offset. Returns milliseconds since the epoch."""
    try:
        found = datetime.fromisoformat(text)
        at_ms = milliseconds(found if found.tzinfo else found.replace(tzinfo=zone))
        if not 0 <= at_ms < END_OF_TIME_MS:
            raise ValueError(text)
        return at_ms
    except (ValueError, OverflowError):
        raise BadAddress(f"{label} is a time such as 2026-11-25T14:00; {text!r} is none") from None


def _input(ms: int, zone: ZoneInfo) -> str:
    return local(ms, zone).strftime("%Y-%m-%dT%H:%M")


def _exact(ms: int, zone: ZoneInfo) -> str:
    """Return an ISO time with its offset if the form's field would be read as another time, else ""."""
    at = local(ms, zone)
    read = at.replace(second=0, microsecond=0, fold=0)
    return "" if milliseconds(read) == ms else at.isoformat()
