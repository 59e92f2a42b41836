"""Django's admin site, with the diagnostics first in its menu and on its index."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse

from cotraffic.diagnostics.errors import not_found
from cotraffic.diagnostics.panels import PANELS


class Site(AdminSite):
    """The admin site of co-traffic."""

    site_title = "co-traffic"
    site_header = "co-traffic"
    index_title = "This instance"
    site_url = None

    def each_context(self, request: HttpRequest) -> dict[str, object]:
        """Return what every page has. Behind a load balancer each request may meet another instance."""
        instance = {"name": settings.INSTANCE_NAME, "version": settings.VERSION}
        instance["revision"] = settings.REVISION[:8]
        return {**super().each_context(request), "instance": instance}

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the URLs of the admin; entries of its log on actions lead to these."""
        log_entry = path(
            "log/<str:object_id>/", self.admin_view(self.log_entry), name="diagnostics_instance_change"
        )
        urls: list[URLPattern | URLResolver] = super().get_urls()
        return [log_entry, *urls]

    def log_entry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect from an entry under Recent actions to what it says of an action of staff."""
        del request
        query = urlencode({"entry": object_id})
        return redirect(f"{reverse('diagnostics:actions')}?{query}#entry")

    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        """Return the page for an address at which there is none."""
        try:
            answer: HttpResponse = super().catch_all_view(request, url)
        except Http404 as error:
            return not_found(request, error)
        return answer

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[object]:
        """Return the apps whose models staff may see; before them, for all staff, the panels."""
        apps: list[object] = super().get_app_list(request, app_label)
        return apps if app_label else [_diagnostics(), *apps]


def _diagnostics() -> dict[str, object]:
    """Return the panels in the form of an app and its models; the heading leads to the overview."""
    overview, *others = PANELS
    return {
        "name": "Diagnostics",
        "app_label": "diagnostics",
        "app_url": overview.url,
        "has_module_perms": True,
        "models": [
            {
                "name": panel.title,
                "object_name": panel.name,
                "admin_url": panel.url,
                "add_url": None,
                "view_only": True,
                "perms": {"add": False, "change": False, "delete": False, "view": True},
            }
            for panel in others
        ],
    }
