"""Limits the diagnostics to active staff, as the admin does."""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache

from cotraffic.diagnostics.errors import in_house, not_found

# Sync or async: Django calls either.
View = Callable[..., Any]


def staff_only(view: View) -> View:
    """Wrap a view for staff; anyone else is sent to the admin's login, or gets an error if JSON is wanted.

    Caches keep none of its answers. What is not found, or not allowed for this method, gets a page of ours.
    """
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            user = await request.auser()
            # Loaded here, because async code that uses the user later may not query the database.
            request.user = user
            if not _may_see(user):
                return _refused(request)
            try:
                answer: HttpResponseBase = await view(request, *args, **kwargs)
            except Http404 as error:
                return await sync_to_async(not_found)(request, error)
            return await sync_to_async(in_house)(request, answer) if answer.status_code == 405 else answer

        return never_cache(guarded)

    @wraps(view)
    def guarded_in_thread(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not _may_see(request.user):
            return _refused(request)
        try:
            answer: HttpResponseBase = view(request, *args, **kwargs)
        except Http404 as error:
            return not_found(request, error)
        return in_house(request, answer)

    return never_cache(guarded_in_thread)


def staff_user(request: HttpRequest) -> User:
    """Return the member of staff of the request. Raises `PermissionDenied` in a view without guard."""
    if isinstance(request.user, AnonymousUser):
        raise PermissionDenied
    return request.user


def _may_see(user: User | AnonymousUser) -> bool:
    return user.is_active and user.is_staff


def _refused(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the login page; to a user without access it says that another account is needed."""
    if "application/json" in request.headers.get("Accept", ""):
        problem = "You are not signed in as staff any more. Reload the page to sign in."
        return JsonResponse({"problem": problem}, status=403)
    # After the login, posted data is gone, and the URL of a POST shows nothing.
    reading = request.method in ("GET", "HEAD")
    after = request.get_full_path() if reading else reverse("diagnostics:overview")
    return redirect_to_login(after, reverse("admin:login"))
