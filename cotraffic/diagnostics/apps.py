"""The diagnostics app, and the admin site that has it in its menu."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DiagnosticsConfig(AppConfig):
    """Serves the pages below the admin's `diagnostics/`."""

    name = "cotraffic.diagnostics"
    label = "diagnostics"


class SiteConfig(AdminConfig):
    """Django's admin, with the diagnostics in its menu."""

    default_site = "cotraffic.diagnostics.site.Site"
