"""One click by its lid."""

from django.http import HttpRequest, HttpResponse

from cotraffic.diagnostics.panels import render_panel


def page(request: HttpRequest, lid: str) -> HttpResponse:
    """The click."""
    return render_panel(request, "clicks", {"title": f"Click {lid}"})
