"""The reasons why a click counts as automated, and the headers of requests that nobody has clicked for."""

import re
from collections.abc import Iterable
from enum import Enum


class AutomatedReason(Enum):
    """What made a request, if no person did; the values are those of click records and metrics."""

    BOT = "bot"
    PREVIEW = "preview"
    PROGRAM = "program"
    NO_USER_AGENT = "no user agent"
    PREFETCH = "prefetch"
    PRERENDER = "prerender"


# A browser fetches ahead, and sends another request when the person clicks: only that one is a click.
FETCHED_AHEAD = frozenset({AutomatedReason.PREFETCH, AutomatedReason.PRERENDER})

# https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header; the others are older ones, of
# Chrome and Safari (Purpose, X-Purpose) and Firefox (X-Moz).
SEC_PURPOSE, PURPOSE, X_PURPOSE, X_MOZ = b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"
PURPOSE_HEADERS = (SEC_PURPOSE, PURPOSE, X_PURPOSE, X_MOZ)
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
# `Sec-Purpose: prefetch;prerender` is a prerender, so that comes first.
_PURPOSES = (AutomatedReason.PRERENDER, AutomatedReason.PREFETCH, AutomatedReason.PREVIEW)


def read_purpose(values: Iterable[str]) -> AutomatedReason | None:
    """Return the purpose in the values of purpose headers; None if a person made the request."""
    words = {word for value in values for word in _WORD.findall(value.lower())}
    return next((reason for reason in _PURPOSES if reason.value in words), None)
