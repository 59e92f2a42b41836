"""A worker's view of the live offers and campaigns: process memory over this instance's Redis."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from lib.cancellation import is_cancelled
from offers.catalog.record_cache import CacheMiss, RecordCache, RecordCaches, Wanted
from offers.live_caps.counts import LiveCaps
from offers.stats.types import Cache
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer, parse_campaign, parse_offer
from recipes.store.reader import RecipeReader
from recipes.store.types import Change, LiveRead

# Two checks fit into the second within which a lost message must be noticed.
VERSION_CHECK_SECONDS = 0.4
RECONNECT_SECONDS = 0.5
COMPLAIN_SECONDS = 30.0
# How many stale records are read again at a time: few enough to block neither worker nor Redis for 1 ms.
REVALIDATE_RECORDS = 100

logger = structlog.stdlib.get_logger(__name__)
Found = dict[tuple[RecipeKind, int], Any]


class CatalogUnavailable(Exception):
    """The catalog cannot tell whether there is such a record; the message says why."""


class NothingLoaded(CatalogUnavailable):
    """No recipe of this kind is live yet."""


class RedisAway(CatalogUnavailable):
    """The record is not in memory, and Redis does not answer."""


class Catalog:
    """Records by id, cached until `watch` is told that they changed; up to `max_records` of a kind.

    Misses of the same moment share one round trip to Redis.
    """

    def __init__(self, reader: RecipeReader, max_records: int, live_caps: LiveCaps | None = None) -> None:
        """`live_caps` closes records whose counted clicks reach a limit; None where nothing is counted."""
        self._reader = reader
        as_offer: Callable[[dict[str, object]], Offer] = parse_offer
        as_campaign: Callable[[dict[str, object]], Campaign] = parse_campaign
        if live_caps is not None:
            live_caps.bind(self._rewrite)
            as_offer = live_caps.parsed(RecipeKind.OFFERS, parse_offer)
            as_campaign = live_caps.parsed(RecipeKind.CAMPAIGNS, parse_campaign)
        offers = RecordCache(RecipeKind.OFFERS, as_offer, max_records)
        campaigns = RecordCache(RecipeKind.CAMPAIGNS, as_campaign, max_records)
        self._caches: dict[RecipeKind, RecordCache[Any]] = {
            cache.kind: cache for cache in (offers, campaigns)
        }
        self._version = 0
        self._complained_at = -math.inf
        self._has_stale = asyncio.Event()
        self._next_read: tuple[set[tuple[RecipeKind, int]], asyncio.Task[Found]] | None = None
        self.memory = RecordCaches(offers, campaigns)

    @property
    def version(self) -> int:
        """The version of the recipe up to which this worker has applied changes; every change raises it."""
        return self._version

    @property
    def caches(self) -> dict[str, Cache]:
        """How full the cache of each kind is."""
        return {kind.value: cache.usage for kind, cache in self._caches.items()}

    async def offer(self, offer_id: int) -> Offer | None:
        """Return the live offer, None when there is none. Raises `CatalogUnavailable`."""
        offer: Offer | None = await self._one(RecipeKind.OFFERS, offer_id)
        return offer

    async def campaign(self, campaign_id: int) -> Campaign | None:
        """Return the live campaign, None when there is none. Raises `CatalogUnavailable`."""
        campaign: Campaign | None = await self._one(RecipeKind.CAMPAIGNS, campaign_id)
        return campaign

    async def raw(self, kind: RecipeKind, record_id: int) -> dict[str, object] | None:
        """Return the live record as its file or update has it, for display. Raises `CatalogUnavailable`."""
        live = (await self._live({(kind, record_id)}))[kind]
        if live.blobs is None:
            raise _nothing_loaded(kind)
        (blob,) = live.blobs
        return None if blob is None else msgspec.json.decode(blob, type=dict[str, object])

    async def load(self, wanted: Wanted) -> Found:
        """Return records from Redis, None where there is none. Raises `CatalogUnavailable`."""
        if self._next_read is None:
            together = set(wanted)
            self._next_read = together, asyncio.create_task(self._read_together(together))
        together, task = self._next_read
        together.update(wanted)
        try:
            # Shielded, because other clicks wait for the same read when this one is cancelled.
            found = await asyncio.shield(task)
        except RedisAway:
            # RFC 5861, stale-if-error: a record that may be old is better than no answer.
            found = {one: self._caches[one[0]].stale.get(one[1]) for one in wanted}
            if None in found.values():
                raise
        for kind, record_id in wanted:
            if (kind, record_id) not in found:
                raise _nothing_loaded(kind)
        return found

    def mark_stale(self, kinds: Iterable[RecipeKind] = RecipeKind) -> None:
        """Mark all cached records of these kinds stale: each is read again before a click uses it."""
        for kind in kinds:
            self._caches[kind].mark_stale()
        self._has_stale.set()

    def apply(self, change: Change) -> None:
        """Forget the one record that changed, or mark all of a kind stale that was swapped."""
        self._version = max(self._version, change.version)
        if change.record_id is None:
            self.mark_stale([change.kind])
        else:
            self._caches[change.kind].forget(change.record_id)

    async def watch(self) -> None:
        """Keep the caches up to date until cancelled; while Redis is away they serve what they have."""
        async with asyncio.TaskGroup() as group:
            for job in (self._listen(), self._check_version(), self._revalidate()):
                group.create_task(job)

    async def _listen(self) -> None:
        while not is_cancelled():
            try:
                async with self._reader.changes() as changes:
                    # Changes that were published before the subscription are lost: any record may be old.
                    self.mark_stale()
                    async for change in changes:
                        self.apply(change)
            except (RedisError, OSError) as error:
                self._complain(str(error))
            await asyncio.sleep(RECONNECT_SECONDS)

    def _complain(self, problem: str) -> None:
        """Log that Redis is away, again after half a minute: it is tried several times a second."""
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_SECONDS:
            self._complained_at = now
            logger.warning("Redis is away, offers and campaigns come from memory", problem=problem)

    async def _check_version(self) -> None:
        """Detect a lost pub/sub message: Redis' version has been ahead of ours for one full check."""
        seen = 0
        while not is_cancelled():
            await asyncio.sleep(VERSION_CHECK_SECONDS)
            # Remembered before asking: a change that arrives while we wait makes the answer the older one.
            applied = self._version
            try:
                version = await self._reader.version()
            except (RedisError, OSError):
                continue
            if version < applied:
                # Redis was flushed or replaced: its numbering began again.
                self._version = 0
                self.mark_stale()
            elif self._version < seen:
                self._version = version
                self.mark_stale()
            seen = version

    async def _revalidate(self) -> None:
        """Read stale records again in the background, so that hardly a click has to wait for one."""
        while not is_cancelled():
            await self._has_stale.wait()
            self._has_stale.clear()
            for kind, cache in self._caches.items():
                while not is_cancelled() and (some := cache.some_stale(REVALIDATE_RECORDS)):
                    try:
                        found = await self._read({(kind, record_id) for record_id in some})
                    except RedisAway:
                        await asyncio.sleep(RECONNECT_SECONDS)
                        continue
                    if not found:
                        # Nothing of the kind is loaded any more.
                        for record_id in some:
                            cache.forget(record_id)

    def _rewrite(self, kind: RecipeKind, record_id: int, change: Callable[[Any], Any]) -> None:
        self._caches[kind].rewrite(record_id, change)

    async def _one(self, kind: RecipeKind, record_id: int) -> Any:
        try:
            return self._caches[kind].get(record_id)
        except CacheMiss as missing:
            return (await self.load(missing.wanted))[kind, record_id]

    async def _read_together(self, wanted: set[tuple[RecipeKind, int]]) -> Found:
        """Read records in the next round of the event loop; until then, other clicks add theirs."""
        self._next_read = None
        return await self._read(wanted)

    async def _read(self, wanted: set[tuple[RecipeKind, int]]) -> Found:
        """Return records of the kinds that are loaded. Raises `RedisAway`."""
        found: Found = {}
        for kind, live in (await self._live(wanted)).items():
            # If a change arrived while we were reading, these clicks use the answer but it is not cached.
            keep, put = live.version >= self._version, self._caches[kind].put
            for record_id, blob in zip(live.record_ids, live.blobs or (), strict=False):
                found[kind, record_id] = put(record_id, blob, keep=keep)
        return found

    async def _live(self, wanted: set[tuple[RecipeKind, int]]) -> dict[RecipeKind, LiveRead]:
        try:
            return await self._reader.read(wanted)
        except (RedisError, OSError) as error:
            raise RedisAway(f"Redis does not answer: {error}") from error


class RecordView:
    """One click's view of the records: the cache, and what was loaded for it, which cannot be evicted."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._found: Found = {}

    def offer(self, offer_id: int) -> Offer | None:
        """Return the offer, None when it is known that there is none. Raises `CacheMiss`."""
        key = (RecipeKind.OFFERS, offer_id)
        return self._found[key] if key in self._found else self._catalog.memory.offer(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        """Return the campaign, None when it is known that there is none. Raises `CacheMiss`."""
        key = (RecipeKind.CAMPAIGNS, campaign_id)
        return self._found[key] if key in self._found else self._catalog.memory.campaign(campaign_id)

    async def load(self, missing: CacheMiss) -> None:
        """Load the missing records into this view. Raises `CatalogUnavailable`."""
        found = await self._catalog.load(missing.wanted)
        self._found |= {one: found[one] for one in missing.wanted}


def _nothing_loaded(kind: RecipeKind) -> NothingLoaded:
    return NothingLoaded(f"no {kind.value} are loaded yet")
