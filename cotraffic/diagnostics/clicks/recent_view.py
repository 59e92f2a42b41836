"""The panel of the newest clicks, which can be filtered and follows new ones."""

import re
import time
from collections import Counter
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from cotraffic.diagnostics.clicks.archived import archive_link
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
LID_START = re.compile(r"[0-9a-f-]{1,36}", re.IGNORECASE)
AWAY = "Redis does not answer, and the newest clicks are there."


class RedirectChoice(NamedTuple):
    """A redirect type that can be chosen; `clicks` came in the last hour."""

    code: str
    words: str
    clicks: int


class BadFilter(Exception):
    """An invalid filter; `field` names it, the message says why."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the newest clicks that pass the filter, or with `before` those before an entry of the log."""
    asked = {name: value.strip() for name, value in request.GET.dict().items()}
    filters = {name: value for name, value in asked.items() if value and name != "before"}
    context: dict[str, object] = {"asked": asked, "filtered": bool(filters)}
    try:
        wanted, before = _wanted(request.GET), _entry("before", asked.get("before", ""))
        context["redirect_types"] = _redirect_types(wanted.redirect_type)
        found = recent_clicks(sources().log, wanted, before=before)
    except BadFilter as error:
        types = _without_counts()
        context |= {"wrong": {error.field: str(error)}, "redirect_types": types}
        return render_panel(request, "clicks", context, status=400)
    except RedisError as error:
        context |= {"redis_problem": error, "redirect_types": _without_counts()}
        return render_panel(request, "clicks", context)
    context |= {
        "found": found,
        "is_live": not before,
        "newest_address": urlencode(filters),
        "older_address": urlencode({**filters, "before": found.older}) if found.older else "",
        "archive": archive_link(wanted, found),
    }
    return render_panel(request, "clicks", context)


@require_GET
def new(request: HttpRequest) -> HttpResponse:
    """Return the clicks after the entry `after`, as rows of the table."""
    try:
        after = _entry("after", request.GET.get("after", ""))
        found = recent_clicks(sources().log, _wanted(request.GET), after)
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
    numbers = {name: _number(name, label, query.get(name, "")) for name, label in NUMBERS.items()}
    return Wanted(
        **numbers,
        country=query.get("country", "").strip().upper() or None,
        redirect_type=CODES.get(redirect_type, redirect_type) or None,
        unique=UNIQUE.get(query.get("unique", "")),
        automated=MADE_BY.get(query.get("made_by", "")),
        isp=query.get("isp", "").strip(),
        subid=query.get("subid", "").strip(),
        lid=_lid_start(query.get("lid", "").strip()),
    )


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


def _entry(name: str, text: str) -> str:
    if text and not ENTRY.fullmatch(text):
        raise BadFilter(name, f"{name} is the id of an entry in the log; {text!r} is none")
    return text


def _lid_start(text: str) -> str:
    if text and not LID_START.fullmatch(text):
        raise BadFilter(
            "lid", f"a lid begins with hexadecimal digits, such as 9ed72f87; {text[:40]!r} does not"
        )
    return text


def _number(name: str, label: str, text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        raise BadFilter(name, f"{label} is chosen by its id, a number; {text[:40]!r} is none") from None
