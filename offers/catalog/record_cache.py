"""What a worker has in memory of the live recipe, and what it is told when something is not there."""

from collections.abc import Callable
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import structlog

from offers.stats.types import Cache
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer

MAX_UNKNOWN_IDS = 10_000

logger = structlog.stdlib.get_logger(__name__)
Record = TypeVar("Record", Offer, Campaign)
Wanted = tuple[tuple[RecipeKind, int], ...]


class CacheMiss(Exception):
    """Records have to be read from Redis before the click can be decided: these kinds and ids."""

    def __init__(self, *wanted: tuple[RecipeKind, int]) -> None:
        self.wanted: Wanted = wanted


class RecordSource(Protocol):
    """Records at hand, by id; None where there is no such record. Both raise `CacheMiss`."""

    def offer(self, offer_id: int) -> Offer | None:
        """The offer of this id."""

    def campaign(self, campaign_id: int) -> Campaign | None:
        """The campaign of this id."""


class RecordCache(Generic[Record]):
    """What is known of one kind: up to `limit` records; of more, the one that was read first is forgotten.

    After a swap each is in doubt until it was read again; one that has not changed stays the same object, so
    that what was worked out of it is still good. Ids that are not in the recipe are remembered apart, so that
    whoever makes up links cannot push the records out.
    """

    def __init__(self, kind: RecipeKind, parse: Callable[[dict[str, Any]], Record], limit: int) -> None:
        self.kind = kind
        self.records: dict[int, Record] = {}
        self.doubted: dict[int, Record] = {}
        self._parse: Callable[[dict[str, Any]], Record] = parse
        self._limit = limit
        self._digests: dict[int, int] = {}
        self._unknown: dict[int, None] = {}
        self._reads = 0

    def get(self, record_id: int) -> Record | None:
        """The record, None when it is known that there is none. Raises `CacheMiss`."""
        record = self.records.get(record_id)
        if record is None and record_id not in self._unknown:
            raise CacheMiss((self.kind, record_id))
        return record

    @property
    def cache(self) -> Cache:
        """How full the memory is."""
        return Cache(len(self.records) + len(self.doubted), self._limit, None, self._reads)

    def mark_stale(self) -> None:
        """Any record may have changed."""
        self.doubted = self.doubted | self.records if self.doubted else self.records
        self.records = {}
        self._unknown.clear()

    def forget(self, record_id: int) -> None:
        """This record has changed."""
        for known in (self.records, self.doubted, self._digests, self._unknown):
            known.pop(record_id, None)

    def some_in_doubt(self, count: int) -> list[int]:
        """Up to so many ids of records in doubt."""
        return list(islice(self.doubted, count))

    def put(self, record_id: int, blob: bytes | None, *, keep: bool) -> Record | None:
        """The record that was read from Redis as `blob`; it is remembered if it is to be kept."""
        digest = hash(blob)
        record = self.doubted.get(record_id) or self.records.get(record_id)
        if record is None or self._digests[record_id] != digest:
            self._reads += 1
            record = None if blob is None else self._parsed(blob)
        if keep:
            self.forget(record_id)
            if record is None:
                self._unknown[record_id] = None
                if len(self._unknown) > MAX_UNKNOWN_IDS:
                    del self._unknown[next(iter(self._unknown))]
            else:
                self.records[record_id] = record
                self._digests[record_id] = digest
                while len(self.records) + len(self.doubted) > self._limit:
                    self.forget(next(iter(self.doubted or self.records)))
        return record

    def _parsed(self, blob: bytes) -> Record | None:
        try:
            return self._parse(msgspec.json.decode(blob))
        except Exception as error:
            # What cannot be used is not loaded; this is a record from before a rule became stricter. Whatever
            # it is, it must not end the worker, which reads records of its own accord too.
            logger.error("a live record cannot be used", problem=repr(error))
            return None


class RecordCaches:
    """What is in memory of both kinds, as the rules ask for it."""

    def __init__(self, offers: RecordCache[Offer], campaigns: RecordCache[Campaign]) -> None:
        self.offer = offers.get
        self.campaign = campaigns.get
