"""What staff can make this instance do."""

from django.http import HttpRequest, HttpResponse

from cotraffic.diagnostics.panels import render_panel


def page(request: HttpRequest) -> HttpResponse:
    """The panel."""
    return render_panel(request, "actions", {})
