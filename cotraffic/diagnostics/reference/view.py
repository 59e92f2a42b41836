"""The panel that says what every redirect type, refusal and automated reason means."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from cotraffic.diagnostics.panels import render_panel
from cotraffic.diagnostics.words import (
    ReferenceEntry,
    automated_reasons,
    redirect_types,
    refusals,
)


class ReferenceSection(msgspec.Struct, frozen=True):
    """Entries of one sort; `stored` says where their codes are found."""

    anchor: str
    title: str
    stored: str
    entries: list[ReferenceEntry]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show all entries, section by section."""
    return render_panel(request, "reference", {"sections": sections()})


def sections() -> list[ReferenceSection]:
    """Return the sections, in the order of the page."""
    return [
        ReferenceSection(
            "redirect",
            "Redirect types: why a click went where it went",
            "In the record of a click as redirectType, in the order in which rules are asked.",
            redirect_types(),
        ),
        ReferenceSection(
            "refused",
            "Refusals: why a link led nowhere",
            "Among the refused clicks, in explanations and debug answers; metrics spell them otherwise.",
            refusals(),
        ),
        ReferenceSection(
            "automated",
            "Automated clicks: what made them",
            "In the record of a click as automatedReason.",
            automated_reasons(),
        ),
    ]
