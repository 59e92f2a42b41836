"""The panel of the newest clicks, which can be filtered and follows new ones."""

import re

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.panels import render_panel
from cotraffic.diagnostics.words.redirect_types import REDIRECT_TYPES
from offers.click_log.recent import RecentClicks, Wanted, recent_clicks

NUMBERS = {"offer": "Offer", "campaign": "Campaign", "affiliate": "Affiliate"}
UNIQUE = {"yes": True, "no": False}
MADE_BY = {"machine": True, "person": False}
# Records may have redirect types of their own, so any text is accepted beside these codes and their words.
CODES = {words.short: code.value for code, words in REDIRECT_TYPES.items()}
ENTRY = re.compile(r"\d{1,20}-\d{1,20}")
AWAY = "Redis does not answer, and the newest clicks are there."


class BadFilter(Exception):
    """An invalid filter; the message says why."""


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the newest clicks that pass the filter."""
    context: dict[str, object] = {"redirect_types": CODES, "asked": request.GET.dict()}
    try:
        found = recent_clicks(sources().log, _wanted(request.GET))
    except BadFilter as error:
        return render_panel(request, "clicks", {**context, "bad_filter": error}, status=400)
    except RedisError as error:
        return render_panel(request, "clicks", {**context, "redis_problem": error})
    filtered = any(request.GET.values())
    return render_panel(request, "clicks", {**context, "found": found, "filtered": filtered})


@require_GET
def new(request: HttpRequest) -> HttpResponse:
    """Return the clicks after the entry `after`, as rows of the table."""
    try:
        found = recent_clicks(sources().log, _wanted(request.GET), _entry(request.GET.get("after", "")))
    except BadFilter as error:
        return JsonResponse({"problem": str(error)}, status=400)
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


def _wanted(query: QueryDict) -> Wanted:
    """Read the filter from the form. Raises `BadFilter`."""
    redirect_type = query.get("redirect_type", "").strip()
    numbers = {name: _number(label, query.get(name, "")) for name, label in NUMBERS.items()}
    return Wanted(
        **numbers,
        country=query.get("country", "").strip().upper() or None,
        redirect_type=CODES.get(redirect_type, redirect_type) or None,
        unique=UNIQUE.get(query.get("unique", "")),
        automated=MADE_BY.get(query.get("made_by", "")),
    )


def _entry(text: str) -> str:
    if text and not ENTRY.fullmatch(text):
        raise BadFilter(f"after is the id of an entry in the log; {text!r} is none.")
    return text


def _number(label: str, text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        raise BadFilter(f"{label} is chosen by its id, a number; {text!r} is none.") from None
