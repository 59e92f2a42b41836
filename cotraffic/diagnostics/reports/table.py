"""A report as the page shows it: its columns, its lines and what each leads to, and the data of its chart."""

from collections.abc import Callable
from urllib.parse import urlencode

import msgspec
from django.urls import reverse

from cotraffic.diagnostics.reports.address import none_as, write_address
from cotraffic.diagnostics.reports.types import (
    FILTERS,
    ChartStep,
    ClickFilter,
    ClickReport,
    Dimension,
    Measure,
    ReportQuery,
    ReportRow,
    Series,
    SeriesQuery,
)
from cotraffic.diagnostics.reports.zones import DAY_MS, local, next_start, zone_of
from cotraffic.diagnostics.words import ReferenceEntry, automated_entry, redirect_type_entry

TITLES = {
    Dimension.OFFER: "Offer",
    Dimension.ORIGIN_OFFER: "Offer of the link",
    Dimension.CAMPAIGN: "Campaign",
    Dimension.AFFILIATE: "Affiliate",
    Dimension.COUNTRY: "Country",
    Dimension.REDIRECT_TYPE: "Redirect type",
    Dimension.REASON: "Reason",
    Dimension.DEVICE: "Device",
    Dimension.BROWSER: "Browser",
    Dimension.AUTOMATED: "Automated",
    Dimension.HOUR: "Hour",
    Dimension.DAY: "Day",
}
MEASURES = {
    Measure.CLICKS: "Clicks",
    Measure.UNIQUE: "Unique",
    Measure.PAYIN: "Payin",
    Measure.PAYOUT: "Payout",
}
RECORDS = {
    Dimension.OFFER: "offers",
    Dimension.ORIGIN_OFFER: "offers",
    Dimension.CAMPAIGN: "campaigns",
}
# Their values are codes, which have words.
CODED: dict[Dimension, Callable[[str], ReferenceEntry]] = {
    Dimension.REDIRECT_TYPE: redirect_type_entry,
    Dimension.AUTOMATED: automated_entry,
}
NO_VALUE = {Dimension.AUTOMATED: "a person"}
# They have a "Why not there?".
LEAVING = frozenset((Dimension.ORIGIN_OFFER, Dimension.CAMPAIGN))


class TableColumn(msgspec.Struct, frozen=True):
    """A column; its head leads to the address by which the table is sorted by it."""

    title: str
    address: str
    is_number: bool
    sorted: str = "none"


class Cell(msgspec.Struct, frozen=True):
    """A value of a dimension: its text, a code or a name beside it, and where it leads.

    `reference` is the address that says what the code beside it means.
    """

    title: str
    text: str
    beside: str = ""
    href: str = ""
    why: str = ""
    meaning: str = ""
    reference: str = ""


class ReportLine(msgspec.Struct, frozen=True):
    """A row as it is shown; `clicks_address` lists the clicks behind it, `share` is in percent of all."""

    cells: tuple[Cell, ...]
    row: ReportRow
    share: float
    clicks_address: str


class FilterField(msgspec.Struct, frozen=True):
    """A filter of the form, with its values as an address has them."""

    name: str
    title: str
    values: tuple[str, ...]
    without: str


def dimension_titles() -> dict[str, str]:
    """Return what clicks can be grouped by, as the form has it."""
    return {dimension.value: title for dimension, title in TITLES.items()}


def filters(given: dict[str, list[str]], wanted: ClickFilter) -> list[FilterField]:
    """Return the filters, each with the address without it."""
    return [
        FilterField(
            dimension.value,
            TITLES[dimension],
            tuple(none_as(value) for value in wanted.values.get(dimension, ())),
            write_address(given, **{dimension.value: None}),
        )
        for dimension in FILTERS
    ]


def columns(given: dict[str, list[str]], query: ReportQuery) -> list[TableColumn]:
    """Return the columns of a report: its dimensions, then its measures."""
    found = [_column(given, query, dimension, TITLES[dimension]) for dimension in query.group_by]
    return [*found, *(_column(given, query, measure, title) for measure, title in MEASURES.items())]


def _column(
    given: dict[str, list[str]], query: ReportQuery, order: Measure | Dimension, title: str
) -> TableColumn:
    is_sorted = query.order_by == order
    turns = is_sorted and query.descending
    address = write_address(given, order=order.value, direction="up" if turns else None)
    direction = ("descending" if query.descending else "ascending") if is_sorted else "none"
    return TableColumn(title, address, isinstance(order, Measure), direction)


def lines(given: dict[str, list[str]], query: ReportQuery, report: ClickReport) -> list[ReportLine]:
    """Return the rows of a report as they are shown."""
    return [_line(given, query, row, report.total.clicks) for row in report.rows]


def _line(given: dict[str, list[str]], query: ReportQuery, row: ReportRow, all_clicks: int) -> ReportLine:
    chosen: dict[str, str | None] = {"by": None, "order": None}
    for dimension, key in zip(query.group_by, row.keys, strict=True):
        chosen |= _narrowed(dimension, key, query)
    cells = tuple(
        _cell(given, query, dimension, key, name)
        for dimension, key, name in zip(query.group_by, row.keys, row.names, strict=True)
    )
    share = 100 * row.clicks / all_clicks if all_clicks else 0.0
    return ReportLine(cells, row, share, write_address(given, **chosen))


def _narrowed(dimension: Dimension, key: str, query: ReportQuery) -> dict[str, str | None]:
    """Return the parameters that leave the clicks of one row."""
    if dimension in FILTERS:
        return {dimension.value: none_as(key)}
    zone, time = zone_of(query.zone), query.filter.time
    step = ChartStep.HOUR if dimension is Dimension.HOUR else ChartStep.DAY
    # Not start and length: some days have 23 or 25 hours or begin at 01:00, some hours have 30 minutes.
    start, end = max(int(key), time.start_ms), min(next_start(int(key), step, zone), time.end_ms)
    return {
        "range": None,
        "from": local(start, zone).isoformat(),
        "to": local(end, zone).isoformat(),
        "from_exact": None,
        "to_exact": None,
    }


def _cell(given: dict[str, list[str]], query: ReportQuery, dimension: Dimension, key: str, name: str) -> Cell:
    title = TITLES[dimension]
    if dimension is Dimension.HOUR:
        at = local(int(key), zone_of(query.zone))
        return Cell(title, at.strftime("%Y-%m-%d %H:%M"), at.strftime("%Z"))
    if dimension is Dimension.DAY:
        at = local(int(key), zone_of(query.zone))
        return Cell(title, at.strftime("%Y-%m-%d"), at.strftime("%a"))
    if not key:
        return Cell(title, NO_VALUE.get(dimension, "none"))
    if dimension in CODED:
        return _coded(title, CODED[dimension](key))
    href = why = ""
    if dimension in RECORDS:
        href = reverse("diagnostics:record", args=[RECORDS[dimension], int(key)])
    elif dimension is Dimension.AFFILIATE:
        href = reverse("diagnostics:affiliate", args=[int(key)])
    if dimension in LEAVING and not query.filter.left:
        why = why_address(given, dimension, key)
    return Cell(title, name or key, key if name else "", href, why)


def in_words(dimension: Dimension, key: str, name: str = "") -> str:
    """Return what staff call a value: its words if it is a code, else its `name`."""
    return CODED[dimension](key).words.short if key and dimension in CODED else name


def _coded(title: str, entry: ReferenceEntry) -> Cell:
    words = entry.words
    meaning = f"{words.meaning} {words.change}".strip()
    return Cell(title, words.short, entry.code, meaning=meaning, reference=entry.url)


def why_address(given: dict[str, list[str]], dimension: Dimension, key: str) -> str:
    """Return the address that says why clicks of an offer or campaign left, and for which other offer."""
    by = [Dimension.REDIRECT_TYPE.value, Dimension.OFFER.value]
    return write_address(given, **{dimension.value: key}, left="1", by=by, order=None, direction=None)


def record_addresses(dimension: Dimension, record_id: int) -> dict[str, str]:
    """Return the addresses that a record's page leads to: its report of today, and why its clicks left."""
    by = Dimension.CAMPAIGN if dimension is Dimension.AFFILIATE else Dimension.REDIRECT_TYPE
    report = [(dimension.value, str(record_id)), ("range", "today"), ("by", by.value)]
    return {
        "report": urlencode(report),
        "why": why_address({"range": ["today"]}, dimension, str(record_id)),
    }


def chart(query: ReportQuery, wanted: SeriesQuery, series: Series) -> dict[str, object]:
    """Return what the script draws; times are in seconds since the epoch."""
    named = []
    for line in series.lines:
        label = line.name or line.key
        if line.key is None:
            label = "clicks" if wanted.by is None else "all others"
        elif wanted.by in CODED and line.key:
            label = in_words(wanted.by, line.key)
        elif wanted.by is not None and not line.key:
            label = NO_VALUE.get(wanted.by, "none")
        elif line.name:
            label = f"{line.name} ({line.key})"
        named.append({"label": label, "clicks": line.clicks})
    return {
        "zone": query.zone,
        "step": wanted.step.value,
        "times": [start // 1000 for start in series.starts_ms],
        "lines": named,
        "zoomable": wanted.step is not ChartStep.MINUTE or len(series.starts_ms) > 2,
        "daySeconds": DAY_MS // 1000,
    }
