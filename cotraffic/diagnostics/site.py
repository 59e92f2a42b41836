"""Django's admin site, with the diagnostics first in its menu and on its index."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from cotraffic.diagnostics.panels import PANELS


class Site(AdminSite):
    """The admin site of co-traffic."""

    site_title = "co-traffic"
    site_header = "co-traffic"
    index_title = "This instance"
    site_url = None

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The apps whose models staff may see; before them the panels, for all staff."""
        apps: list[Any] = super().get_app_list(request, app_label)
        return apps if app_label else [_diagnostics(), *apps]


def _diagnostics() -> dict[str, Any]:
    """The panels as the menu wants an app and its models; the heading stands for the overview."""
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
