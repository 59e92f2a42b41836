"""One sync of one kind: compare, download, check, load, swap. Any failure leaves what is live as it was."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from recipes import files, holds
from recipes.files import RecipeFile
from recipes.indexing import LoadIndex, forget_other_indexes
from recipes.loading import Loaded, load
from recipes.locks import Renew, one_at_a_time
from recipes.reading import RecipeRejected
from recipes.store import RecipeKind, RecipeMeta, RecipeStore, SwapRefused
from recipes.sync_counts import SyncOutcome, count_sync, outcome_of

RENEW_SECONDS = 3.0


class Progress(Protocol):
    """Hears how far a sync has come; `stage` is "downloading" (bytes) or "loading" (records)."""

    def __call__(self, stage: str, done: int, total: int | None) -> object:
        """`total` is None where it is not known."""


def no_progress(stage: str, done: int, total: int | None) -> None:
    """Nobody listens."""


class SyncRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a sync.

    `force` loads an unchanged file again and allows any drop of records. `from_file` takes the file on disk
    instead of S3's. `announced_size` is remembered with the generation once it is live. `wanted_etag` is the
    one file in S3 that may go live: who names it has seen it, so no hold stops it.
    """

    kind: RecipeKind
    force: bool = False
    from_file: bool = False
    announced_size: int | None = None
    wanted_etag: str | None = None
    progress: Progress = no_progress


class SyncReport(msgspec.Struct, kw_only=True):
    """What a sync did. `outcome`: "done", "unchanged", or "checked" (a dry run). Times are in ms."""

    kind: RecipeKind
    outcome: str
    source: str
    generation: int
    count: int
    count_before: int
    rejected: dict[str, int]
    defect_count: int
    duplicates: int
    size_bytes: int
    took_ms: int
    etag: str | None


def sync(request: SyncRequest, store: RecipeStore) -> SyncReport:
    """Make the newest recipe of a kind live, unless it is already.

    Raises `CannotReachS3`, `RecipeRejected` (`OnHold` and `FileChanged` among them), `AlreadyWaiting`,
    `LockLost`, `SwapRefused`, redis-py's errors, and `OSError` for the local disk. What was wrong with
    recipe, S3 or disk is noted in the metadata too.
    """
    kind = request.kind
    with one_at_a_time(store, kind) as renew:
        try:
            with _noting_s3(request, store):
                report = _sync(request, store, renew)
        except (holds.OnHold, files.FileChanged):
            # Nothing is wrong with the file, nor with what is live.
            raise
        except (files.CannotReachS3, RecipeRejected, SwapRefused, OSError) as problem:
            count_sync(store.redis, kind, outcome_of(problem))
            store.amend_meta(kind, last_error=str(problem), last_error_at_ms=_now_ms())
            raise
        count_sync(store.redis, kind, SyncOutcome(report.outcome))
        return report


@contextmanager
def _noting_s3(request: SyncRequest, store: RecipeStore) -> Iterator[None]:
    """Let staff see how S3 was: whatever it gave, it answered, unless it says otherwise."""
    error = None
    try:
        yield
    except files.CannotReachS3 as problem:
        error = str(problem)
        raise
    finally:
        if not request.from_file:
            with suppress(RedisError):
                store.note_s3(_now_ms(), error)


def check(request: SyncRequest, store: RecipeStore) -> SyncReport:
    """All of a sync, but nothing is changed: a dry run. Raises like `sync`."""
    meta = store.meta(request.kind)
    with _file(request, meta) as file:
        if file is None:
            return _unchanged(request, meta)
        started = time.monotonic()
        count_before = store.live_count(request.kind)
        loaded = load(request.kind, file.path, lambda _: None, _loading(request, count_before))
        _refuse_a_drop(request, len(loaded.ids), count_before)
        return _report(request, "checked", meta.generation, loaded, file, count_before, started)


def _sync(request: SyncRequest, store: RecipeStore, renew: Renew) -> SyncReport:
    request = msgspec.structs.replace(request, progress=_renewing(renew, request.progress))
    meta = store.meta(request.kind)
    if meta.generation and not (request.force or request.from_file or request.wanted_etag):
        holds.refuse_if_held(request.kind, store)
    with _file(request, meta) as file:
        if file is not None:
            return _go_live(request, store, file)
    known: dict[str, object] = {}
    if not request.from_file:
        known["checked_at_ms"] = _now_ms()
    if request.announced_size is not None:
        known["announced_size"] = request.announced_size
    if known:
        # Whatever went wrong before, what is live is the newest there is.
        store.amend_meta(request.kind, **known, last_error=None, last_error_at_ms=None)
    return _unchanged(request, meta)


def _go_live(request: SyncRequest, store: RecipeStore, file: RecipeFile) -> SyncReport:
    started = time.monotonic()
    count_before = store.live_count(request.kind)
    writer = store.begin(request.kind)
    index = LoadIndex(request.kind, writer.generation)
    try:
        progress = _loading(request, count_before)
        loaded = load(request.kind, file.path, writer.add, progress, index.note)
        _refuse_a_drop(request, len(loaded.ids), count_before)
        if not request.from_file:
            # Only now: a file that cannot go live must not replace the last good one on disk either.
            files.keep(file, request.kind)
        report = _report(request, "done", writer.generation, loaded, file, count_before, started)
        meta = _meta(request, report, loaded, file)
        # What is written into this generation after its file has a higher version than this one.
        meta.index = index.finish(store.version())
        store.swap(writer, meta, int(settings.RECIPE_UPDATE_OVERLAP_SECONDS * 1000))
    except BaseException:
        index.discard()
        with suppress(RedisError):
            writer.discard()
        raise
    forget_other_indexes(request.kind, meta.index)
    if not request.from_file:
        store.hold(request.kind, None)
    return report


@contextmanager
def _file(request: SyncRequest, meta: RecipeMeta) -> Iterator[RecipeFile | None]:
    """The file to load; None when it is what is live already."""
    compare = bool(meta.generation) and not request.force
    if request.from_file:
        file = files.on_disk(request.kind)
        yield None if compare and file.digest == meta.digest else file
        return

    def downloading(done: int, total: int) -> None:
        request.progress("downloading", done, total)

    known_etag = meta.etag if compare and not request.wanted_etag else None
    with files.downloaded(request.kind, known_etag, downloading, request.wanted_etag) as found:
        yield found


def _refuse_a_drop(request: SyncRequest, count: int, live: int) -> None:
    if request.force or live == 0:
        return
    dropped_percent = 100 * (live - count) / live
    if dropped_percent > settings.RECIPE_MAX_DROP_PERCENT:
        raise RecipeRejected(
            f"{request.kind}: the file holds {count:,} records, {live:,} are live: {dropped_percent:.0f} % "
            f"fewer, and RECIPE_MAX_DROP_PERCENT allows {settings.RECIPE_MAX_DROP_PERCENT:g} %. If that is "
            f"meant, make it live on the page of the preview, or run `recipe_sync {request.kind} --force`"
        )


def _loading(request: SyncRequest, count_before: int) -> Callable[[int], None]:
    def hear(records: int) -> None:
        # How many there will be is not known; about as many as there are is the best guess.
        request.progress("loading", records, max(records, count_before) if count_before else None)

    return hear


def _renewing(renew: Renew, progress: Progress) -> Progress:
    """Progress that also keeps the lock, as long as there is any."""
    next_at = time.monotonic() + RENEW_SECONDS

    def hear(stage: str, done: int, total: int | None) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            renew()
            next_at = time.monotonic() + RENEW_SECONDS
        progress(stage, done, total)

    return hear


def _source(request: SyncRequest) -> str:
    return "file" if request.from_file else "S3"


def _unchanged(request: SyncRequest, meta: RecipeMeta) -> SyncReport:
    return SyncReport(
        kind=request.kind,
        outcome="unchanged",
        source=_source(request),
        generation=meta.generation,
        count=meta.count,
        count_before=meta.count,
        rejected=meta.rejected,
        defect_count=meta.defect_count,
        duplicates=meta.duplicates,
        size_bytes=meta.size_bytes or 0,
        took_ms=0,
        etag=meta.etag,
    )


def _report(
    request: SyncRequest,
    outcome: str,
    generation: int,
    loaded: Loaded,
    file: RecipeFile,
    count_before: int,
    started: float,
) -> SyncReport:
    return SyncReport(
        kind=request.kind,
        outcome=outcome,
        source=_source(request),
        generation=generation,
        count=len(loaded.ids),
        count_before=count_before,
        rejected=loaded.rejected,
        defect_count=loaded.defect_count,
        duplicates=loaded.duplicates,
        size_bytes=file.size_bytes,
        took_ms=round((time.monotonic() - started) * 1000),
        etag=file.etag,
    )


def _meta(request: SyncRequest, report: SyncReport, loaded: Loaded, file: RecipeFile) -> RecipeMeta:
    return RecipeMeta(
        count=report.count,
        announced_size=request.announced_size or 0,
        etag=file.etag,
        digest=file.digest,
        last_modified_ms=file.last_modified_ms,
        loaded_at_ms=_now_ms(),
        checked_at_ms=None if request.from_file else _now_ms(),
        took_ms=report.took_ms,
        source=report.source,
        size_bytes=file.size_bytes,
        duplicates=loaded.duplicates,
        rejected=loaded.rejected,
        rejections=loaded.rejections,
        defect_count=loaded.defect_count,
        defects=loaded.defects,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
