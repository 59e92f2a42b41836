"""Keeps why syncs of a kind wait for a person: a review of the preview, and a decision against one file.

Each has a key of its own, so that neither takes the other's place.
"""

from typing import NamedTuple

import msgspec
import redis

from lib.redis_replies import bytes_list
from recipes.records.kinds import RecipeKind
from recipes.store import keys
from recipes.store.scripts import END_HOLD
from recipes.store.types import Hold

_decoder = msgspec.json.Decoder(Hold)


class Holds(NamedTuple):
    """The holds on a kind: a review stops every file, `left` only the one that was decided against."""

    review: Hold | None
    left: Hold | None

    @property
    def first(self) -> Hold | None:
        """The hold to name where there is room for one: a review covers the file that was left, too."""
        return self.review or self.left


class RecipeHolds:
    """The holds in this instance's Redis; all errors are those of redis-py."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._end = client.register_script(END_HOLD)

    def of(self, kind: RecipeKind) -> Holds:
        """Return why syncs of a kind wait for a person."""
        review, left = bytes_list(self._redis.mget(keys.review(kind), keys.left(kind)))
        return Holds(_decoded(review), _decoded(left))

    def put(self, kind: RecipeKind, hold: Hold) -> None:
        """Make syncs of a kind wait, in place of an earlier hold of the same sort."""
        self._redis.set(_key(kind, hold), msgspec.json.encode(hold), pxat=hold.until_ms)

    def end(self, kind: RecipeKind, hold: Hold) -> None:
        """End a hold; one that has taken its place since it was read stays."""
        self._end(keys=[_key(kind, hold)], args=[msgspec.json.encode(hold)])


def _key(kind: RecipeKind, hold: Hold) -> str:
    return keys.review(kind) if hold.etag is None else keys.left(kind)


def _decoded(blob: bytes | None) -> Hold | None:
    return None if blob is None else _decoder.decode(blob)
