"""Per-worker cache of parsed records; raises `CacheMiss` for what has to be read from Redis."""

from collections.abc import Callable
from itertools import islice
from typing import Generic, Protocol, TypeVar

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
    """`wanted` (kinds and ids) has to be read from Redis before the click can be decided."""

    def __init__(self, *wanted: tuple[RecipeKind, int]) -> None:
        self.wanted: Wanted = wanted


class RecordSource(Protocol):
    """Records at hand, by id; None where there is no such record. Both raise `CacheMiss`."""

    def offer(self, offer_id: int) -> Offer | None:
        """Return the offer of this id."""

    def campaign(self, campaign_id: int) -> Campaign | None:
        """Return the campaign of this id."""


class RecordCache(Generic[Record]):
    """The cached records of one kind: up to `limit`, beyond which the one that was read first is evicted.

    After a swap each record is stale until it was read again. One that has not changed stays the same object,
    so that decisions and pages derived from it, which are kept by its identity, stay valid. Ids that are not
    in the recipe are cached apart, so that made-up links cannot evict records.
    """

    def __init__(self, kind: RecipeKind, parse: Callable[[dict[str, object]], Record], limit: int) -> None:
        self.kind = kind
        self.records: dict[int, Record] = {}
        self.stale: dict[int, Record] = {}
        self._parse: Callable[[dict[str, object]], Record] = parse
        self._limit = limit
        self._digests: dict[int, int] = {}
        self._unknown: dict[int, None] = {}
        self._reads = 0

    def get(self, record_id: int) -> Record | None:
        """Return the record, None when it is known that there is none. Raises `CacheMiss`."""
        record = self.records.get(record_id)
        if record is None and record_id not in self._unknown:
            raise CacheMiss((self.kind, record_id))
        return record

    @property
    def usage(self) -> Cache:
        """How full the cache is, and how many records were parsed."""
        return Cache(len(self.records) + len(self.stale), self._limit, None, self._reads)

    def mark_stale(self) -> None:
        """Make every record stale: any of them may have changed."""
        # Usually a dictionary changes hands: a swap must not hold clicks up for a copy of all records.
        self.stale = self.stale | self.records if self.stale else self.records
        self.records = {}
        self._unknown.clear()

    def forget(self, record_id: int) -> None:
        """Drop everything about a record that has changed."""
        for entries in (self.records, self.stale, self._digests, self._unknown):
            entries.pop(record_id, None)

    def rewrite(self, record_id: int, change: Callable[[Record], Record]) -> None:
        """Replace a cached record by what `change` makes of it, until another version is read."""
        for entries in (self.records, self.stale):
            record = entries.get(record_id)
            if record is not None:
                entries[record_id] = change(record)

    def some_stale(self, count: int) -> list[int]:
        """Return up to `count` ids of stale records."""
        return list(islice(self.stale, count))

    def put(self, record_id: int, blob: bytes | None, *, keep: bool) -> Record | None:
        """Return the record that was read from Redis as `blob`, and cache it if `keep` says so."""
        # Python's 64-bit hash of the bytes, with this process' own secret key: it tells versions of a record
        # apart without keeping their bytes, and nobody outside can make two versions collide.
        digest = hash(blob)
        record = self.stale.get(record_id) or self.records.get(record_id)
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
                while len(self.records) + len(self.stale) > self._limit:
                    self.forget(next(iter(self.stale or self.records)))
        return record

    def _parsed(self, blob: bytes) -> Record | None:
        try:
            return self._parse(msgspec.json.decode(blob))
        except Exception as error:
            # No load lets such a record in: an older, less strict version of this program did. Any error is
            # caught, because the background revalidation parses records, too, and must not end the worker.
            logger.error("a live record cannot be used", problem=repr(error))
            return None


class RecordCaches:
    """The caches of both kinds as one `RecordSource`."""

    def __init__(self, offers: RecordCache[Offer], campaigns: RecordCache[Campaign]) -> None:
        self.offer = offers.get
        self.campaign = campaigns.get
