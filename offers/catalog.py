"""A worker's view of the live offers and campaigns: process memory over this instance's Redis."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
from redis.exceptions import RedisError

from offers.pulse import Cache
from offers.records import Campaign, Offer, RecordRejected, parse_campaign, parse_offer
from recipes.store import Change, RecipeKind, RecipeReader

# Two checks fit into the second within which a lost message must be noticed.
VERSION_CHECK_SECONDS = 0.4
RECONNECT_SECONDS = 0.5
MAX_UNKNOWN_IDS = 10_000

logger = structlog.stdlib.get_logger(__name__)
Record = TypeVar("Record", Offer, Campaign)
Value = TypeVar("Value")


class CatalogUnavailable(Exception):
    """The catalog cannot tell whether there is such a record; the message says why."""


class NothingLoaded(CatalogUnavailable):
    """No recipe of this kind is live yet."""


class RedisAway(CatalogUnavailable):
    """The record is not in memory, and Redis does not answer."""


class NotInMemory(Exception):
    """The record has to be read from Redis before the click can be decided."""

    def __init__(self, kind: RecipeKind, record_id: int) -> None:
        self.kind = kind
        self.record_id = record_id


class Records(Protocol):
    """Records at hand, by id; None where there is no such record. Both raise `NotInMemory`."""

    def offer(self, offer_id: int) -> Offer | None:
        """The offer of this id."""

    def campaign(self, campaign_id: int) -> Campaign | None:
        """The campaign of this id."""


class Catalog:
    """Records by id, remembered until `watch` hears that they changed.

    Of more than `max_records` of a kind the one read first is forgotten. Ids that are not in the recipe are
    remembered apart, so that whoever makes up links cannot push the records out.
    """

    def __init__(self, reader: RecipeReader, max_records: int) -> None:
        self._reader = reader
        self._max_records = max_records
        self._offers: dict[int, Offer] = {}
        self._campaigns: dict[int, Campaign] = {}
        self._unknown: dict[RecipeKind, dict[int, None]] = {kind: {} for kind in RecipeKind}
        self._version = 0
        self._loads = dict.fromkeys(RecipeKind, 0)
        self.memory = Memory(self._offers, self._campaigns, self._unknown)

    @property
    def version(self) -> int:
        """The version of the recipe up to which changes have been heard of; it grows with every change."""
        return self._version

    @property
    def offers_cache(self) -> Cache:
        """How full the memory of offers is."""
        return Cache(len(self._offers), self._max_records, None, self._loads[RecipeKind.OFFERS])

    @property
    def campaigns_cache(self) -> Cache:
        """How full the memory of campaigns is."""
        return Cache(len(self._campaigns), self._max_records, None, self._loads[RecipeKind.CAMPAIGNS])

    async def offer(self, offer_id: int) -> Offer | None:
        """The live offer, None when there is none. Raises `CatalogUnavailable`."""
        with suppress(NotInMemory):
            return self.memory.offer(offer_id)
        return await self._load(RecipeKind.OFFERS, offer_id, self._offers, parse_offer)

    async def campaign(self, campaign_id: int) -> Campaign | None:
        """The live campaign, None when there is none. Raises `CatalogUnavailable`."""
        with suppress(NotInMemory):
            return self.memory.campaign(campaign_id)
        return await self._load(RecipeKind.CAMPAIGNS, campaign_id, self._campaigns, parse_campaign)

    async def raw(self, kind: RecipeKind, record_id: int) -> dict[str, Any] | None:
        """The live record as its file or update has it, for display. Raises `CatalogUnavailable`."""
        blob, _ = await self._read(kind, record_id)
        return None if blob is None else msgspec.json.decode(blob, type=dict[str, Any])

    def clear(self) -> None:
        """Forget every record."""
        self._offers.clear()
        self._campaigns.clear()
        for unknown in self._unknown.values():
            unknown.clear()

    def apply(self, change: Change) -> None:
        """Forget exactly what changed: one record, or everything of a kind that was swapped."""
        self._version = max(self._version, change.version)
        records: dict[int, Any] = self._offers if change.kind is RecipeKind.OFFERS else self._campaigns
        for known in (records, self._unknown[change.kind]):
            if change.record_id is None:
                known.clear()
            else:
                known.pop(change.record_id, None)

    async def watch(self) -> None:
        """Keep the memory true until cancelled; while Redis is away it goes on serving what it has."""
        await asyncio.gather(self._listen(), self._check_version())

    async def _listen(self) -> None:
        while True:
            try:
                async with self._reader.changes() as changes:
                    # What changed while nobody listened is not known.
                    self.clear()
                    async for change in changes:
                        self.apply(change)
            except (RedisError, OSError) as problem:
                logger.warning("Redis is away, offers and campaigns come from memory", problem=str(problem))
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _check_version(self) -> None:
        """Notice a message that never came: a version still unheard of one check after it was seen."""
        seen = 0
        while True:
            await asyncio.sleep(VERSION_CHECK_SECONDS)
            try:
                version = await self._reader.version()
            except (RedisError, OSError):
                continue
            if version < self._version:
                # Redis was flushed or replaced: its numbering began again.
                self._version = 0
                self.clear()
            elif self._version < seen:
                self._version = version
                self.clear()
            seen = version

    async def _load(
        self,
        kind: RecipeKind,
        record_id: int,
        records: dict[int, Record],
        parse: Callable[[dict[str, Any]], Record],
    ) -> Record | None:
        self._loads[kind] += 1
        blob, version = await self._read(kind, record_id)
        record = None if blob is None else _parsed(blob, parse)
        # An answer that a change has overtaken on the way is good for this click only.
        if version >= self._version:
            if record is None:
                _remember(self._unknown[kind], record_id, None, MAX_UNKNOWN_IDS)
            else:
                _remember(records, record_id, record, self._max_records)
        return record

    async def _read(self, kind: RecipeKind, record_id: int) -> tuple[bytes | None, int]:
        try:
            live = await self._reader.read(kind, record_id)
        except (RedisError, OSError) as problem:
            raise RedisAway(f"Redis does not answer: {problem}") from problem
        if not live.loaded:
            raise NothingLoaded(f"no {kind.value} are loaded yet")
        return live.blob, live.version


class Memory:
    """What a catalog has in memory."""

    def __init__(
        self,
        offers: dict[int, Offer],
        campaigns: dict[int, Campaign],
        unknown: dict[RecipeKind, dict[int, None]],
    ) -> None:
        self._offers = offers
        self._campaigns = campaigns
        self._unknown_offers = unknown[RecipeKind.OFFERS]
        self._unknown_campaigns = unknown[RecipeKind.CAMPAIGNS]

    def offer(self, offer_id: int) -> Offer | None:
        """The offer, None when it is known that there is none. Raises `NotInMemory`."""
        offer = self._offers.get(offer_id)
        if offer is None and offer_id not in self._unknown_offers:
            raise NotInMemory(RecipeKind.OFFERS, offer_id)
        return offer

    def campaign(self, campaign_id: int) -> Campaign | None:
        """The campaign, None when it is known that there is none. Raises `NotInMemory`."""
        campaign = self._campaigns.get(campaign_id)
        if campaign is None and campaign_id not in self._unknown_campaigns:
            raise NotInMemory(RecipeKind.CAMPAIGNS, campaign_id)
        return campaign


class Gathered:
    """The same, and what was loaded for one click, which nothing can push out while it is being decided."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._offers: dict[int, Offer | None] = {}
        self._campaigns: dict[int, Campaign | None] = {}

    def offer(self, offer_id: int) -> Offer | None:
        """The offer, None when it is known that there is none. Raises `NotInMemory`."""
        return self._offers[offer_id] if offer_id in self._offers else self._catalog.memory.offer(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        """The campaign, None when it is known that there is none. Raises `NotInMemory`."""
        if campaign_id in self._campaigns:
            return self._campaigns[campaign_id]
        return self._catalog.memory.campaign(campaign_id)

    async def load(self, missing: NotInMemory) -> None:
        """Load what was missing. Raises `CatalogUnavailable`."""
        if missing.kind is RecipeKind.OFFERS:
            self._offers[missing.record_id] = await self._catalog.offer(missing.record_id)
        else:
            self._campaigns[missing.record_id] = await self._catalog.campaign(missing.record_id)


def _remember(known: dict[int, Value], record_id: int, value: Value, limit: int) -> None:
    """Remember something of a record, and of more than `limit` forget what was remembered first."""
    if len(known) >= limit:
        del known[next(iter(known))]
    known[record_id] = value


def _parsed(blob: bytes, parse: Callable[[dict[str, Any]], Record]) -> Record | None:
    try:
        return parse(msgspec.json.decode(blob))
    except (RecordRejected, msgspec.DecodeError) as problem:
        # What cannot be used is not loaded; this is a record from before a rule became stricter.
        logger.error("a live record cannot be used", problem=str(problem))
        return None
