"""The URLs that Django answers."""

from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from offers.click_paths import ClickPaths, read_aliases
from offers.http import view

# An account that lacks a permission of the admin; clicks never come to it.
handler403 = "cotraffic.diagnostics.errors.permission_denied"

ADMIN = settings.ADMIN_PATH.rstrip("/")
# Invalid aliases are left out here; `manage.py check` names them, and no worker starts with them.
CLICKS = ClickPaths(read_aliases(settings.CLICK_ALIASES).parameters).patterns()

urlpatterns: list[URLPattern | URLResolver] = [
    *(re_path(pattern, view.offer, {"token_parameter": name}) for pattern, name in CLICKS.items()),
    path(f"{ADMIN}/diagnostics/", include("cotraffic.diagnostics.urls")),
    path(f"{ADMIN}/", admin.site.urls),
    # People type these two without a slash at the end; pages below them are reached by links.
    path(ADMIN, RedirectView.as_view(pattern_name="admin:index")),
    # Browsers request this path on every page that names no icon.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("diagnostics/icon.svg"))),
    path(f"{ADMIN}/diagnostics", RedirectView.as_view(pattern_name="diagnostics:overview")),
]
