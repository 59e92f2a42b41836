"""The panel of reports: table and chart, the clicks behind a number, values to filter by, and downloads."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from urllib.parse import urlencode

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from cotraffic.diagnostics.access import staff_user
from cotraffic.diagnostics.panels import arender_panel
from cotraffic.diagnostics.reports import fleet, run, sql
from cotraffic.diagnostics.reports.address import (
    ALL_INSTANCES,
    CHOSEN,
    PAGE_ROWS,
    RANGES,
    SCOPES,
    Address,
    BadAddress,
    parameters,
    read_address,
    write_address,
)
from cotraffic.diagnostics.reports.fleet import FilesMissing, FleetFiles
from cotraffic.diagnostics.reports.saved import listed, present_query
from cotraffic.diagnostics.reports.table import (
    TITLES,
    chart,
    columns,
    dimension_titles,
    filters,
    in_words,
    lines,
)
from cotraffic.diagnostics.reports.types import (
    FILTERS,
    ChartStep,
    ClickFilter,
    ClicksQuery,
    Dimension,
    ReportProblem,
    ReportQuery,
    SeriesQuery,
    TimeRange,
)
from cotraffic.diagnostics.reports.zones import DAY_MS, HOUR_MS
from offers.click_log.recent import RecentClick

ZONE_COOKIE = "zone"
# The parameter of a list of clicks that has the query of the report it came from.
BACK = "back"
FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
# Most steps of a chart: more are finer than its pixels.
MINUTES_MS = 3 * HOUR_MS
HOURS_MS = 8 * DAY_MS


@require_GET
async def page(request: HttpRequest) -> HttpResponse:
    """Show a report."""
    query = present_query(request.GET)
    context = {**_form(request), "present_query": query}
    try:
        context["views"] = await sync_to_async(listed)(staff_user(request), query)
    except DatabaseError as error:
        # A report is worth showing without them, as while a new version's tables are not there yet.
        context["views_problem"] = str(error)
    try:
        address = _address(request)
        context |= {"address": address, "filters": filters(parameters(request.GET), address.report.filter)}
        context["fleet"], address = await _with_files(address)
        asked = address.report
        by = next((each for each in asked.group_by if each in FILTERS), None)
        wanted = SeriesQuery(asked.filter, asked.zone, _step(asked.filter.time), by)
        found = await asyncio.gather(run.report(asked), run.series(wanted), run.not_counted(asked.filter))
        report, series, context["left_out"] = found
    except BadAddress as error:
        return await arender_panel(request, "reports", {**context, "bad_address": error}, status=400)
    except FilesMissing as error:
        return await arender_panel(request, "reports", {**context, "to_fetch": error.found})
    except ReportProblem as error:
        return await arender_panel(request, "reports", {**context, "report_problem": error}, status=503)
    given = parameters(request.GET)
    context |= {
        "report": report,
        "columns": columns(given, asked),
        "lines": lines(given, asked, report),
        "chart": chart(asked, wanted, series),
        "pages": _pages(given, address.page, report.groups),
        "clicks_address": write_address(given),
        # The clicks of a row are of a narrower, ungrouped report: they carry the way back to this one.
        "back": urlencode({BACK: request.GET.urlencode()}),
    }
    return await arender_panel(request, "reports", context)


@require_GET
async def clicks(request: HttpRequest) -> HttpResponse:
    """List the clicks behind a number, the newest first."""
    context = {**_form(request), "title": "Clicks of a report"}
    template = "diagnostics/report_clicks.html"
    try:
        address = _address(request)
        context |= {"address": address, "filters": filters(parameters(request.GET), address.report.filter)}
        context["fleet"], address = await _with_files(address)
        query = address.report
        wanted = ClicksQuery(query.filter, query.offset, PAGE_ROWS)
        alone = run.report(_ungrouped(address))
        found, report, context["left_out"] = await asyncio.gather(
            run.clicks(wanted), alone, run.not_counted(query.filter)
        )
    except BadAddress as error:
        return await arender_panel(request, "reports", {**context, "bad_address": error}, template, 400)
    except FilesMissing as error:
        return await arender_panel(request, "reports", {**context, "to_fetch": error.found}, template)
    except ReportProblem as error:
        return await arender_panel(request, "reports", {**context, "report_problem": error}, template, 503)
    given = parameters(request.GET)
    context |= {
        "clicks": [_shown(click) for click in found],
        "total": report.total,
        "pages": _pages(given, address.page, report.total.clicks),
        "back": request.GET.get(BACK) or write_address(given),
        "download_address": write_address(given, **{BACK: None}),
    }
    return await arender_panel(request, "reports", context, template)


@require_GET
async def values(request: HttpRequest) -> HttpResponse:
    """Return the commonest values of a dimension in the range of an address, as JSON."""
    try:
        dimension = Dimension(request.GET.get("dimension", ""))
        if dimension not in FILTERS:
            raise BadAddress("hours and days are chosen by the range")
        _, address = await _with_files(_address(request))
        wanted = ClickFilter(address.report.filter.time, files=address.report.filter.files)
        found = await run.values(wanted, dimension, request.GET.get("search", "")[:100])
    except ValueError as error:
        return JsonResponse({"problem": str(error)}, status=400)
    except (ReportProblem, FilesMissing) as error:
        return JsonResponse({"problem": str(error)}, status=503)
    named = [(each, in_words(dimension, each.key, each.name)) for each in found]
    values = [{"key": each.key, "name": name, "clicks": each.clicks} for each, name in named]
    return JsonResponse({"values": values})


@require_GET
async def download(request: HttpRequest) -> HttpResponseBase:
    """Send a report, or with `what=clicks` its clicks, as a file; it ends when the browser leaves."""
    kind = request.GET.get("format", "csv")
    try:
        if kind not in FORMATS:
            raise BadAddress(f"format is csv or parquet; {kind!r} is neither")
        _, address = await _with_files(_address(request))
        query = address.report
        wants_clicks = request.GET.get("what") == "clicks"
        statement = sql.clicks_export(ClicksQuery(query.filter)) if wants_clicks else sql.report_export(query)
        pieces = run.export(query.filter, statement, kind)
        # The first piece is waited for, so that what fails at once is said with a status.
        first = await anext(pieces, b"")
        left_out = await run.not_counted(query.filter)
    except BadAddress as error:
        return HttpResponse(f"{error}.", status=400, content_type="text/plain")
    except (ReportProblem, FilesMissing) as error:
        return HttpResponse(str(error), status=503, content_type="text/plain")
    answer = StreamingHttpResponse(_joined(first, pieces), content_type=FORMATS[kind])
    name = f"{'clicks' if wants_clicks else 'report'}-{time.strftime('%Y%m%d-%H%M%S')}"
    # A file has no other place for what the page says: some clicks are not in it.
    name += "-incomplete" if left_out.clicks else ""
    answer["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer


@require_GET
async def fetch(request: HttpRequest) -> HttpResponseBase:
    """Copy the files of all instances for an address; say how far it is in lines of JSON.

    It ends when the browser leaves. The last line has `done`, or the `problem`.
    """
    try:
        address = _address(request)
        if address.scope != ALL_INSTANCES:
            raise BadAddress("scope is to be all: this instance has its own files")
        _demand_bucket(address)
    except BadAddress as error:
        return JsonResponse({"problem": f"{error}."}, status=400)
    return StreamingHttpResponse(_fetched(address), content_type="application/x-ndjson")


async def _fetched(address: Address) -> AsyncIterator[bytes]:
    try:
        async with aclosing(fleet.fetch(address.report.filter.time)) as steps:
            async for step in steps:
                if isinstance(step, fleet.FetchProgress):
                    yield msgspec.json.encode(step) + b"\n"
    except ReportProblem as error:
        yield msgspec.json.encode({"problem": str(error)}) + b"\n"
    else:
        yield b'{"done":true}\n'


async def _with_files(address: Address) -> tuple[FleetFiles | None, Address]:
    """Return the files of all instances, if the address asks for these, and the address with them.

    Raises `BadAddress`, `FilesMissing` and `ReportProblem`.
    """
    if address.scope != ALL_INSTANCES:
        return None, address
    _demand_bucket(address)
    found = await fleet.look(address.report.filter.time)
    if found.missing_files:
        raise FilesMissing(found)
    wanted = msgspec.structs.replace(address.report.filter, files=found.paths)
    report = msgspec.structs.replace(address.report, filter=wanted)
    return found, msgspec.structs.replace(address, report=report)


def _demand_bucket(address: Address) -> None:
    if not settings.CLICK_ARCHIVE_BUCKET:
        raise BadAddress(f"{SCOPES[address.scope]} are read from CLICK_ARCHIVE_BUCKET, which is not set here")


async def _joined(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    # Closed at once where the browser leaves, and the process with it, instead of when it is collected.
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece


def _address(request: HttpRequest) -> Address:
    zone = request.COOKIES.get(ZONE_COOKIE, "UTC")
    try:
        return read_address(request.GET, time.time_ns() // 1_000_000, zone)
    except BadAddress:
        if request.GET.get("zone") or zone == "UTC":
            raise
        # A cookie that names no zone must not lock anybody out.
        return read_address(request.GET, time.time_ns() // 1_000_000)


def _ungrouped(address: Address) -> ReportQuery:
    return ReportQuery(address.report.filter, zone=address.report.zone)


def _form(request: HttpRequest) -> dict[str, object]:
    return {
        "ranges": {**RANGES, CHOSEN: "from … to …"},
        "dimensions": dimension_titles(),
        "titles": TITLES,
        "given": {name: request.GET.get(name, "") for name in ("from", "to", "zone")},
        "is_chosen": bool(request.GET),
        "scopes": SCOPES if settings.CLICK_ARCHIVE_BUCKET or request.GET.get("scope") else {},
        "fetch_query": request.GET.urlencode(),
    }


def _step(wanted: TimeRange) -> ChartStep:
    length = wanted.end_ms - wanted.start_ms
    if length <= MINUTES_MS:
        return ChartStep.MINUTE
    return ChartStep.HOUR if length <= HOURS_MS else ChartStep.DAY


def _pages(given: dict[str, list[str]], page: int, rows: int) -> dict[str, object]:
    last = max(1, -(-rows // PAGE_ROWS))
    return {
        "page": page,
        "last": last,
        "before": write_address(given, page=str(page - 1)) if page > 1 else "",
        "after": write_address(given, page=str(page + 1)) if page < last else "",
    }


def _shown(click: dict[str, object]) -> RecentClick:
    """Return a click of the archive as those of the log are shown."""
    known = {name: click[name] for name in RecentClick.__struct_encode_fields__ if name in click}
    return msgspec.convert({**known, "isUnique": click.get("isUniqueVisit")}, RecentClick, strict=False)
