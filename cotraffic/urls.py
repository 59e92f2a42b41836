"""Where each URL goes."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path

from offers import views

urlpatterns: list[URLPattern | URLResolver] = [
    # Links in the field are spelled in either case, with or without a slash at the end.
    re_path(r"^(?i:offer)/?$", views.offer, name="offer"),
    path("admin/", admin.site.urls),
]
