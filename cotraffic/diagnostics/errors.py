"""Pages of errors in the diagnostics: what is wrong in words, and a way back."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from cotraffic.diagnostics.panels import PANELS, Panel

_NOTHING_DONE = "Nothing was done."


def error_page(request: HttpRequest, status: int, title: str, headline: str, what_to_do: str) -> HttpResponse:
    """Return the page of an error; where JSON is wanted, `headline` as its `problem`."""
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"problem": headline}, status=status)
    context: dict[str, object] = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "panels": PANELS,
        "is_staff": request.user.is_active and request.user.is_staff,
        "title": title,
        "headline": headline,
        "what_to_do": what_to_do,
        "back": _panel_of(request.path),
    }
    return render(request, "diagnostics/error.html", context, status=status)


def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    """Return the page for what is not there; it quotes the message of `error`, if that is one."""
    said = error.args[0] if error.args and isinstance(error.args[0], str) else ""
    headline = f"{said[:1].upper()}{said[1:]}." if said else "There is no page at this address."
    return error_page(request, 404, "Not found", headline, "Was the address cut off, or typed by hand?")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page for what this account may not do."""
    del exception
    what_to_do = "Another member of staff may be allowed to; a superuser gives permissions, under Users."
    return error_page(request, 403, "Not allowed", "This account may not do that.", what_to_do)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form without the token of this session, which is Django's `CSRF_FAILURE_VIEW`."""
    del reason
    what_to_do = (
        "It was open since before the last sign-in, or the browser keeps no cookies. Go back, reload the "
        "page and press the button again."
    )
    return error_page(request, 403, "Not accepted", f"The form is too old. {_NOTHING_DONE}", what_to_do)


def in_house(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    """Return `answer`, or in its place the page for a method that an address does not take."""
    if answer.status_code != 405:
        return answer
    page = error_page(
        request,
        405,
        "Nothing to see here",
        f"This address belongs to a button, and shows nothing by itself. {_NOTHING_DONE}"
        if request.method in ("GET", "HEAD")
        else f"This address only shows something. {_NOTHING_DONE}",
        "Go to the page that has it.",
    )
    page["Allow"] = answer["Allow"]
    return page


def _panel_of(path: str) -> Panel:
    """Return the panel that an address is below; the overview, which all are below, if it is no other's."""
    return max((panel for panel in PANELS if path.startswith(panel.url)), key=_depth, default=PANELS[0])


def _depth(panel: Panel) -> int:
    return len(panel.url)
