"""The entry point through Django: clicks that are not plain, such as debug requests and other methods."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from offers.handler import ClickHandler
from offers.http.debug import debug_answer
from offers.http.staff import StaffCheck
from offers.request import read_request
from offers.response import NO_STORE, Answer

_staff = StaffCheck()


@csrf_exempt
async def offer(request: HttpRequest, token_parameter: str) -> HttpResponse:
    """Answer `GET /offer?ad=<token>` with a redirect, or a debug request with its decision.

    `token_parameter` is the parameter that holds the token at the path of the request.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    scope = request.scope  # type: ignore[attr-defined]  # ASGIRequest has it
    handler: ClickHandler = scope["state"]["handler"]
    click_request = read_request(scope, token_parameter)
    if click_request.debug and await _staff.may_see_debug(request):
        status, body = await debug_answer(handler, click_request)
        return _response(Answer(status, ((b"content-type", b"application/json"), NO_STORE), body))
    return _response(await handler(click_request, scope["state"].get("arrived")))


def _response(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    del response["content-type"]
    for name, value in answer.headers:
        response[name.decode("ascii")] = value.decode("latin-1")
    return response
