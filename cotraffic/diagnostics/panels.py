"""The panels, in the order of the tab bar, and how a view shows one."""

from collections.abc import Mapping

import msgspec
from asgiref.sync import sync_to_async
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse


class Panel(msgspec.Struct, frozen=True):
    """One tab: `name` is its URL's name and its template's, `question` what it answers."""

    name: str
    title: str
    question: str

    @property
    def url(self) -> str:
        """The address of the panel."""
        return reverse(f"diagnostics:{self.name}")


PANELS = (
    Panel("overview", "Overview", "Is this instance well, and is what it knows true?"),
    Panel("reports", "Reports", "How many clicks went where, and why?"),
    Panel("explain", "Explain", "Why would a click on this link go where it goes?"),
    Panel("clicks", "Clicks", "Which clicks come in right now, and where do they go?"),
    Panel("records", "Records", "What do we know of this offer or campaign, and what points at it?"),
    Panel("preview", "Recipe preview", "What would the recipe in S3 change if it went live?"),
    Panel("refused", "Refused clicks", "Which links led nowhere, and why?"),
    Panel("actions", "Actions", "Sync, reload, and try again what was refused."),
    Panel("reference", "What the words mean", "Why did a click go there, and where is that changed?"),
)
_BY_NAME = {panel.name: panel for panel in PANELS}


def render_panel(
    request: HttpRequest,
    name: str,
    context: Mapping[str, object],
    template: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a panel with `diagnostics/<name>.html`, unless another template is named.

    `context` may set `title`, for a page below the panel's own. The menu is read from the database, so an
    async view calls `arender_panel`.
    """
    panel = _BY_NAME[name]
    site = admin.site.each_context(request)
    # The tabs are the navigation; the admin is behind "Home".
    site["is_nav_sidebar_enabled"] = False
    page = {**site, "panels": PANELS, "panel": panel, "title": panel.title, **context}
    return render(request, template or f"diagnostics/{name}.html", page, status=status)


arender_panel = sync_to_async(render_panel)
