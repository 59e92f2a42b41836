"""The recipe in S3 against what is live."""

from django.http import HttpRequest, HttpResponse

from cotraffic.diagnostics.panels import render_panel


def page(request: HttpRequest) -> HttpResponse:
    """The panel."""
    return render_panel(request, "preview", {})
