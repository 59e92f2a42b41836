"""Limits the diagnostics to active staff, as the admin does."""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache

# Sync or async: Django calls either.
View = Callable[..., Any]


def staff_only(view: View) -> View:
    """Wrap a view for staff; anyone else is sent to the admin's login, or gets an error if JSON is wanted.

    Caches keep none of its answers.
    """
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = await request.auser()
            # Loaded here, because async code that uses the user later may not query the database.
            request.user = user
            if not _may_see(user):
                return _refused(request)
            return cast(HttpResponseBase, await view(request, *args, **kwargs))

        return never_cache(guarded)

    @wraps(view)
    def guarded_in_thread(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not _may_see(request.user):
            return _refused(request)
        return cast(HttpResponseBase, view(request, *args, **kwargs))

    return never_cache(guarded_in_thread)


def _may_see(user: Any) -> bool:
    return bool(user.is_active and user.is_staff)


def _refused(request: HttpRequest) -> HttpResponseBase:
    """The login page says to those who are signed in that they need another account."""
    if "application/json" in request.headers.get("Accept", ""):
        problem = "You are not signed in as staff any more. Reload the page to sign in."
        return JsonResponse({"problem": problem}, status=403)
    # What was posted is gone after the login, and its URL shows nothing by itself.
    reading = request.method in ("GET", "HEAD")
    after = request.get_full_path() if reading else reverse("diagnostics:overview")
    return redirect_to_login(after, reverse("admin:login"))
