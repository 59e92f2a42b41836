"""Saves, renames and deletes views of reports, and says so on the page that follows."""

import time

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from cotraffic.diagnostics.access import staff_user
from cotraffic.diagnostics.reports import saved
from cotraffic.diagnostics.reports.address import BadAddress


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Save the report that is shown under a name."""
    query = request.POST.get("query", "")
    try:
        view, is_replaced = saved.save(
            staff_user(request),
            request.POST.get("name", ""),
            query,
            is_shared=request.POST.get("shared") == "1",
            now_ms=time.time_ns() // 1_000_000,
        )
    except BadAddress as error:
        messages.error(request, f"That is no report: {error}.")
        return redirect("diagnostics:reports")
    except saved.BadView as error:
        messages.error(request, f"The view is not saved: {error}.")
        return _report(query)
    instead = "; it took the place of your view of that name" if is_replaced else ""
    messages.success(request, f"Saved as {view.name}{instead}.")
    return _report(view.query)


@require_POST
def change(request: HttpRequest, view_id: int) -> HttpResponse:
    """Rename a view, and share it or not."""
    try:
        view = saved.change(
            staff_user(request),
            view_id,
            request.POST.get("name", ""),
            is_shared=request.POST.get("shared") == "1",
        )
    except saved.BadView as error:
        messages.error(request, f"The view is not changed: {error}.")
    else:
        seen = "all staff see it" if view.is_shared else "you alone see it"
        messages.success(request, f"The view is called {view.name}, and {seen}.")
    return _report(request.POST.get("query", ""))


@require_POST
def delete(request: HttpRequest, view_id: int) -> HttpResponse:
    """Delete a view."""
    try:
        name = saved.delete(staff_user(request), view_id)
    except saved.BadView as error:
        messages.error(request, f"The view is not deleted: {error}.")
    else:
        messages.success(request, f"The view {name} is deleted.")
    return _report(request.POST.get("query", ""))


def _report(query: str) -> HttpResponse:
    """Go back to the report that was shown; what follows the question mark stays on this page."""
    return redirect(f"{reverse('diagnostics:reports')}?{query[:4_000]}")
