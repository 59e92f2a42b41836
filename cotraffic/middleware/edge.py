"""The outermost middleware: client address and scheme of a request, security headers of an answer.

Plain clicks never come here.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

from offers.click_paths import ClickPaths, read_aliases
from offers.visitors.address import AddressReader

# Headers for proxies to set, which a visitor could set as well.
_PROXY_HEADERS = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")
# No page of ours needs any of these features, and no other site has a reason to embed our pages.
_HEADERS = {
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Edge:
    """Outermost middleware.

    On the way in it puts the client's address into REMOTE_ADDR, and accepts X-Forwarded-Proto from
    TRUSTED_PROXIES only, so that `request.is_secure()` and the address can be relied on. On the way out it
    adds the headers that Django's own middleware does not; a header that a view has set stays.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._addresses = AddressReader(settings.TRUSTED_PROXIES)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Return the answer, or an awaitable of it if the inner handler is asynchronous."""
        self._put_right(request)
        return self._later(request) if self._is_async else self._with_headers(self._get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponse:
        return self._with_headers(await self._get_response(request))

    def _put_right(self, request: HttpRequest) -> None:
        meta = request.META
        peer = meta.get("REMOTE_ADDR") or ""
        if not self._addresses.is_trusted(peer):
            for name in _PROXY_HEADERS:
                meta.pop(name, None)
        meta["REMOTE_ADDR"] = self._addresses.client_address(peer, meta.get("HTTP_X_FORWARDED_FOR", ""))

    @staticmethod
    def _with_headers(response: HttpResponse) -> HttpResponse:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class StaffHosts(CommonMiddleware):
    """Refuses host names outside ALLOWED_HOSTS, but not for clicks: their links have any host."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        self._clicks = ClickPaths(read_aliases(settings.CLICK_ALIASES).parameters)

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        """Refuse the request by raising `DisallowedHost`, or let it through."""
        if self._clicks.parameter(request.path_info) is None:
            return super().process_request(request)
        return None
