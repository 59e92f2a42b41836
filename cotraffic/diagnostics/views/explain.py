"""Why a link goes where it goes."""

from django.http import HttpRequest, HttpResponse

from cotraffic.diagnostics.panels import render_panel


def page(request: HttpRequest) -> HttpResponse:
    """The panel."""
    return render_panel(request, "explain", {})
