"""How the live caps of one record stand, for its page."""

import time
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest

from lib.shared_redis import AWAY, words
from offers.bootstrap import stored_counts
from offers.live_caps.standing import LimitStanding, standings
from offers.live_caps.store import CountSeen
from offers.live_caps.versions import counted_caps
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer


def live_caps(
    request: HttpRequest, kind: RecipeKind, record: Offer | Campaign, raw: Mapping[str, object]
) -> tuple[tuple[LimitStanding, ...], str]:
    """Return how a record's limits stand, none where its clicks are not counted, and what is wrong, or "".

    While the counts are out of reach, it is what the worker of this request knew last.
    """
    if not settings.LIVE_CAPS:
        return (), ""
    caps = counted_caps(kind, record, raw)
    if caps is None:
        return (), ""
    problem = ""
    try:
        with stored_counts() as count:
            seen = count(caps.counted_as)
    except AWAY as error:
        seen, problem = CountSeen(_known(request, caps.counted_as)), words(error)
    return standings(caps, seen, time.time()), problem


def _known(request: HttpRequest, name: str) -> int:
    scope = getattr(request, "scope", None)
    known = scope["state"]["handler"].clicks.live_caps if scope is not None else None
    return known.known(name) if known is not None else 0
