"""The panel of the newest clicks, which can be filtered and follows new ones."""

import time
from collections import Counter
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from cotraffic.diagnostics.clicks.archived import archive_link
from cotraffic.diagnostics.clicks.filters import CODES, read_filter
from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.panels import render_panel
from offers.click_log.recent import RecentClicks, recent_clicks
from offers.delivery.lookup import is_entry_id

AWAY = "Redis does not answer, and the newest clicks are there."


class RedirectChoice(NamedTuple):
    """A redirect type that can be chosen; `clicks` came in the last hour."""

    code: str
    words: str
    clicks: int


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the newest clicks that pass the filter, or with `before` those before an entry of the log."""
    asked = {name: value.strip() for name, value in request.GET.dict().items()}
    filters = {name: value for name, value in asked.items() if value and name != "before"}
    before, read = asked.get("before", ""), read_filter(request.GET)
    wrong = read.wrong | _wrong_entry("before", before)
    context: dict[str, object] = {"asked": asked, "filtered": bool(filters), "wrong": wrong}
    try:
        context["redirect_types"] = _redirect_types(read.wanted.redirect_type)
        found = None if wrong else recent_clicks(sources().log, read.wanted, before=before)
    except RedisError as error:
        context |= {"redis_problem": error, "redirect_types": _without_counts()}
        return render_panel(request, "clicks", context, status=400 if wrong else 200)
    if found is None:
        return render_panel(request, "clicks", context, status=400)
    context |= {
        "found": found,
        "is_live": not before,
        "newest_address": urlencode(filters),
        "older_address": urlencode({**filters, "before": found.older}) if found.older else "",
        "archive": archive_link(read.wanted, found),
    }
    return render_panel(request, "clicks", context)


@require_GET
def new(request: HttpRequest) -> HttpResponse:
    """Return the clicks after the entry `after`, as rows of the table."""
    after, read = request.GET.get("after", ""), read_filter(request.GET)
    if wrong := read.wrong | _wrong_entry("after", after):
        return JsonResponse({"problem": f"{'; '.join(wrong.values())}."}, status=400)
    try:
        found = recent_clicks(sources().log, read.wanted, after)
    except RedisError:
        return JsonResponse({"problem": AWAY}, status=503)
    return JsonResponse(_rows(found))


def _rows(found: RecentClicks) -> dict[str, object]:
    return {
        "rows": render_to_string("diagnostics/includes/click_rows.html", {"clicks": found.clicks}),
        "shown": len(found.clicks),
        "newest": found.newest,
        "examined": found.examined,
        "isAll": found.is_all,
    }


def _redirect_types(chosen: str | None) -> list[RedirectChoice]:
    """Return what can be chosen, with its clicks of the last hour, commonest first. Raises `RedisError`."""
    counts = Counter[str]()
    for bucket in sources().counters.buckets(time.time()):
        counts.update(bucket.redirect_types)
    words = {code: short for short, code in CODES.items()}
    codes = {*words, *counts, *([chosen] if chosen else [])}
    choices = [RedirectChoice(code, words.get(code, code), counts[code]) for code in codes]
    return sorted(choices, key=lambda choice: (-choice.clicks, choice.words))


def _without_counts() -> list[RedirectChoice]:
    return [RedirectChoice(code, words, 0) for words, code in CODES.items()]


def _wrong_entry(name: str, text: str) -> dict[str, str]:
    if not text or is_entry_id(text):
        return {}
    return {name: f"{name} is the id of an entry in the log; {text[:40]!r} is none"}
