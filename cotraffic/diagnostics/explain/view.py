"""The panel that explains a link or a recorded click: a form, and the explanation below."""

import asyncio
import shlex

import msgspec
from django.http import HttpRequest, HttpResponse, JsonResponse

from cotraffic.diagnostics.explain.explain import explain
from cotraffic.diagnostics.explain.pair import with_offer
from cotraffic.diagnostics.explain.recorded import RECORDED_FIELDS, read_recorded
from cotraffic.diagnostics.explain.request import (
    FIELDS,
    BadExplainRequest,
    ExplainRequest,
    read_explain_request,
)
from cotraffic.diagnostics.handler import handler_for
from cotraffic.diagnostics.panels import arender_panel
from offers.delivery.lookup import read_lid
from offers.handler import ClickHandler
from offers.links.links import click_paths
from offers.request import header_text
from offers.visitors.device import NO_HINTS, ClientHints

_OPTIONS = {"address": "ip", "user_agent": "ua"}
_HINTS = {
    "mobile": "Sec-CH-UA-Mobile",
    "platform": "Sec-CH-UA-Platform",
    "platform_version": "Sec-CH-UA-Platform-Version",
    "model": "Sec-CH-UA-Model",
    "full_version_list": "Sec-CH-UA-Full-Version-List",
}
# User agents to choose from.
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
USER_AGENTS = {
    "iPhone": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Mobile/15E148 Safari/604.1"
    ),
    "Android phone": f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36",
    "Android tablet": f"Mozilla/5.0 (Linux; Android 14; SM-X710) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36",
    "Windows": f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36",
    "Mac": f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36",
    "Television": f"Mozilla/5.0 (SMART-TV; Linux; Tizen 8.0) {_WEBKIT} Chrome/108.0.0.0 TV Safari/537.36",
}
_encoder = msgspec.json.Encoder(decimal_format="number", order="deterministic")


async def page(request: HttpRequest) -> HttpResponse:
    """Show the form, and the explanation if the query has a click; `format=json` returns that alone."""
    given = {name: request.GET.get(name, "") for name in (*FIELDS, *RECORDED_FIELDS)}
    context: dict[str, object] = {"given": given, "user_agents": USER_AGENTS}
    try:
        async with handler_for(request) as handler:
            own = _own(request, handler)
            context["own"] = own
            if any(value.strip() for name, value in given.items() if name != "entry"):
                explain_request = await _question(request, given, own, handler)
                context["explanation"] = await explain(handler, explain_request)
                context["lid"] = lid = read_lid(given["lid"])
                # No command reads a record.
                context["command"] = "" if lid else _command(given, own)
    except BadExplainRequest as error:
        context["wrong"] = {error.field: str(error)}
    except (OSError, ValueError) as error:
        context["not_set_up"] = str(error)
    if request.GET.get("format") == "json":
        return _as_json(context)
    return await arender_panel(request, "explain", context)


def _as_json(context: dict[str, object]) -> HttpResponse:
    """Return the explanation alone, or its `problem`, for programs that do not read the page."""
    if explanation := context.get("explanation"):
        return HttpResponse(_encoder.encode(explanation), content_type="application/json")
    if not_set_up := context.get("not_set_up"):
        return JsonResponse({"problem": f"This instance cannot decide clicks: {not_set_up}."}, status=503)
    wrong = context.get("wrong")
    if not isinstance(wrong, dict):
        wrong = {"link": "give a link, a campaign or a lid"}
    return JsonResponse({"problem": "; ".join(f"{field}: {why}" for field, why in wrong.items())}, status=400)


def _own(request: HttpRequest, handler: ClickHandler) -> dict[str, str]:
    """Return the address and user agent of this request, which the form's own fields replace."""
    peer, forwarded = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    address = handler.visitors.addresses.client_address(peer, forwarded)
    return {"address": address, "user_agent": _header(request, "User-Agent")}


async def _question(
    request: HttpRequest, given: dict[str, str], own: dict[str, str], handler: ClickHandler
) -> ExplainRequest:
    """Read the request to explain. Raises `BadExplainRequest`."""
    if given["lid"].strip():
        # In a thread: it waits for DynamoDB and Redis, and must not hold up the clicks of this worker.
        return await asyncio.to_thread(read_recorded, given)
    return await with_offer(handler, _typed(request, given, own))


def _typed(request: HttpRequest, given: dict[str, str], own: dict[str, str]) -> ExplainRequest:
    """Read a click that somebody describes. Raises `BadExplainRequest`."""
    hints = NO_HINTS
    if not given["user_agent"].strip():
        hints = ClientHints(**{name: _header(request, header) for name, header in _HINTS.items()})
    full = given | {name: given[name].strip() or own[name] for name in own}
    return read_explain_request(full, _header(request, "Accept-Language"), hints, click_paths())


def _header(request: HttpRequest, name: str) -> str:
    """Return a header decoded as a click's would be; Django has decoded it as Latin-1."""
    return header_text(request.headers.get(name, "").encode("latin-1", "replace"))


def _command(given: dict[str, str], own: dict[str, str]) -> str:
    """Return the command that explains the same in a shell on this instance."""
    words = ["manage.py", "explain"]
    for name in FIELDS:
        value = given[name].strip() or own.get(name, "")
        if value and name == "link":
            words.append(value)
        elif value:
            words += [f"--{_OPTIONS.get(name, name)}", value]
    return shlex.join(words)
