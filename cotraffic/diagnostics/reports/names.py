"""Names of offers: a record of a click has only that of the offer that took it."""

from collections.abc import Iterable

import msgspec
from redis.exceptions import RedisError

from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore


class _OfferName(msgspec.Struct):
    name: str = ""


_decoder = msgspec.json.Decoder(_OfferName)


def offer_names(store: RecipeStore, ids: Iterable[str]) -> dict[str, str]:
    """Return the names that offers have in the live recipe; none for those that it does not have."""
    found = {}
    for offer_id in dict.fromkeys(ids):
        try:
            raw = store.get(RecipeKind.OFFERS, int(offer_id)) if offer_id.isdecimal() else None
            found[offer_id] = _decoder.decode(raw).name if raw else ""
        except (RedisError, msgspec.MsgspecError):
            # A report is worth showing without names.
            found[offer_id] = ""
    return found
