"""The panel of actions: starts them and shows their outcomes."""

import time

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST
from redis.exceptions import RedisError

from cotraffic.diagnostics.access import staff_user
from cotraffic.diagnostics.actions.enqueue import enqueue
from cotraffic.diagnostics.actions.kinds import KINDS, LISTED
from cotraffic.diagnostics.actions.store import Actions, ActionState
from cotraffic.diagnostics.models import Instance
from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.panels import render_panel

# An action that waits longer means that Celery is busy or away: an idle worker starts it at once.
NOT_TAKEN_UP_SECONDS = 15


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the kinds of actions and the newest; `entry` in the query names one, from the admin's log."""
    context = {"kinds": LISTED, "entry": _log_entry(request.GET.get("entry", "")), **_newest()}
    return render_panel(request, "actions", context)


@require_GET
def progress(request: HttpRequest) -> HttpResponse:
    """Return the newest actions as a fragment, with which the page replaces its own."""
    return render(request, "diagnostics/includes/actions.html", _newest())


@require_POST
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Start an action; one that has a warning needs confirmation first."""
    kind = KINDS.get(name)
    if kind is None or not kind.is_listed:
        raise Http404(f"there is no action {name}")
    if kind.warning and "confirmed" not in request.POST:
        page = {"kind": kind, "title": kind.title}
        return render_panel(request, "actions", page, "diagnostics/confirm.html")
    try:
        enqueue(kind, staff_user(request))
    except RedisError as error:
        return render_panel(request, "actions", {"kinds": LISTED, "redis_problem": error}, status=503)
    return redirect("diagnostics:actions")


def _log_entry(action_id: str) -> LogEntry | None:
    """Return what the admin's log says of an action, which Redis forgets after a week."""
    if not action_id:
        return None
    entries = LogEntry.objects.select_related("user", "content_type")
    ours = entries.filter(content_type=ContentType.objects.get_for_model(Instance))
    return ours.filter(object_id=action_id).first()


def _newest() -> dict[str, object]:
    now_ms = time.time() * 1000
    try:
        newest = Actions(sources().redis).newest()
    except RedisError as error:
        return {"redis_problem": error}
    stuck = any(
        action.state == ActionState.WAITING and now_ms - action.asked_ms > NOT_TAKEN_UP_SECONDS * 1000
        for action in newest
    )
    return {"actions": newest, "stuck": stuck, "busy": any(not action.is_over for action in newest)}
