"""The traffic of a chosen time in a few numbers, each of which leads into the report that it is of."""

import asyncio
import time
from decimal import Decimal
from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cotraffic.diagnostics.formatting import money, number
from cotraffic.diagnostics.reports import run
from cotraffic.diagnostics.reports.address import BadAddress, read_address
from cotraffic.diagnostics.reports.types import ClickReport, Dimension, ReportProblem, ReportQuery
from cotraffic.diagnostics.words import redirect_type_words

TRAFFIC_RANGES = {
    "hour": "the last hour",
    "today": "today",
    "yesterday": "yesterday",
    "7days": "the last 7 days",
}
FIRST_RANGE = "today"
SHOWN_TYPES = 6
# Every redirect type with every reason of a machine.
MOST_ROWS = 2_000


class TrafficFigure(msgspec.Struct, frozen=True):
    """A number, its share of all clicks in percent (None: it has none), and the query of its report."""

    title: str
    text: str
    address: str
    share: float | None = None


@require_GET
async def fragment(request: HttpRequest) -> HttpResponse:
    """Return the numbers of a range as a fragment; a range that is none is the first one."""
    name = chosen_range(request)
    context: dict[str, object] = {"range": name}
    try:
        context |= await _counted(name, request.COOKIES.get("zone", "UTC"))
    except ReportProblem as error:
        context["problem"] = str(error)
    return render(request, "diagnostics/includes/overview_traffic.html", context)


def chosen_range(request: HttpRequest) -> str:
    """Return the range of an address, a key of `TRAFFIC_RANGES`."""
    name = request.GET.get("range", "")
    return name if name in TRAFFIC_RANGES else FIRST_RANGE


async def _counted(name: str, zone: str) -> dict[str, object]:
    """Count the clicks of a range. Raises `ReportProblem`."""
    now_ms = time.time_ns() // 1_000_000
    given = QueryDict(f"range={name}")
    try:
        address = read_address(given, now_ms, zone)
    except BadAddress:
        # A cookie that names no zone.
        address = read_address(given, now_ms)
    wanted = address.report.filter
    by = (Dimension.REDIRECT_TYPE, Dimension.AUTOMATED)
    left = ReportQuery(msgspec.structs.replace(wanted, left=True))
    whole, elsewhere = await asyncio.gather(
        run.report(ReportQuery(wanted, by, limit=MOST_ROWS)), run.report(left)
    )
    return {
        "figures": _figures(name, whole, elsewhere),
        "types": _types(name, whole),
        "zone": address.report.zone,
        "clicks": whole.total.clicks,
    }


def _figures(name: str, whole: ClickReport, elsewhere: ClickReport) -> list[TrafficFigure]:
    total = whole.total
    machines = sum(row.clicks for row in whole.rows if row.keys[1])

    def figure(title: str, count: int, *query: tuple[str, str], share: bool = False) -> TrafficFigure:
        percent = 100 * count / total.clicks if share and total.clicks else None
        return TrafficFigure(title, number(count), urlencode([("range", name), *query]), percent)

    def amount(title: str, value: Decimal, *query: tuple[str, str]) -> TrafficFigure:
        return TrafficFigure(title, money(value), urlencode([("range", name), *query]))

    by_offer = ("by", Dimension.OFFER.value)
    return [
        figure("Clicks", total.clicks, by_offer),
        figure("Unique visits", total.unique, by_offer, ("order", "unique"), share=True),
        figure(
            "Went to another offer",
            elsewhere.total.clicks,
            *(("left", "1"), ("by", Dimension.REDIRECT_TYPE.value), by_offer),
            share=True,
        ),
        figure("Made by machines", machines, ("by", Dimension.AUTOMATED.value), share=True),
        amount("Payin", total.payin, by_offer, ("order", "payin")),
        amount("Payout", total.payout, by_offer, ("order", "payout")),
    ]


def _types(name: str, whole: ClickReport) -> list[TrafficFigure]:
    """Return the commonest redirect types, with the report of each by campaign."""
    clicks: dict[str, int] = {}
    for row in whole.rows:
        clicks[row.keys[0]] = clicks.get(row.keys[0], 0) + row.clicks
    first = sorted(clicks.items(), key=lambda found: -found[1])[:SHOWN_TYPES]
    return [
        TrafficFigure(
            redirect_type_words(code).short if code else "none",
            number(count),
            urlencode(
                [
                    *(("range", name), (Dimension.REDIRECT_TYPE.value, code or "none")),
                    ("by", Dimension.CAMPAIGN.value),
                ]
            ),
            100 * count / whole.total.clicks,
        )
        for code, count in first
    ]
