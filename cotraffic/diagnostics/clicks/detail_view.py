"""One click by its lid: its record, where it is, and what the same visitor would get now."""

import asyncio
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from cotraffic.diagnostics.clicks.compare import compare
from cotraffic.diagnostics.explain.explain import explain
from cotraffic.diagnostics.explain.recorded import explain_request_of
from cotraffic.diagnostics.explain.request import UNKNOWN_COUNTRY
from cotraffic.diagnostics.handler import handler_for
from cotraffic.diagnostics.panels import arender_panel, render_panel
from offers.delivery.lookup import (
    MAX_ENTRIES,
    Whereabouts,
    find_beginning,
    look_up,
    read_lid,
    read_lid_beginning,
)


def find(request: HttpRequest) -> HttpResponse:
    """Redirect to the page of the lid that was typed or pasted, or of its beginning; else show the form."""
    typed = request.GET.get("lid", "")
    lid = read_lid(typed)
    if lid is not None:
        return redirect("diagnostics:click", lid)
    context: dict[str, object] = {"title": "A click", "typed": typed, "searched": MAX_ENTRIES}
    beginning = read_lid_beginning(typed)
    if beginning is not None:
        context["beginning"] = beginning
        try:
            found = find_beginning(beginning, get_redis_connection("default"))
        except RedisError as error:
            context["redis_problem"] = str(error)
        else:
            if found is not None:
                lid, entry = found
                return redirect(f"{reverse('diagnostics:click', args=[lid])}?{urlencode({'entry': entry})}")
    return render_panel(request, "clicks", context, "diagnostics/click.html")


async def page(request: HttpRequest, lid: str) -> HttpResponse:
    """Show a click; `entry` in the query is its entry of the log, if that is known."""
    known = read_lid(lid)
    if known is None:
        return redirect(f"{reverse('diagnostics:find_click')}?{urlencode({'lid': lid})}")
    # In a thread: it waits for DynamoDB and Redis, and must not hold up the clicks of this worker.
    found = await asyncio.to_thread(_look_up, known, request.GET.get("entry", ""))
    context: dict[str, object] = {"title": "A click", "lid": known, "typed": known, "found": found}
    if found.record is not None:
        context |= await _beside_now(request, found, found.record)
    return await arender_panel(request, "clicks", context, "diagnostics/click.html")


def _look_up(lid: str, entry_id: str) -> Whereabouts:
    return look_up(lid, get_redis_connection("default"), entry_id)


async def _beside_now(
    request: HttpRequest, found: Whereabouts, record: dict[str, object]
) -> dict[str, object]:
    """Return the context that compares the record with what would be recorded now."""
    explain_request, now, not_set_up = explain_request_of(record), None, ""
    try:
        if explain_request is not None:
            async with handler_for(request) as handler:
                now = await explain(handler, explain_request)
    except (OSError, ValueError) as error:
        not_set_up = str(error)
    groups = compare(record, now)
    # Only if the address has moved does the country of then make a difference.
    has_moved = now is not None and now.looked_up_country != record.get("country")
    country = str(record.get("country") or UNKNOWN_COUNTRY)
    return {
        "groups": groups,
        "differences": sum(group.differences for group in groups),
        "now": now,
        "not_set_up": not_set_up,
        "explain_url": _explain_url(found) if now else "",
        "explain_as_recorded_url": _explain_url(found, country) if has_moved else "",
    }


def _explain_url(found: Whereabouts, country: str = "") -> str:
    """Return the URL that explains this very click now, or as if its address were in `country`."""
    query = {"lid": found.lid, "entry": found.log.entry_id if found.log else "", "country": country}
    return (
        f"{reverse('diagnostics:explain')}?{urlencode({name: text for name, text in query.items() if text})}"
    )
