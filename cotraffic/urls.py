"""Where each URL goes."""

from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from offers import views

ADMIN = settings.ADMIN_PATH.rstrip("/")

urlpatterns: list[URLPattern | URLResolver] = [
    # Links in the field are spelled in either case, with or without a slash at the end. (An inline flag would
    # say it shorter, but Django cannot reverse those, and fails for every other URL with it.)
    re_path(r"^[oO][fF][fF][eE][rR]/?$", views.offer, name="offer"),
    path(f"{ADMIN}/diagnostics/", include("cotraffic.diagnostics.urls")),
    path(f"{ADMIN}/", admin.site.urls),
    # As they are typed; what is below them is linked to.
    path(ADMIN, RedirectView.as_view(pattern_name="admin:index")),
    # Browsers ask for it by this name on every page that names none.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("diagnostics/icon.svg"))),
    path(f"{ADMIN}/diagnostics", RedirectView.as_view(pattern_name="diagnostics:overview")),
]
