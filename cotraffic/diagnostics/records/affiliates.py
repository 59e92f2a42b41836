"""Finds affiliates: the recipe has none, but each campaign says whose it is."""

import msgspec

from cotraffic.diagnostics.records.search import COUNTED_USERS, SearchHit, entries
from recipes.index.maintain import live_index
from recipes.records.fields import id_of
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore

WORD = "affiliate"
CAMPAIGNS = RecipeKind.CAMPAIGNS


class Affiliate(msgspec.Struct, frozen=True):
    """An affiliate's campaigns: those with ids above `after`, and how many there are in all.

    `count` is at most `COUNTED_USERS`; `next_after` is where the next page begins, None if there is none.
    """

    affiliate_id: int
    count: int
    entries: list[SearchHit]
    after: int = 0
    next_after: int | None = None


def affiliate_of(text: str) -> int | None:
    """Return the affiliate that a search may mean, such as `2018` or `affiliate 2018`."""
    return id_of(text.strip().lower().removeprefix(WORD).strip().lstrip("#"))


def names_affiliate(text: str) -> bool:
    """Whether a search can mean nothing but an affiliate."""
    return text.strip().lower().startswith(WORD) and affiliate_of(text) is not None


def find_affiliate(store: RecipeStore, affiliate_id: int, limit: int, after: int = 0) -> Affiliate:
    """Return a page of an affiliate's campaigns. Raises `IndexMissing` and redis-py's errors."""
    with live_index(store, CAMPAIGNS) as index:
        count = index.count_of_affiliate(affiliate_id, COUNTED_USERS)
        ids = index.of_affiliate(affiliate_id, limit + 1, after)
    more = len(ids) > limit
    found = entries(store, CAMPAIGNS, ids[:limit])
    return Affiliate(affiliate_id, count, found, after, ids[limit - 1] if more else None)
