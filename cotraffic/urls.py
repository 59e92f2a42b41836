"""Where each URL goes."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path

from offers import views

urlpatterns: list[URLPattern | URLResolver] = [
    # Links in the field are spelled in either case, with or without a slash at the end. (An inline flag would
    # say it shorter, but Django cannot reverse those, and fails for every other URL with it.)
    re_path(r"^[oO][fF][fF][eE][rR]/?$", views.offer, name="offer"),
    path("admin/", admin.site.urls),
]
