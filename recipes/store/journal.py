"""Applies and journals updates in one step, and decides which of them a load has to replay."""

from collections.abc import Iterable, Sequence

import msgspec
import redis

from lib.redis_replies import bytes_dict, bytes_list, ids, number, optional_bytes, scored_ids
from recipes.records.kinds import RecipeKind
from recipes.store import keys
from recipes.store.record_json import RecordJson
from recipes.store.scripts import UPDATE
from recipes.store.types import Journaled, WriteOutcome, Written

# Clocks may differ by minutes. A time further ahead of our own clock than this is not believed.
MAX_AHEAD_MS = 5 * 60_000
# Tries for one update: nobody loses this often against other writers of the same record.
MOST_TRIES = 20
NO_RECORD = "-"


class Write(msgspec.Struct, frozen=True):
    """An update on its way to Redis: `record` None deletes, `before` is the live record that it was made for.

    It is written only if `before` is still live. `timestamp_ms` is by the sender's clock.
    """

    kind: RecipeKind
    record_id: int
    timestamp_ms: int
    record: RecordJson | None
    before: RecordJson | None


class Clocks(msgspec.Struct, frozen=True):
    """How far clocks may differ, in ms.

    An update is stale when it is older than the live file by more than `overlap_ms`, and a delete when it is
    older than the known save by more than `grace_ms`. `now_ms` is our clock.
    """

    now_ms: int
    overlap_ms: int = 0
    grace_ms: int = 0


class JournalEntry(msgspec.Struct, frozen=True):
    """A journaled update: its time, the digest of the record it wrote, and digests of earlier versions."""

    timestamp_ms: int
    written: str
    before: frozenset[str]


class RecipeJournal:
    """The part of `RecipeStore` that updates and loads share; all errors are those of redis-py."""

    def __init__(self, client: "redis.Redis") -> None:
        self.redis = client
        self._update = client.register_script(UPDATE)

    def write_updates(self, writes: Sequence[Write], clocks: Clocks) -> list[Written]:
        """Journal updates and write their records into the live generation, in order, in one round trip."""
        pipeline = self.redis.pipeline(transaction=False)
        for write in writes:
            kind, record, before = write.kind, write.record, write.before
            names = [
                keys.live(kind),
                keys.VERSION,
                *keys.journal(kind),
                keys.digests(kind),
                keys.deletes(kind),
            ]
            arguments: list[str | bytes | int] = [
                *(kind, write.record_id, record.text if record else b"", keys.prefix(kind)),
                write.timestamp_ms,
                *(clocks.overlap_ms, clocks.grace_ms, clocks.now_ms + MAX_AHEAD_MS),
                before.sha1 if before else "",
                *(before.digest if before else NO_RECORD, record.digest if record else NO_RECORD),
            ]
            self._update(keys=names, args=arguments, client=pipeline)
        return [
            Written(WriteOutcome(bytes(outcome).decode()), int(version))
            for outcome, version in pipeline.execute()
        ]

    def get_many(self, kind: RecipeKind, record_ids: Sequence[int]) -> list[bytes | None]:
        """Return records of the live generation, in the order of the ids; None for each that is missing."""
        generation = self._generation(kind)
        if not generation or not record_ids:
            return [None] * len(record_ids)
        key = keys.generation(kind, generation)
        return bytes_list(self.redis.hmget(key, [str(found) for found in record_ids]))

    def updated_between(self, kind: RecipeKind, from_ms: int, to_ms: int) -> list[int]:
        """Return the ids of records whose newest update lies in this period, by the sender's clock."""
        return ids(self.redis.zrange(keys.journal(kind)[1], from_ms, to_ms, byscore=True))

    def journaled(self, kind: RecipeKind, record_id: int) -> Journaled | None:
        """Return the newest journaled update of a record; None if none is kept any more."""
        journal, times, _ = keys.journal(kind)
        blob = optional_bytes(self.redis.hget(journal, str(record_id)))
        at = self.redis.zscore(times, str(record_id))
        return None if blob is None or at is None else Journaled(int(at), blob or None)

    def latest_updates(self, kind: RecipeKind, count: int) -> list[tuple[int, int]]:
        """Return the newest updates, newest first: record ids, and times by the sender's clock in ms."""
        return scored_ids(self.redis.zrevrange(keys.journal(kind)[1], 0, count - 1, withscores=True))

    def journal_entries(self, kind: RecipeKind) -> dict[int, JournalEntry]:
        """Return the journaled updates whose earlier versions are known, by record id."""
        times = scored_ids(self.redis.zrange(keys.journal(kind)[1], 0, -1, withscores=True))
        digests = bytes_dict(self.redis.hgetall(keys.digests(kind)))
        entries = {}
        for record_id, at_ms in times:
            if (text := digests.get(b"%d" % record_id)) is not None:
                written, *before = text.decode().split(",")
                entries[record_id] = JournalEntry(at_ms, written, frozenset(before))
        return entries

    def _generation(self, kind: RecipeKind) -> int:
        return number(self.redis.get(keys.live(kind)))


class Replay:
    """Decides which updates stay when a file goes live, from the file's records as they are read.

    Updates of the file's own time or later always stay. An older update stays if the file has its record as
    it was *before* the update: then the file was made before the update, and only uploaded later. With
    `forced`, the file may undo those.
    """

    def __init__(
        self, entries: dict[int, JournalEntry], newer: Iterable[int], *, forced: bool = False
    ) -> None:
        self._forced = forced
        self.newer = frozenset(newer)
        self._older = {
            record_id: entry for record_id, entry in entries.items() if record_id not in self.newer
        }
        self._undone: set[int] = set()
        self._overtaken: set[int] = set()
        self._seen: set[int] = set()

    def look_at(self, batch: dict[int, bytes]) -> None:
        """Compare some records of the file with the journal. Of several with one id the last counts."""
        for record_id in batch.keys() & self._older.keys():
            self._seen.add(record_id)
            self._judge(record_id, RecordJson(batch[record_id]).digest)

    def look_at_missing(self) -> None:
        """Judge the journaled records that the whole file lacks."""
        for record_id in self._older.keys() - self._seen:
            entry = self._older[record_id]
            # A missing record proves little: a new one may be too young for the file, or already deleted.
            # It stays if other records show that the file is an old one.
            if NO_RECORD in entry.before and not self._undone:
                self._overtaken.add(record_id)
            else:
                self._judge(record_id, NO_RECORD)

    def stays(self, record_id: int) -> bool:
        """Return whether the update of this record stays, judging by the records seen so far."""
        return record_id in self.newer or record_id in self._undone

    @property
    def undone(self) -> list[int]:
        """Records whose older updates stay, because the file would undo them."""
        return sorted(self._undone)

    @property
    def overtaken(self) -> list[int]:
        """Records that the file has in a version newer than their update."""
        return sorted(self._overtaken)

    def _judge(self, record_id: int, found: str) -> None:
        entry = self._older[record_id]
        self._undone.discard(record_id)
        self._overtaken.discard(record_id)
        if found in entry.before and not self._forced:
            self._undone.add(record_id)
        elif found != entry.written:
            self._overtaken.add(record_id)
