"""The panel of refused clicks: groups of them, hours of the last day, and single rows, page by page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.panels import render_panel
from cotraffic.diagnostics.refusals.groups import TITLES, RefusedFilter, all_groups, text_of, values_of
from cotraffic.diagnostics.refusals.hourly_chart import by_hour
from offers.stats.types import NEWEST_REFUSALS, REFUSED_DAYS, RefusedClick
from recipes.records.fields import id_of

CHART_HOURS = 24
ROWS_A_PAGE = 50


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show groups of refused clicks, and the newest that fit what is chosen in the query."""
    return render_panel(request, "refused", _found(request))


@require_GET
def fragment(request: HttpRequest) -> HttpResponse:
    """Return the content of the panel as a fragment, with which the page replaces its own."""
    return render(request, "diagnostics/includes/refused.html", _found(request))


def _found(request: HttpRequest) -> dict[str, object]:
    """Return the context of the panel.

    Values of `TITLES` in the query choose clicks. `page` counts from the rows that there were at `until`, in
    milliseconds since the epoch, so that new ones move nothing from page to page.
    """
    found = sources()
    wanted = RefusedFilter({name: value for name in TITLES if (value := request.GET.get(name, ""))})
    until_ms = id_of(request.GET.get("until"))
    context: dict[str, object] = {"wanted": wanted, "query": wanted.address(), "is_live": until_ms is None}
    try:
        hours = found.counters.refused_by_hour(found.now)
        rows = found.counters.refusals()
    except RedisError as error:
        return {**context, "redis_problem": error}
    if until_ms is not None:
        rows = [row for row in rows if row.at_ms <= until_ms]
    reason = wanted.chosen.get("reason", "")
    return {
        **context,
        "reason": reason,
        "days": REFUSED_DAYS,
        "total": sum(sum(reasons.values()) for _, reasons in hours),
        "all_groups": all_groups(wanted, rows, hours),
        "chart": by_hour(list(hours[-CHART_HOURS:]), reason),
        "choices": [
            (TITLES[name], text_of(name, value), wanted.address(**{name: None}))
            for name, value in wanted.chosen.items()
        ],
        "kept": len(rows),
        "most_kept": NEWEST_REFUSALS,
        "oldest_ms": min((row.at_ms for row in rows), default=None),
        **_paged(request, wanted, rows),
    }


def _paged(request: HttpRequest, wanted: RefusedFilter, rows: list[RefusedClick]) -> dict[str, object]:
    """Return the context of one page of the rows that fit."""
    fitting = [row for row in rows if wanted.fits(values_of(row))] if wanted.chosen else rows
    pages = max(1, -(-len(fitting) // ROWS_A_PAGE))
    number = min(id_of(request.GET.get("page")) or 1, pages)
    until = request.GET.get("until") or str(max((row.at_ms for row in rows), default=0))

    def address(page_number: int) -> str:
        return wanted.address(until=until, page=str(page_number)) if page_number > 1 else wanted.address()

    return {
        "fitting": len(fitting),
        "rows": fitting[(number - 1) * ROWS_A_PAGE : number * ROWS_A_PAGE],
        "page_number": number,
        "page_count": pages,
        "newer": address(number - 1) if number > 1 else None,
        "older": address(number + 1) if number < pages else None,
    }
