"""The panel of refused clicks: how many and why, by hour, and the newest ones."""

from collections import Counter

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.panels import render_panel
from cotraffic.diagnostics.refusals.hourly_chart import by_hour
from offers.stats.types import RefusedClick

SHOWN_REFERERS = 5


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the counts by reason and hour, and the newest refused clicks."""
    return render_panel(request, "refused", _found(request))


@require_GET
def fragment(request: HttpRequest) -> HttpResponse:
    """Return the content of the panel as a fragment, with which the page replaces its own."""
    return render(request, "diagnostics/includes/refused.html", _found(request))


def _found(request: HttpRequest) -> dict[str, object]:
    """Return the context of the panel; with `reason` in the query, of that reason alone."""
    found, reason = sources(), request.GET.get("reason", "")
    try:
        hours = found.counters.refused_by_hour(found.now)
        newest = found.counters.refusals()
    except RedisError as error:
        return {"redis_problem": error, "reason": reason}
    totals: Counter[str] = Counter()
    for _, reasons in hours:
        totals.update(reasons)
    shown = [one for one in newest if reason in ("", one.reason)]
    return {
        "reason": reason,
        "total": totals.total(),
        "reasons": totals.most_common(),
        "chart": by_hour(hours, reason),
        "newest": shown,
        "referers": _referers(shown),
    }


def _referers(newest: list[RefusedClick]) -> list[tuple[str, str, int]]:
    """Count the pages that refused clicks came from, the most frequent first: there is the broken advert."""
    counted = Counter((one.referer, one.reason) for one in newest if one.referer)
    return [(referer, reason, n) for (referer, reason), n in counted.most_common(SHOWN_REFERERS) if n > 1]
