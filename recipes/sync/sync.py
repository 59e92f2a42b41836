"""One sync of one kind: compare, download, check, load, swap. Any failure leaves what is live as it was."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Protocol

import msgspec
import structlog
from django.conf import settings
from redis.exceptions import RedisError

from recipes.file import download
from recipes.file.download import RecipeFile
from recipes.file.json_stream import RecipeRejected
from recipes.file.load import Loaded, load
from recipes.index.maintain import LoadIndex, forget_other_indexes
from recipes.records.kinds import RecipeKind
from recipes.store.lock import RENEW_SECONDS, LockLost, Renew, one_at_a_time, renewed_meanwhile
from recipes.store.store import GenerationWriter, LiveRecords, RecipeStore
from recipes.store.types import HeldFile, RecipeMeta, SwapRefused
from recipes.sync import hold
from recipes.sync.damage import reasons_to_hold
from recipes.sync.hold import HeldBack, held_back, limits
from recipes.sync.outcomes import SyncOutcome, count_sync, outcome_of
from recipes.sync.report import LoadAccount, ReportOutcome, SyncReport, unchanged

__all__ = ["SyncReport", "SyncRequest", "check", "no_progress", "sync"]

# How many records a log line names; the counts beside them are complete.
NAMED_RECORDS = 20

logger = structlog.stdlib.get_logger(__name__)


class Progress(Protocol):
    """Called with the progress of a sync; `stage` is "downloading" (bytes) or "loading" (records)."""

    def __call__(self, stage: str, done: int, total: int | None) -> object:
        """Report `done` of `total`, which is None if it is not known."""


def no_progress(stage: str, done: int, total: int | None) -> None:
    """Ignore the progress."""


class SyncRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a sync.

    `force` loads an unchanged file again, allows any drop of records and any rise of defects, and lets the
    file undo what updates older than it have changed. `from_file` takes the file on disk instead of S3's.
    `announced_size` is stored with the generation once it is live. `wanted_etag` is the one file in S3 that
    may go live; naming it means that it was reviewed, so no hold stops it.
    """

    kind: RecipeKind
    force: bool = False
    from_file: bool = False
    announced_size: int | None = None
    wanted_etag: str | None = None
    progress: Progress = no_progress

    @property
    def waits(self) -> bool:
        """Whether a hold stops it: not what somebody has decided on, nor a reload of the last good file."""
        return not (self.force or self.from_file or self.wanted_etag)


def sync(request: SyncRequest, store: RecipeStore) -> SyncReport:
    """Make the newest recipe of a kind live, unless it is live already.

    Raises `CannotReachS3`, `RecipeRejected` (`OnHold`, `HeldBack` and `FileChanged` among them),
    `AlreadyWaiting`, `LockLost`, `SwapRefused`, redis-py's errors, and `OSError` for the local disk. Errors
    of recipe, S3 and disk are noted in the metadata, too.
    """
    kind, review = request.kind, store.holds.of(request.kind).review
    with one_at_a_time(store, kind) as renew:
        try:
            with _noting_s3(request, store):
                report = _sync(request, store, renew)
        except (hold.OnHold, download.FileChanged):
            # Neither the file nor what is live is at fault, so no error is noted.
            raise
        except (download.CannotReachS3, RecipeRejected, SwapRefused, OSError) as error:
            count_sync(store.redis, kind, outcome_of(error))
            known: dict[str, object] = {"last_error": str(error), "last_error_at_ms": _now_ms()}
            if isinstance(error, HeldBack) and error.file is not None:
                known["held"] = error.file
            store.amend_meta(kind, **known)
            raise
        if report.outcome is ReportOutcome.DONE and not request.from_file:
            hold.end_settled(kind, store, report.etag, None if request.waits else review)
        count_sync(store.redis, kind, SyncOutcome(report.outcome.value))
        return report


@contextmanager
def _noting_s3(request: SyncRequest, store: RecipeStore) -> Iterator[None]:
    """Note for staff whether S3 answered, if it is known to have been asked."""
    error, is_known = None, not request.from_file
    try:
        yield
    except download.CannotReachS3 as problem:
        error = str(problem)
        raise
    except (hold.OnHold, RedisError, LockLost):
        is_known = False
        raise
    finally:
        if is_known:
            with suppress(RedisError):
                store.note_s3(_now_ms(), error)


def check(request: SyncRequest, store: RecipeStore) -> SyncReport:
    """Do everything that a sync does, but change nothing: a dry run. Raises like `sync`."""
    meta = store.meta(request.kind)
    with _file(request, store, meta, None) as file:
        if file is None:
            return unchanged(request.kind, _source(request), meta)
        account = _loaded(request, store, file, None, None)
        return account.report(ReportOutcome.CHECKED, meta.generation)


def _sync(request: SyncRequest, store: RecipeStore, renew: Renew) -> SyncReport:
    request = msgspec.structs.replace(request, progress=_renewing(renew, request.progress))
    meta = store.meta(request.kind)
    if meta.generation and request.waits:
        with renewed_meanwhile(renew):
            hold.refuse_if_held(request.kind, store)
            hold.refuse_if_held_back(request.kind, meta)
    with _file(request, store, meta, renew) as file:
        if file is not None:
            return _go_live(request, store, file, renew)
    known: dict[str, object] = {}
    if not request.from_file:
        known["checked_at_ms"] = _now_ms()
    if request.announced_size is not None:
        known["announced_size"] = request.announced_size
    if known:
        # Earlier errors no longer matter: what is live is the newest recipe.
        store.amend_meta(request.kind, **known, last_error=None, last_error_at_ms=None, held=None)
    return unchanged(request.kind, _source(request), meta)


def _go_live(request: SyncRequest, store: RecipeStore, file: RecipeFile, renew: Renew) -> SyncReport:
    writer = store.begin(request.kind)
    index = LoadIndex(request.kind, writer.generation)
    try:
        account = _loaded(request, store, file, writer, index)
        # What was not renewed in time may be another's by now, which loads a younger file.
        renew()
        if account.count_before and request.waits:
            # A load takes long enough for somebody to begin a review, or to decide against this file.
            hold.refuse_file(request.kind, store, file.etag)
        if not request.from_file:
            # Only now: a file that could not go live must not replace the last good one on disk either.
            download.keep(file, request.kind)
        report = account.report(ReportOutcome.DONE, writer.generation)
        meta = account.meta(report, request.announced_size or 0, None if request.from_file else _now_ms())
        # Updates that are written into this generation later have a higher version than this one.
        meta.index = index.finish(store.version())
        renew()
        store.swap(writer, meta, _overlap_ms(), account.replay)
    except BaseException:
        is_live = False
        with suppress(RedisError):
            is_live = not writer.discard()
        if not is_live:
            index.discard()
        raise
    forget_other_indexes(request.kind, meta.index)
    _tell(report, account)
    return report


def _loaded(
    request: SyncRequest,
    store: RecipeStore,
    file: RecipeFile,
    writer: GenerationWriter | None,
    index: LoadIndex | None,
) -> LoadAccount:
    """Load a file into a generation, or with None nowhere. Raises `HeldBack` unless it is forced."""
    kind, started = request.kind, time.monotonic()
    count_before = store.live_count(kind)
    replay = store.replay_for(kind, file.last_modified_ms, _overlap_ms(), forced=request.force)
    progress = _loading(request, count_before)

    def add(batch: dict[int, bytes]) -> None:
        replay.look_at(batch)
        if writer is not None:
            writer.add(batch)

    note = None if index is None else index.note
    live = LiveRecords(store, kind) if count_before else None
    loaded = load(kind, file.path, add, progress, note, live)
    replay.look_at_missing()
    if not request.force:
        _hold_if_damaged(request, store, file, loaded, count_before, progress)
    return LoadAccount(kind, _source(request), file, loaded, replay, count_before, started)


def _hold_if_damaged(
    request: SyncRequest,
    store: RecipeStore,
    file: RecipeFile,
    loaded: Loaded,
    count_before: int,
    progress: Callable[[int], object],
) -> None:
    reasons = reasons_to_hold(request.kind, store, loaded, count_before, progress)
    if not reasons:
        return
    why = held_back(request.kind, reasons)
    # A file from disk is not noted as held: S3 may have another one, which is judged when it is loaded.
    raise HeldBack(why, None if request.from_file else HeldFile(file.etag, why, _now_ms(), limits()))


def _tell(report: SyncReport, account: LoadAccount) -> None:
    """Log the records of a file that did not go live as they stand in it."""
    kind = report.kind.value
    if report.kept_count or report.carried:
        logger.warning(
            "records stay as they were live", kind=kind, kept=report.kept_count, carried=report.carried
        )
    if report.undone:
        first = account.replay.undone[:NAMED_RECORDS]
        logger.warning("a file would have undone updates", kind=kind, count=report.undone, first=first)


@contextmanager
def _file(
    request: SyncRequest, store: RecipeStore, meta: RecipeMeta, renew: Renew | None
) -> Iterator[RecipeFile | None]:
    """Provide the file to load, None if it is live already. `renew`: as of the lock; None without one."""
    # A live generation without its records, whatever took them, is as good as none.
    compare = bool(meta.generation) and not request.force and store.live_count(request.kind) > 0
    if request.from_file:
        file = download.on_disk(request.kind)
        yield None if compare and file.digest == meta.digest else file
        return

    def downloading(done: int, total: int) -> None:
        request.progress("downloading", done, total)

    known_etag = meta.etag if compare and not request.wanted_etag else None
    with ExitStack() as stack:
        with renewed_meanwhile(renew) if renew else nullcontext():
            found = stack.enter_context(
                download.downloaded(request.kind, known_etag, downloading, request.wanted_etag)
            )
        yield found


def _source(request: SyncRequest) -> str:
    return "file" if request.from_file else "S3"


def _overlap_ms() -> int:
    return int(settings.RECIPE_UPDATE_OVERLAP_SECONDS * 1000)


def _loading(request: SyncRequest, count_before: int) -> Callable[[int], None]:
    def hear(records: int) -> None:
        # The number of records is not known before the end; as many as are live is the best guess.
        request.progress("loading", records, max(records, count_before) if count_before else None)

    return hear


def _renewing(renew: Renew, progress: Progress) -> Progress:
    """Wrap progress so that every report of it also renews the lock."""
    next_at = time.monotonic() + RENEW_SECONDS

    def hear(stage: str, done: int, total: int | None) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            renew()
            next_at = time.monotonic() + RENEW_SECONDS
        progress(stage, done, total)

    return hear


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
