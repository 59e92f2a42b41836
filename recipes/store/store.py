"""Writes the recipe in this instance's Redis: generations, updates, and the listener's state."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import redis
from redis.lock import Lock

from lib.outcome import Outcome
from lib.redis_replies import number, optional_bytes, scored_ids
from recipes.records.kinds import RecipeKind
from recipes.store import keys
from recipes.store.holds import RecipeHolds
from recipes.store.journal import MAX_AHEAD_MS, RecipeJournal, Replay
from recipes.store.reader import RecipeReader
from recipes.store.scripts import FORGET, SWAP
from recipes.store.status import ListenerState
from recipes.store.types import (
    Change,
    Journaled,
    LiveRead,
    RecipeMeta,
    SwapRefused,
    Written,
    decoded_meta,
)

__all__ = [
    "Change",
    "GenerationWriter",
    "Journaled",
    "LiveRead",
    "LiveRecords",
    "RecipeKind",
    "RecipeMeta",
    "RecipeReader",
    "RecipeStore",
    "SwapRefused",
    "Written",
]

LISTENER_STATE_SECONDS = 10
# A worker may still be reading the generation that a swap has just replaced.
OLD_GENERATION_SECONDS = 60
# A generation that is being loaded expires when its loader has died.
LOADING_GENERATION_SECONDS = 600
# Keep journaled updates this much longer than their file needs, in case S3 is rolled back to an older one.
JOURNAL_SPARE_MS = 24 * 3600 * 1000
# Records per HSCAN, so that Redis has time for clicks in between.
SCAN_RECORDS = 500
# Answers of the scripts.
LIVE = -1
YOUNGER_IS_LIVE = -2

_listener_decoder = msgspec.json.Decoder(ListenerState)


def believable_ms(file_ms: int | None) -> int:
    """Return the latest time that an update may carry: minutes after our clock, or S3's if that is ahead."""
    return max(time.time_ns() // 1_000_000, file_ms or 0) + MAX_AHEAD_MS


class GenerationWriter:
    """Fills a generation that is not live yet."""

    def __init__(self, client: "redis.Redis", kind: RecipeKind, generation: int) -> None:
        self._redis = client
        self._forget = client.register_script(FORGET)
        self.kind = kind
        self.generation = generation
        self.key = keys.generation(kind, generation)

    def add(self, records: dict[int, bytes]) -> None:
        """Add records by id; one that is there already is replaced."""
        if records:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hset(self.key, mapping=dict[Any, Any](records))
            pipeline.expire(self.key, LOADING_GENERATION_SECONDS)
            pipeline.execute()

    def count(self) -> int:
        """Return the number of records in the generation."""
        return int(self._redis.hlen(self.key))

    def discard(self) -> bool:
        """Delete the generation, unless it is live, as where the answer to a swap was lost.

        Returns whether it is not live. Redis deletes it in the background: clicks do not wait for it.
        """
        return int(self._forget(keys=[keys.live(self.kind), self.key], args=[self.generation, 0])) != LIVE


class RecipeStore(RecipeJournal):
    """The writing side, for syncs, updates, commands and the page; all errors are those of redis-py."""

    def __init__(self, client: "redis.Redis") -> None:
        super().__init__(client)
        self.holds = RecipeHolds(client)
        self._swap = client.register_script(SWAP)
        self._forget = client.register_script(FORGET)

    def meta(self, kind: RecipeKind) -> RecipeMeta:
        """Return the metadata of the live generation; `generation` is 0 if nothing is live."""
        return decoded_meta(*self.redis.mget(keys.live(kind), keys.meta(kind)))

    def begin(self, kind: RecipeKind) -> GenerationWriter:
        """Start an empty generation. Its number was never used before, not even by a load that failed."""
        generation = int(self.redis.incr(keys.last_generation(kind)))
        return GenerationWriter(self.redis, kind, generation)

    def swap(
        self, writer: GenerationWriter, meta: RecipeMeta, overlap_ms: int = 0, replay: Replay | None = None
    ) -> int:
        """Make a filled generation live, with its metadata. Returns the new version.

        First it replays the updates newer than `meta.last_modified_ms` less `overlap_ms` (all of them if that
        time is unknown), and the older ones that the file would undo, as `replay` found. Raises `SwapRefused`
        if the generation does not hold `meta.count` records, or one that was begun later is live.
        """
        kind, file_ms = writer.kind, meta.last_modified_ms
        replay_from_ms = 0 if file_ms is None else file_ms - overlap_ms
        meta.generation = writer.generation
        undone, overtaken = (replay.undone, replay.overtaken) if replay else ([], [])
        arguments: list[str | bytes | int] = [
            *(kind, writer.generation, meta.count, msgspec.json.encode(meta), keys.prefix(kind)),
            *(OLD_GENERATION_SECONDS, "" if file_ms is None else file_ms),
            *(replay_from_ms, replay_from_ms - JOURNAL_SPARE_MS, believable_ms(file_ms)),
            *(len(undone), *undone, *overtaken),
        ]
        names = [
            *(keys.live(kind), keys.VERSION, writer.key, keys.meta(kind), *keys.journal(kind)),
            *(keys.digests(kind), keys.deletes(kind)),
        ]
        version = int(self._swap(keys=names, args=arguments))
        if version == YOUNGER_IS_LIVE:
            raise SwapRefused(f"{kind}: a younger one than generation {writer.generation} is live already")
        if version < 0:
            raise SwapRefused(
                f"{kind}: generation {writer.generation} does not hold the {meta.count} records that "
                "were written; was Redis flushed or restarted meanwhile?"
            )
        return version

    def amend_meta(self, kind: RecipeKind, **fields: object) -> None:
        """Change some metadata of a kind; the live records stay as they are."""
        meta = self.meta(kind)
        for name, value in fields.items():
            setattr(meta, name, value)
        self.redis.set(keys.meta(kind), msgspec.json.encode(meta))

    def replay_for(self, kind: RecipeKind, file_ms: int, overlap_ms: int, *, forced: bool = False) -> Replay:
        """Return the judge of which updates stay when a file of that time goes live."""
        newer = self.updated_between(kind, file_ms - overlap_ms, believable_ms(file_ms))
        return Replay(self.journal_entries(kind), newer, forced=forced)

    def get(self, kind: RecipeKind, record_id: int) -> bytes | None:
        """Return a record of the live generation, None if it is missing."""
        return self.get_many(kind, [record_id])[0]

    def records(self, kind: RecipeKind, generation: int) -> Iterator[dict[int, bytes]]:
        """Yield all records of a generation, some at a time. One may come twice; a new one may be missing."""
        cursor, found = 0, dict[bytes, bytes]()
        while True:
            scan: Any = self.redis.hscan(keys.generation(kind, generation), cursor, count=SCAN_RECORDS)
            cursor, found = scan
            yield {int(record_id): blob for record_id, blob in found.items()}
            if cursor == 0:
                return

    def record_ids(self, kind: RecipeKind, generation: int) -> Iterator[set[int]]:
        """Yield the ids of all records of a generation, some at a time; one may come twice."""
        if not generation:
            return
        cursor, without_values = 0, True
        while True:
            try:
                scan: Any = self.redis.hscan(
                    keys.generation(kind, generation), cursor, count=SCAN_RECORDS, no_values=without_values
                )
            except redis.ResponseError:
                # Redis before 7.4 lacks this option: it returns the records as well.
                if not without_values:
                    raise
                without_values = False
                continue
            cursor, found = scan
            yield {int(record_id) for record_id in found}
            if cursor == 0:
                return

    def changed_since(
        self, kind: RecipeKind, generation: int, version: int, count: int
    ) -> list[tuple[int, int]]:
        """Return the first `count` records written after `version`: id and version, oldest first.

        All records of the last version are among them, however many, so that reading can go on after it.
        """
        key = keys.changed(kind, generation)
        options: dict[str, Any] = {"byscore": True, "withscores": True}
        found = scored_ids(self.redis.zrange(key, f"({version}", "+inf", offset=0, num=count, **options))
        if len(found) < count:
            return found
        known, last = dict(found), found[-1][1]
        rest = scored_ids(self.redis.zrange(key, last, last, **options))
        return [*found, *(each for each in rest if each[0] not in known)]

    def version(self) -> int:
        """Return the version of the live recipe; 0 in an empty Redis."""
        return number(self.redis.get(keys.VERSION))

    def save_preview(self, preview: bytes, seconds: int) -> None:
        """Keep the newest preview, finished or not, for this many seconds."""
        self.redis.set(keys.PREVIEW, preview, ex=seconds)

    def preview(self) -> bytes | None:
        """Return the newest preview as it was saved; None if there is none any more."""
        return optional_bytes(self.redis.get(keys.PREVIEW))

    def lock(self, kind: RecipeKind, name: str, seconds: float) -> Lock:
        """Return a lock on syncs of a kind; a killed holder loses it after `seconds`."""
        lock: Lock = self.redis.lock(keys.lock(kind, name), timeout=seconds, thread_local=False)
        return lock

    def publish_listener_state(self, state: ListenerState) -> None:
        """Publish the state of the listener; it expires after `LISTENER_STATE_SECONDS`."""
        self.redis.set(keys.LISTENER, msgspec.json.encode(state), ex=LISTENER_STATE_SECONDS)

    def listener_state(self) -> ListenerState | None:
        """Return the state of the listener; None if none has published its state lately."""
        blob = optional_bytes(self.redis.get(keys.LISTENER))
        return None if blob is None else _listener_decoder.decode(blob)

    def note_s3(self, at_ms: int, error: str | None) -> None:
        """Record the result of the last request to S3 for staff; `error` None means success."""
        outcome = (self.s3_outcome() or Outcome(at_ms)).then(at_ms, error)
        self.redis.set(keys.S3, msgspec.json.encode(outcome))

    def s3_outcome(self) -> Outcome | None:
        """Return the result of the last request to S3; None if there was none yet."""
        blob = optional_bytes(self.redis.get(keys.S3))
        return None if blob is None else msgspec.json.decode(blob, type=Outcome)

    def live_count(self, kind: RecipeKind) -> int:
        """Return the number of live records, updates included."""
        generation = self._generation(kind)
        return int(self.redis.hlen(keys.generation(kind, generation))) if generation else 0

    def forget_old_generations(self) -> int:
        """Delete generations that are neither live nor about to expire. Returns how many."""
        forgotten = 0
        for kind in RecipeKind:
            last = number(self.redis.get(keys.last_generation(kind)))
            for generation in range(max(1, last - 100), last + 1):
                names = [keys.live(kind), keys.generation(kind, generation)]
                forgotten += int(self._forget(keys=names, args=[generation, 1])) > 0
        return forgotten


class LiveRecords:
    """The live records of a kind, in the form that a load reads them."""

    def __init__(self, store: RecipeStore, kind: RecipeKind) -> None:
        self._store = store
        self._kind = kind

    def get(self, ids: list[int]) -> dict[int, bytes]:
        """Return those of these records that are live."""
        blobs = self._store.get_many(self._kind, ids)
        return {record_id: blob for record_id, blob in zip(ids, blobs, strict=True) if blob is not None}

    def ids(self) -> Iterator[set[int]]:
        """Yield the ids of all live records, some at a time."""
        return self._store.record_ids(self._kind, self._store.meta(self._kind).generation)
