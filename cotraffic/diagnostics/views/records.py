"""Offers and campaigns."""

from django.http import HttpRequest, HttpResponse

from cotraffic.diagnostics.panels import render_panel


def page(request: HttpRequest) -> HttpResponse:
    """The panel."""
    return render_panel(request, "records", {})


def record(request: HttpRequest, kind: str, record_id: int) -> HttpResponse:
    """One offer or campaign."""
    return render_panel(request, "records", {"title": f"{kind} {record_id}"})
