"""Django's admin site, with the diagnostics first in its menu and on its index."""

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest

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
