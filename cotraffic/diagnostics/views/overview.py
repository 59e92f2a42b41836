"""The overview: a light and a sentence for each part."""

from django.http import HttpRequest, HttpResponse

from cotraffic.diagnostics.panels import render_panel


def page(request: HttpRequest) -> HttpResponse:
    """The panel."""
    return render_panel(request, "overview", {})
