"""The recipe in this instance's Redis: the only module that knows its keys.

A generation is one hash, record id -> record as its file has it; `live` names the generation that counts.
Every change of what is live raises `recipe:version` and is published, in the same step as the change itself.
The journal holds the newest update of each record, with its time, so that a load can replay what its file
does not know yet.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, cast

import msgspec
import redis
import redis.asyncio
from redis.lock import Lock

from offers.records import Defect
from recipes.scripts import CHANGES_CHANNEL, READ, SWAP, UPDATE
from recipes.states import ListenerState

VERSION_KEY = "recipe:version"
LISTENER_KEY = "recipe:listener"
LISTENER_STATE_SECONDS = 10
SUBSCRIBE_SECONDS = 2.0
LISTEN_SECONDS = 1.0
# A worker may still be reading the generation that a swap has just replaced.
OLD_GENERATION_SECONDS = 60
# A generation being loaded forgets itself when its loader died.
LOADING_GENERATION_SECONDS = 600
# An update that a file is sure to hold is kept this much longer, in case an older file comes back.
JOURNAL_SPARE_MS = 24 * 3600 * 1000


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


class Written(msgspec.Struct, frozen=True):
    """What became of an update: "applied" (`version` is the new one), "kept", "stale" or "repeated"."""

    outcome: str
    version: int


class RecipeMeta(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of the live generation of a kind, and of the last failure to replace it.

    Times are in milliseconds since the epoch, durations in milliseconds; None is unknown. `checked_at_ms` is
    when S3 was last seen to have what is live.
    """

    generation: int = 0
    count: int = 0
    announced_size: int = 0
    etag: str | None = None
    digest: str | None = None
    last_modified_ms: int | None = None
    loaded_at_ms: int | None = None
    checked_at_ms: int | None = None
    took_ms: int | None = None
    source: str | None = None
    size_bytes: int | None = None
    duplicates: int = 0
    rejected: dict[str, int] = {}
    rejections: list[str] = []
    defect_count: int = 0
    defects: list[Defect] = []
    last_error: str | None = None
    last_error_at_ms: int | None = None


class SwapRefused(Exception):
    """The generation is not what was written, so it must not go live."""


_meta_decoder = msgspec.json.Decoder(RecipeMeta)
_listener_decoder = msgspec.json.Decoder(ListenerState)
_change_decoder = msgspec.json.Decoder(Change)


def _decoded(live: Any, blob: Any) -> RecipeMeta:
    meta = _meta_decoder.decode(blob) if blob else RecipeMeta()
    meta.generation = int(live or 0)
    return meta


def _prefix(kind: RecipeKind) -> str:
    return f"recipe:{kind}:"


def _live(kind: RecipeKind) -> str:
    return f"recipe:{kind}:live"


def _meta(kind: RecipeKind) -> str:
    return f"recipe:{kind}:meta"


def _journal_keys(kind: RecipeKind) -> list[str]:
    """The newest update of each record, their times, and the time of the live generation's file."""
    return [f"recipe:{kind}:journal", f"recipe:{kind}:journal-times", f"recipe:{kind}:file-time"]


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

    async def metas(self) -> dict[RecipeKind, RecipeMeta]:
        """What is known of both kinds, in one round trip; `generation` is 0 where nothing is live."""
        found = await self._redis.mget([key for kind in RecipeKind for key in (_live(kind), _meta(kind))])
        return {kind: _decoded(*found[2 * at : 2 * at + 2]) for at, kind in enumerate(RecipeKind)}

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change]]:
        """Every change from the moment on which this is entered."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(CHANGES_CHANNEL)
            confirmed = await subscription.get_message(timeout=SUBSCRIBE_SECONDS)
            if confirmed is None:
                raise redis.TimeoutError("no answer to SUBSCRIBE")
            yield _changes(subscription)


async def _changes(subscription: "redis.asyncio.client.PubSub") -> AsyncIterator[Change]:
    while True:
        # Asked with a time-out, because the connection's own would take silence for a failure.
        message = await subscription.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS)
        if message is None:
            continue
        try:
            yield _change_decoder.decode(message["data"])
        except msgspec.DecodeError:
            # Whatever it was, the version check finds what we do not understand.
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
            pipeline.hset(self.key, mapping=dict[Any, Any](records))
            pipeline.expire(self.key, LOADING_GENERATION_SECONDS)
            pipeline.execute()

    def count(self) -> int:
        """How many records there are in it."""
        return int(self._redis.hlen(self.key))

    def discard(self) -> None:
        """Forget it, without making Redis wait."""
        self._redis.unlink(self.key)


class RecipeStore:
    """The writing side, for syncs, updates, commands and the page; all errors are those of redis-py."""

    def __init__(self, client: "redis.Redis") -> None:
        self.redis = client
        self._read = client.register_script(READ)
        self._swap = client.register_script(SWAP)
        self._update = client.register_script(UPDATE)

    def meta(self, kind: RecipeKind) -> RecipeMeta:
        """What is known of the live generation; `generation` is 0 when nothing is live."""
        return _decoded(*self.redis.mget(_live(kind), _meta(kind)))

    def begin(self, kind: RecipeKind) -> GenerationWriter:
        """A new, empty generation; its number was never used before, not even by a load that failed."""
        generation = int(self.redis.incr(f"{_prefix(kind)}generations"))
        return GenerationWriter(self.redis, kind, generation)

    def swap(self, writer: GenerationWriter, meta: RecipeMeta, overlap_ms: int = 0) -> int:
        """Make a filled generation live, with its metadata; gives the new version.

        Updates newer than `meta.last_modified_ms` less `overlap_ms` (all, where that is unknown) are replayed
        into it first. Raises `SwapRefused` when the generation does not hold `meta.count` records.
        """
        kind, file_ms = writer.kind, meta.last_modified_ms
        replay_from_ms = 0 if file_ms is None else file_ms - overlap_ms
        meta.generation = writer.generation
        arguments: list[Any] = [
            *(kind, writer.generation, meta.count, msgspec.json.encode(meta), _prefix(kind)),
            *(OLD_GENERATION_SECONDS, "" if file_ms is None else file_ms),
            *(replay_from_ms, replay_from_ms - JOURNAL_SPARE_MS),
        ]
        keys = [_live(kind), VERSION_KEY, writer.key, _meta(kind), *_journal_keys(kind)]
        version = int(self._swap(keys=keys, args=arguments))
        if version < 0:
            raise SwapRefused(
                f"{kind}: generation {writer.generation} does not hold the {meta.count} records that "
                "were written; was Redis flushed or restarted meanwhile?"
            )
        return version

    def amend_meta(self, kind: RecipeKind, **fields: object) -> None:
        """Change some of the metadata of a kind, leaving what is live as it is."""
        meta = self.meta(kind)
        for name, value in fields.items():
            setattr(meta, name, value)
        self.redis.set(_meta(kind), msgspec.json.encode(meta))

    def get(self, kind: RecipeKind, record_id: int) -> bytes | None:
        """One record of the live generation."""
        keys = [_live(kind), VERSION_KEY]
        answer = cast("list[bytes | None]", self._read(keys=keys, args=[_prefix(kind), record_id]))
        return answer[2]

    def apply_update(
        self, kind: RecipeKind, record_id: int, timestamp_ms: int, record: bytes | None, overlap_ms: int = 0
    ) -> Written:
        """Journal one update and write its record (None deletes) into the live generation.

        "stale": a newer update of the record is known, or the live generation's file is newer by more than
        `overlap_ms`. "kept": nothing is live, so it waits for the first load.
        """
        arguments: list[Any] = [kind, record_id, record or b"", _prefix(kind), timestamp_ms, overlap_ms]
        keys = [_live(kind), VERSION_KEY, *_journal_keys(kind)]
        outcome, version = self._update(keys=keys, args=arguments)
        return Written(bytes(outcome).decode(), int(version))

    def lock(self, kind: RecipeKind, name: str, seconds: float) -> Lock:
        """A lock on syncs of a kind, which a holder that was killed loses after `seconds`."""
        lock: Lock = self.redis.lock(f"recipe:{kind}:lock-{name}", timeout=seconds, thread_local=False)
        return lock

    def publish_listener_state(self, state: ListenerState) -> None:
        """Tell how the listener is; what is not told again is forgotten after `LISTENER_STATE_SECONDS`."""
        self.redis.set(LISTENER_KEY, msgspec.json.encode(state), ex=LISTENER_STATE_SECONDS)

    def listener_state(self) -> ListenerState | None:
        """How the listener is; None when none has told for a while."""
        blob = cast("bytes | None", self.redis.get(LISTENER_KEY))
        return None if blob is None else _listener_decoder.decode(blob)

    def live_count(self, kind: RecipeKind) -> int:
        """How many records are live now, updates included."""
        generation = self.meta(kind).generation
        return int(self.redis.hlen(f"{_prefix(kind)}{generation}")) if generation else 0

    def forget_old_generations(self) -> int:
        """Forget generations that are neither live nor about to forget themselves; gives how many."""
        forgotten = 0
        for kind in RecipeKind:
            live = self.meta(kind).generation
            last = int(cast("bytes | None", self.redis.get(f"{_prefix(kind)}generations")) or 0)
            forgotten += self._forget(
                f"{_prefix(kind)}{n}" for n in range(max(1, last - 100), last + 1) if n != live
            )
        return forgotten

    def _forget(self, keys: Iterable[str]) -> int:
        without_expiry = -1
        return sum(int(self.redis.unlink(key)) for key in keys if self.redis.ttl(key) == without_expiry)
