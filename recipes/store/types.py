"""Types that the recipe store, its readers and its writers share."""

from enum import StrEnum

import msgspec
import redis

from recipes.records.census import Census
from recipes.records.fields import Defect
from recipes.records.kinds import RecipeKind


class Change(msgspec.Struct, frozen=True):
    """A change that workers have to apply: to one record, or to all of the kind (`record_id` None)."""

    version: int
    kind: RecipeKind
    record_id: int | None


class LiveRead(msgspec.Struct, frozen=True):
    """Records of a kind as they were at `version`; `blobs` is None if no generation of the kind is live."""

    version: int
    record_ids: list[int]
    blobs: list[bytes | None] | None


class WriteOutcome(StrEnum):
    """The outcome of an update in Redis; the values are those that update.lua returns.

    KEPT: nothing is live, so the update waits for the first load. CHANGED: the record that the update was
    made for is no longer live, so nothing was written.
    """

    APPLIED = "applied"
    KEPT = "kept"
    STALE = "stale"
    REPEATED = "repeated"
    CHANGED = "changed"


class Written(msgspec.Struct, frozen=True):
    """The outcome of an update; `version` is the new version if it was applied, else 0."""

    outcome: WriteOutcome
    version: int


class Journaled(msgspec.Struct, frozen=True):
    """The newest update of a record: its time by the sender's clock, and the record (None: deleted)."""

    timestamp_ms: int
    record: bytes | None


class Hold(msgspec.Struct, frozen=True):
    """Why syncs of a kind wait for a person.

    `etag` is the file that must not go live; None means any file. Times are in milliseconds since the epoch;
    `until_ms` None means until S3 has another file, or someone makes this one live.
    """

    by: str
    since_ms: int
    etag: str | None = None
    until_ms: int | None = None


class HeldFile(msgspec.Struct, frozen=True):
    """The file that is held back because it looks damaged: why, since when, by which limits (per cent)."""

    etag: str
    why: str
    since_ms: int
    limits: tuple[float, float]


class RecipeMeta(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The metadata of the live generation of a kind, and the last failure to replace it.

    Times are in milliseconds since the epoch, durations in milliseconds; None is unknown. `checked_at_ms` is
    when S3 was last seen to have what is live; `index` names the file that finds its records by name.

    `kept_count` records stayed as they were because the file's version of them cannot be used (`kept` names
    the first), `carried` because the file lacks them and holds elements that are not records, and `undone`
    because the file would have undone an update. `held` is a newer file that is held back.
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
    kept_count: int = 0
    kept: list[str] = []
    carried: int = 0
    undone: int = 0
    census: Census | None = None
    held: HeldFile | None = None
    last_error: str | None = None
    last_error_at_ms: int | None = None
    index: str | None = None


class SwapRefused(Exception):
    """The generation does not hold what was written to it, so it must not go live."""


_meta_decoder = msgspec.json.Decoder(RecipeMeta)


def decoded_meta(live: bytes | str | None, blob: bytes | str | None) -> RecipeMeta:
    """Decode the metadata kept in Redis; `live` is the number of the live generation.

    Raises `redis.InvalidResponse` for replies that are not these.
    """
    try:
        meta = _meta_decoder.decode(blob) if blob else RecipeMeta()
        meta.generation = int(live or 0)
    except (ValueError, TypeError) as error:
        raise redis.InvalidResponse(f"Redis did not return the metadata of a recipe: {error}") from error
    return meta
