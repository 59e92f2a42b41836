"""The panel of refused clicks: how many and why, by hour, and the newest ones."""

from collections import Counter
from typing import Any

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
    """The panel."""
    return render_panel(request, "refused", _found(request))


@require_GET
def fragment(request: HttpRequest) -> HttpResponse:
    """What is in the panel now, for the page to patch in."""
    return render(request, "diagnostics/includes/refused.html", _found(request))


def _found(request: HttpRequest) -> dict[str, Any]:
    """Everything, or only what has the `reason` that is asked for."""
    context, reason = sources(), request.GET.get("reason", "")
    try:
        hours = context.counters.refused_by_hour(context.now)
        newest = context.counters.refusals()
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
    """Count the pages that the newest ones come from, most of them first: the broken advert is there."""
    counted = Counter((one.referer, one.reason) for one in newest if one.referer)
    return [(referer, reason, n) for (referer, reason), n in counted.most_common(SHOWN_REFERERS) if n > 1]
