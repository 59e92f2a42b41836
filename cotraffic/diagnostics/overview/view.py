"""The overview: a light and a sentence for each part, the web workers, and the last hour in charts."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from cotraffic.diagnostics.overview import look
from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.panels import render_panel
from offers.stats.types import LATENCY_BOUNDS_MS, SLOT_SECONDS, SLOTS, TimeBucket

PERCENTILES = (50, 95, 99)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the overview; the charts are loaded by the page's script."""
    return render_panel(request, "overview", {"overview": look(sources())})


@require_GET
def parts(request: HttpRequest) -> HttpResponse:
    """The lights and the workers as they are now, for the page to patch in."""
    return render(request, "diagnostics/includes/overview.html", {"overview": look(sources())})


@require_GET
def charts(request: HttpRequest) -> HttpResponse:
    """The last hour in slots of ten seconds, those from `since` (seconds since the epoch) on."""
    context = sources()
    try:
        since = float(request.GET.get("since") or 0)
        slots = context.counters.slots(context.now, since)
    except ValueError:
        return JsonResponse({"problem": "since is a time in seconds since the epoch."}, status=400)
    except RedisError:
        problem = "Redis does not answer, so the charts stand still."
        return JsonResponse({"problem": problem}, status=503)
    found = {
        "now": time.time(),
        "slotSeconds": SLOT_SECONDS,
        "slots": [_shown(slot) for slot in slots],
        "kept": SLOTS,
    }
    return JsonResponse(found)


def _shown(slot: TimeBucket) -> dict[str, Any]:
    # What took longer than the last bound has no better figure.
    slowest = LATENCY_BOUNDS_MS[-1]
    percentiles = [slot.percentile(percent) for percent in PERCENTILES]
    return {
        "start": slot.start,
        "clicks": slot.clicks,
        "types": slot.redirect_types,
        "refused": sum(slot.refused.values()),
        "latency": [None if bound is None else min(bound, slowest) for bound in percentiles],
    }
