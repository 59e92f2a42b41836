"""Makes clients wait after too many failed attempts to sign in.

django-axes counts the attempts, in the database, because Redis may be away.
"""

import ipaddress
import math
from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

# Providers assign whole networks of this size, so its owner can use any address of it.
IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> str | None:
    """Return what attempts are counted by: the client's address, or the /64 network of an IPv6 address.

    `Edge` has put the client's address into REMOTE_ADDR.
    """
    text = request.META.get("REMOTE_ADDR") or ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False).network_address)
    return str(address)


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """Answer a client that has to wait: for how long, and what helps."""
    address = client_address(request)
    seconds = seconds_to_wait(address)
    context = {
        "address": address or "unknown",
        "title": "Too many failed attempts to sign in",
        "minutes": math.ceil(seconds / 60),
        "attempts": settings.LOGIN_FAILURE_LIMIT,
    }
    response = render(request, "cotraffic/locked_out.html", context, status=429)
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response


def seconds_to_wait(address: str | None) -> int:
    """Return the seconds until enough failures of an address have expired for one more attempt."""
    now = timezone.now()
    wait = timedelta(minutes=settings.LOGIN_WAIT_MINUTES)
    attempts = AccessAttempt.objects.filter(ip_address=address, attempt_time__gt=now - wait)
    kept: list[tuple[datetime, int]] = sorted(attempts.values_list("attempt_time", "failures_since_start"))
    failures = sum(count for _, count in kept)
    for at, count in kept:
        failures -= count
        if failures < settings.LOGIN_FAILURE_LIMIT:
            return max(1, math.ceil((at + wait - now).total_seconds()))
    return 1
