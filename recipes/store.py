"""The recipe in this instance's Redis: the only module that knows its keys.

A generation is one hash, record id -> record as its file has it; `live` names the generation that counts.
Every change of what is live raises `recipe:version` and is published, in the same step as the change itself.
"""

from collections.abc import AsyncIterator, Iterable
from enum import StrEnum
from typing import cast

import msgspec
import redis
import redis.asyncio

VERSION_KEY = "recipe:version"
CHANGES_CHANNEL = "recipe:changes"
# A worker may still be reading the generation that a swap has just replaced.
OLD_GENERATION_SECONDS = 60
# A generation being loaded forgets itself when its loader died.
LOADING_GENERATION_SECONDS = 600


class RecipeKind(StrEnum):
    """The two kinds of recipe."""

    OFFERS = "offers"
    CAMPAIGNS = "campaigns"

    @property
    def id_field(self) -> str:
        """The field that holds a record's id."""
        return "offerId" if self is RecipeKind.OFFERS else "campaignId"


class Change(msgspec.Struct, frozen=True):
    """What a worker has to forget: one record, or (None) everything of the kind."""

    version: int
    kind: RecipeKind
    record_id: int | None


class LiveRead(msgspec.Struct, frozen=True):
    """One record as it was at `version`. `loaded` is False when no generation of the kind is live."""

    loaded: bool
    version: int
    blob: bytes | None


class RecipeMeta(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of the live generation of a kind, and of the last failure to replace it.

    Times are in milliseconds since the epoch, durations in milliseconds; None is unknown.
    """

    generation: int = 0
    count: int = 0
    announced_size: int = 0
    etag: str | None = None
    last_modified_ms: int | None = None
    loaded_at_ms: int | None = None
    took_ms: int | None = None
    source: str | None = None
    size_bytes: int | None = None
    duplicates: int = 0
    rejected: dict[str, int] = {}
    defect_count: int = 0
    defects: list[dict[str, object]] = []
    last_error: str | None = None
    last_error_at_ms: int | None = None


class SwapRefused(Exception):
    """The generation is not what was written, so it must not go live."""


_meta_decoder = msgspec.json.Decoder(RecipeMeta)
_change_decoder = msgspec.json.Decoder(Change)

# KEYS: live, version. ARGV: kind's key prefix, record id.
READ = """
local version = tonumber(redis.call('GET', KEYS[2]) or 0)
local live = redis.call('GET', KEYS[1])
if not live then return {0, version, false} end
return {1, version, redis.call('HGET', ARGV[1] .. live, ARGV[2])}
"""

_ANNOUNCE = """
local function announce(kind, record_id)
  local version = redis.call('INCR', KEYS[2])
  redis.call('PUBLISH', '%s', cjson.encode({version = version, kind = kind, record_id = record_id}))
  return version
end
""" % (CHANGES_CHANNEL,)

# KEYS: live, version, new generation, meta. ARGV: kind, generation, count, meta, prefix, old seconds.
SWAP = (
    _ANNOUNCE
    + """
if redis.call('HLEN', KEYS[3]) ~= tonumber(ARGV[3]) then return -1 end
local old = redis.call('GET', KEYS[1])
redis.call('PERSIST', KEYS[3])
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[4], ARGV[4])
if old and old ~= ARGV[2] then redis.call('EXPIRE', ARGV[5] .. old, ARGV[6]) end
return announce(ARGV[1], cjson.null)
"""
)

# KEYS: live, version. ARGV: kind, record id, record ('' deletes), prefix.
WRITE = (
    _ANNOUNCE
    + """
local live = redis.call('GET', KEYS[1])
if not live then return -1 end
if ARGV[3] == '' then redis.call('HDEL', ARGV[4] .. live, ARGV[2])
else redis.call('HSET', ARGV[4] .. live, ARGV[2], ARGV[3]) end
return announce(ARGV[1], tonumber(ARGV[2]))
"""
)


def _prefix(kind: RecipeKind) -> str:
    return f"recipe:{kind}:"


def _live(kind: RecipeKind) -> str:
    return f"recipe:{kind}:live"


def _meta(kind: RecipeKind) -> str:
    return f"recipe:{kind}:meta"


class RecipeReader:
    """What a web worker reads; all errors are those of redis-py."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._redis = client
        self._read = client.register_script(READ)

    async def read(self, kind: RecipeKind, record_id: int) -> LiveRead:
        """One record of the live generation, in one round trip."""
        loaded, version, blob = await self._read(
            keys=[_live(kind), VERSION_KEY], args=[_prefix(kind), record_id]
        )
        return LiveRead(bool(loaded), int(version), blob)

    async def version(self) -> int:
        """The version of what is live now; 0 in an empty Redis."""
        return int(await self._redis.get(VERSION_KEY) or 0)

    async def changes(self) -> AsyncIterator[Change]:
        """Every change from now on; a message that is none of ours is passed over."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(CHANGES_CHANNEL)
            async for message in subscription.listen():
                try:
                    yield _change_decoder.decode(message["data"])
                except msgspec.DecodeError:
                    continue


class GenerationWriter:
    """Fills a generation that is not live yet."""

    def __init__(self, client: "redis.Redis", kind: RecipeKind, generation: int) -> None:
        self._redis = client
        self.kind = kind
        self.generation = generation
        self.key = f"{_prefix(kind)}{generation}"

    def add(self, records: dict[int, bytes]) -> None:
        """Add records by id; one that is there already is replaced."""
        if records:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hset(self.key, mapping=cast("dict[str | bytes, bytes]", records))
            pipeline.expire(self.key, LOADING_GENERATION_SECONDS)
            pipeline.execute()

    def count(self) -> int:
        """How many records there are in it."""
        return int(cast(int, self._redis.hlen(self.key)))

    def discard(self) -> None:
        """Forget it, without making Redis wait."""
        self._redis.unlink(self.key)


class RecipeStore:
    """The writing side, for syncs, updates, commands and the page; all errors are those of redis-py."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._read = client.register_script(READ)
        self._swap = client.register_script(SWAP)
        self._write = client.register_script(WRITE)

    def meta(self, kind: RecipeKind) -> RecipeMeta:
        """What is known of the live generation; `generation` is 0 when nothing is live."""
        live, blob = cast("list[bytes | None]", self._redis.mget(_live(kind), _meta(kind)))
        meta = _meta_decoder.decode(blob) if blob else RecipeMeta()
        meta.generation = int(live or 0)
        return meta

    def begin(self, kind: RecipeKind) -> GenerationWriter:
        """A new, empty generation; its number was never used before, not even by a load that failed."""
        generation = int(cast(int, self._redis.incr(f"{_prefix(kind)}generations")))
        return GenerationWriter(self._redis, kind, generation)

    def swap(self, writer: GenerationWriter, meta: RecipeMeta) -> int:
        """Make a filled generation live, with its metadata; gives the new version.

        Raises `SwapRefused` when the generation does not hold `meta.count` records.
        """
        keys = [_live(writer.kind), VERSION_KEY, writer.key, _meta(writer.kind)]
        meta.generation = writer.generation
        body = msgspec.json.encode(meta)
        arguments = [
            writer.kind,
            writer.generation,
            meta.count,
            body,
            _prefix(writer.kind),
            OLD_GENERATION_SECONDS,
        ]
        version = int(cast(int, self._swap(keys=keys, args=arguments)))
        if version < 0:
            raise SwapRefused(
                f"{writer.kind}: generation {writer.generation} does not hold the {meta.count} records that "
                "were written; was Redis flushed or restarted meanwhile?"
            )
        return version

    def amend_meta(self, kind: RecipeKind, **fields: object) -> None:
        """Change some of the metadata of a kind, leaving what is live as it is."""
        meta = self.meta(kind)
        for name, value in fields.items():
            setattr(meta, name, value)
        self._redis.set(_meta(kind), msgspec.json.encode(meta))

    def get(self, kind: RecipeKind, record_id: int) -> bytes | None:
        """One record of the live generation."""
        keys = [_live(kind), VERSION_KEY]
        answer = cast("list[bytes | None]", self._read(keys=keys, args=[_prefix(kind), record_id]))
        return answer[2]

    def put_record(self, kind: RecipeKind, record_id: int, blob: bytes) -> int:
        """Set one record of the live generation; gives the new version, -1 when nothing is live."""
        keys, arguments = [_live(kind), VERSION_KEY], [kind, record_id, blob, _prefix(kind)]
        return int(cast(int, self._write(keys=keys, args=arguments)))

    def delete_record(self, kind: RecipeKind, record_id: int) -> int:
        """Take one record out of the live generation; gives the new version, -1 when nothing is live."""
        return self.put_record(kind, record_id, b"")

    def forget_old_generations(self) -> int:
        """Forget generations that are neither live nor about to forget themselves; gives how many."""
        forgotten = 0
        for kind in RecipeKind:
            live = self.meta(kind).generation
            last = int(cast("bytes | None", self._redis.get(f"{_prefix(kind)}generations")) or 0)
            forgotten += self._forget(
                f"{_prefix(kind)}{n}" for n in range(max(1, last - 100), last + 1) if n != live
            )
        return forgotten

    def _forget(self, keys: Iterable[str]) -> int:
        without_expiry = -1
        return sum(self._redis.unlink(key) for key in keys if self._redis.ttl(key) == without_expiry)  # type: ignore[misc]
