"""A worker's view of the live offers and campaigns: process memory over this instance's Redis."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from offers.catalog.record_cache import CacheMiss, RecordCache, RecordCaches, Wanted
from offers.stats.types import Cache
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer, parse_campaign, parse_offer
from recipes.store.reader import RecipeReader
from recipes.store.types import Change, LiveRead

# Two checks fit into the second within which a lost message must be noticed.
VERSION_CHECK_SECONDS = 0.4
RECONNECT_SECONDS = 0.5
# What is in doubt is read in parts that hold up neither the worker nor Redis for a millisecond.
CONFIRM_RECORDS = 100

logger = structlog.stdlib.get_logger(__name__)
Found = dict[tuple[RecipeKind, int], Any]


class CatalogUnavailable(Exception):
    """The catalog cannot tell whether there is such a record; the message says why."""


class NothingLoaded(CatalogUnavailable):
    """No recipe of this kind is live yet."""


class RedisAway(CatalogUnavailable):
    """The record is not in memory, and Redis does not answer."""


class Catalog:
    """Records by id, remembered until `watch` hears that they changed; up to `max_records` of a kind.

    Records that are wanted in the same moment are read together.
    """

    def __init__(self, reader: RecipeReader, max_records: int) -> None:
        self._reader = reader
        offers = RecordCache(RecipeKind.OFFERS, parse_offer, max_records)
        campaigns = RecordCache(RecipeKind.CAMPAIGNS, parse_campaign, max_records)
        self._known: dict[RecipeKind, RecordCache[Any]] = {known.kind: known for known in (offers, campaigns)}
        self._version = 0
        self._in_doubt = asyncio.Event()
        self._next_read: tuple[set[tuple[RecipeKind, int]], asyncio.Task[Found]] | None = None
        self.memory = RecordCaches(offers, campaigns)

    @property
    def version(self) -> int:
        """The version of the recipe up to which changes have been heard of; it grows with every change."""
        return self._version

    @property
    def caches(self) -> dict[str, Cache]:
        """How full the memory of each kind is."""
        return {kind.value: known.cache for kind, known in self._known.items()}

    async def offer(self, offer_id: int) -> Offer | None:
        """The live offer, None when there is none. Raises `CatalogUnavailable`."""
        offer: Offer | None = await self._one(RecipeKind.OFFERS, offer_id)
        return offer

    async def campaign(self, campaign_id: int) -> Campaign | None:
        """The live campaign, None when there is none. Raises `CatalogUnavailable`."""
        campaign: Campaign | None = await self._one(RecipeKind.CAMPAIGNS, campaign_id)
        return campaign

    async def raw(self, kind: RecipeKind, record_id: int) -> dict[str, Any] | None:
        """The live record as its file or update has it, for display. Raises `CatalogUnavailable`."""
        live = (await self._live({(kind, record_id)}))[kind]
        if live.blobs is None:
            raise _nothing_loaded(kind)
        (blob,) = live.blobs
        return None if blob is None else msgspec.json.decode(blob, type=dict[str, Any])

    async def load(self, wanted: Wanted) -> Found:
        """Records from Redis, None where there is none. Raises `CatalogUnavailable`."""
        if self._next_read is None:
            together = set(wanted)
            self._next_read = together, asyncio.create_task(self._read_together(together))
        together, task = self._next_read
        together.update(wanted)
        try:
            # Others wait for it as well, whatever becomes of this click.
            found = await asyncio.shield(task)
        except RedisAway:
            found = {one: self._known[one[0]].doubted.get(one[1]) for one in wanted}
            if None in found.values():
                raise
        for kind, record_id in wanted:
            if (kind, record_id) not in found:
                raise _nothing_loaded(kind)
        return found

    def mark_stale(self, kinds: Iterable[RecipeKind] = RecipeKind) -> None:
        """Take nothing of these kinds for true until it was read again."""
        for kind in kinds:
            self._known[kind].mark_stale()
        self._in_doubt.set()

    def apply(self, change: Change) -> None:
        """Forget exactly what changed: one record; or doubt everything of a kind that was swapped."""
        self._version = max(self._version, change.version)
        if change.record_id is None:
            self.mark_stale([change.kind])
        else:
            self._known[change.kind].forget(change.record_id)

    async def watch(self) -> None:
        """Keep the memory true until cancelled; while Redis is away it goes on serving what it has."""
        await asyncio.gather(self._listen(), self._check_version(), self._confirm())

    async def _listen(self) -> None:
        while True:
            try:
                async with self._reader.changes() as changes:
                    # What changed while nobody listened is not known.
                    self.mark_stale()
                    async for change in changes:
                        self.apply(change)
            except (RedisError, OSError) as error:
                logger.warning("Redis is away, offers and campaigns come from memory", problem=str(error))
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _check_version(self) -> None:
        """Notice a message that never came: a version still unheard of one check after it was seen."""
        seen = 0
        while True:
            await asyncio.sleep(VERSION_CHECK_SECONDS)
            # A change may be heard of before the answer comes, which is older then.
            heard = self._version
            try:
                version = await self._reader.version()
            except (RedisError, OSError):
                continue
            if version < heard:
                # Redis was flushed or replaced: its numbering began again.
                self._version = 0
                self.mark_stale()
            elif self._version < seen:
                self._version = version
                self.mark_stale()
            seen = version

    async def _confirm(self) -> None:
        """Read again what is in doubt, so that hardly a click has to wait for it."""
        while True:
            await self._in_doubt.wait()
            self._in_doubt.clear()
            for kind, known in self._known.items():
                while some := known.some_in_doubt(CONFIRM_RECORDS):
                    try:
                        found = await self._read({(kind, record_id) for record_id in some})
                    except RedisAway:
                        await asyncio.sleep(RECONNECT_SECONDS)
                        continue
                    if not found:
                        # Nothing of the kind is loaded any more.
                        for record_id in some:
                            known.forget(record_id)

    async def _one(self, kind: RecipeKind, record_id: int) -> Any:
        try:
            return self._known[kind].get(record_id)
        except CacheMiss as missing:
            return (await self.load(missing.wanted))[kind, record_id]

    async def _read_together(self, wanted: set[tuple[RecipeKind, int]]) -> Found:
        """Read records in the next round of the event loop; until it begins, others may be added."""
        self._next_read = None
        return await self._read(wanted)

    async def _read(self, wanted: set[tuple[RecipeKind, int]]) -> Found:
        """Records of the kinds that are loaded. Raises `RedisAway`."""
        found: Found = {}
        for kind, live in (await self._live(wanted)).items():
            # An answer that a change has overtaken on the way is good for these clicks only.
            keep, put = live.version >= self._version, self._known[kind].put
            for record_id, blob in zip(live.record_ids, live.blobs or (), strict=False):
                found[kind, record_id] = put(record_id, blob, keep=keep)
        return found

    async def _live(self, wanted: set[tuple[RecipeKind, int]]) -> dict[RecipeKind, LiveRead]:
        try:
            return await self._reader.read(wanted)
        except (RedisError, OSError) as error:
            raise RedisAway(f"Redis does not answer: {error}") from error


class RecordView:
    """What is in memory, and what was loaded for one click, which nothing can push out meanwhile."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._found: Found = {}

    def offer(self, offer_id: int) -> Offer | None:
        """The offer, None when it is known that there is none. Raises `CacheMiss`."""
        key = (RecipeKind.OFFERS, offer_id)
        return self._found[key] if key in self._found else self._catalog.memory.offer(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        """The campaign, None when it is known that there is none. Raises `CacheMiss`."""
        key = (RecipeKind.CAMPAIGNS, campaign_id)
        return self._found[key] if key in self._found else self._catalog.memory.campaign(campaign_id)

    async def load(self, missing: CacheMiss) -> None:
        """Load what was missing. Raises `CatalogUnavailable`."""
        found = await self._catalog.load(missing.wanted)
        self._found |= {one: found[one] for one in missing.wanted}


def _nothing_loaded(kind: RecipeKind) -> NothingLoaded:
    return NothingLoaded(f"no {kind.value} are loaded yet")
