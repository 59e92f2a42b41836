"""The overview: a light and a sentence for each part, the web workers, and the last hour in charts."""

import time

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from cotraffic.diagnostics.overview import look
from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.overview.traffic import TRAFFIC_RANGES, chosen_range
from cotraffic.diagnostics.panels import render_panel
from cotraffic.diagnostics.words import automated_entry, redirect_type_entry
from offers.stats.types import BUCKET_SECONDS, BUCKETS, LATENCY_BOUNDS_MS, TimeBucket

PERCENTILES = (50, 95, 99)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the overview; traffic and charts are loaded by the page's script."""
    context = {"ranges": TRAFFIC_RANGES, "range": chosen_range(request), "overview": look(sources())}
    return render_panel(request, "overview", context)


@require_GET
def parts(request: HttpRequest) -> HttpResponse:
    """Return the lights as a fragment, with which the page replaces its own."""
    return render(request, "diagnostics/includes/overview.html", {"overview": look(sources())})


@require_GET
def workers(request: HttpRequest) -> HttpResponse:
    """Return the web workers as a fragment, with which the page replaces its own."""
    return render(request, "diagnostics/includes/overview_workers.html", {"overview": look(sources())})


@require_GET
def charts(request: HttpRequest) -> HttpResponse:
    """Return the last hour as JSON, in buckets of ten seconds, from `since` (seconds since the epoch) on."""
    overview_sources = sources()
    try:
        since = float(request.GET.get("since") or 0)
        buckets = overview_sources.counters.buckets(overview_sources.now, since)
    except (ValueError, OverflowError):
        return JsonResponse({"problem": "since is a time in seconds since the epoch."}, status=400)
    except RedisError:
        problem = "Redis does not answer, so the charts stand still."
        return JsonResponse({"problem": problem}, status=503)
    found = {
        "now": time.time(),
        "slotSeconds": BUCKET_SECONDS,
        "slots": [_shown(bucket) for bucket in buckets],
        "kept": BUCKETS,
        "words": _words(buckets),
    }
    return JsonResponse(found)


def _words(buckets: list[TimeBucket]) -> dict[str, dict[str, str]]:
    """Return words and address of every code that the charts name."""
    types = {code for bucket in buckets for code in bucket.redirect_types}
    reasons = {reason for bucket in buckets for reason in bucket.automated}
    entries = [*(redirect_type_entry(code) for code in types), *(automated_entry(code) for code in reasons)]
    return {entry.code: {"short": entry.words.short, "url": entry.url} for entry in entries}


def _shown(bucket: TimeBucket) -> dict[str, object]:
    # Answers that took longer than the last bound are shown as that bound.
    slowest = LATENCY_BOUNDS_MS[-1]
    percentiles = [bucket.percentile(percent) for percent in PERCENTILES]
    return {
        "start": bucket.start,
        "clicks": bucket.clicks,
        "types": bucket.redirect_types,
        "refused": sum(bucket.refused.values()),
        "automated": bucket.automated,
        "latency": [None if bound is None else min(bound, slowest) for bound in percentiles],
    }
