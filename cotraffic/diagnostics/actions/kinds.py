"""The kinds of actions: what each does, in words and in code."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from redis import Redis

from cotraffic.diagnostics.actions.store import ActionFailed, Reporter
from cotraffic.diagnostics.preview import preview
from cotraffic.diagnostics.preview.preview import DEFAULT_CLICKS
from offers.click_log.redelivery import in_steps
from offers.click_log.stream import ClickLog
from recipes.file.download import CannotReachS3, FileChanged
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.lock import AlreadyWaiting, LockLost
from recipes.store.store import RecipeStore
from recipes.store.types import SwapRefused
from recipes.sync import hold
from recipes.sync.comparison import Comparison, LiveChanged
from recipes.sync.report import ReportOutcome
from recipes.sync.sync import Progress, SyncReport, SyncRequest, sync


class Job(NamedTuple):
    """The inputs of a running action: this instance's Redis, its arguments, and the reporter of progress."""

    redis: Redis
    arguments: dict[str, str]
    report: Reporter
    user: str = ""


Run = Callable[[Job], str]


class ActionKind(msgspec.Struct, frozen=True):
    """A kind of action that staff can start.

    `run` returns the outcome in words, or raises `ActionFailed`. A `warning` says what the action may hurt,
    and makes the page ask for confirmation. A kind that is not listed is started from a panel of its own.
    """

    name: str
    title: str
    explanation: str
    button: str
    run: Run
    warning: str = ""
    is_listed: bool = True


def _sync_now(job: Job) -> str:
    return _each_kind(job, from_file=False)


def _reload_from_file(job: Job) -> str:
    return _each_kind(job, from_file=True)


def _each_kind(job: Job, *, from_file: bool) -> str:
    """Sync both kinds of recipe; if a sync waits already, that one is enough."""
    requests = [
        SyncRequest(kind=kind, from_file=from_file, progress=_naming(kind, job.report)) for kind in RecipeKind
    ]
    return _synced(job, requests, is_waiting_well=True)


def _synced(job: Job, requests: Sequence[SyncRequest], *, is_waiting_well: bool) -> str:
    """Do every sync, even if one before fails; raises `ActionFailed` then, with the outcome of each.

    `is_waiting_well`: another sync that waits for its turn is as good as this one.
    """
    store, messages, failed = RecipeStore(job.redis), [], False
    for request in requests:
        try:
            messages.append(_words(sync(request, store)))
        except AlreadyWaiting as error:
            failed = failed or not is_waiting_well
            messages.append(f"{error}." if is_waiting_well else f"{error}. Try again in a moment.")
        except FileChanged as error:
            failed = True
            messages.append(f"{error}. Preview once more, and decide on that.")
        except (CannotReachS3, RecipeRejected, SwapRefused, LockLost, OSError) as error:
            failed = True
            messages.append(f"{request.kind}: {error}.")
    if failed:
        raise ActionFailed(" ".join(messages))
    return " ".join(messages)


def _naming(kind: RecipeKind, report: Progress) -> Progress:
    """Wrap a reporter so that each stage names the kind of recipe."""

    def on_progress(stage: str, done: int, total: int | None) -> None:
        report(f"{stage} {kind}", done, total)

    return on_progress


def _words(report: SyncReport) -> str:
    if report.outcome is ReportOutcome.UNCHANGED:
        return f"{report.kind}: nothing new, generation {report.generation} stays live."
    rejected = sum(report.rejected.values())
    also = f", {rejected:,} rejected" if rejected else ""
    return (
        f"{report.kind}: generation {report.generation} is live, {_counted(report.count, 'record')}{also}, "
        f"{report.count_before:,} before."
    )


def _retry_dead_letters(job: Job) -> str:
    log = ClickLog(job.redis)
    status = log.status()
    clicks = _moved(log.redeliver, "clicks", status.dead_letters, job.report)
    conversions = _moved(
        log.redeliver_conversions, "conversion messages", status.conversions_dead, job.report
    )
    if not clicks and not conversions:
        return "There are no dead letters."
    moved = f"{_counted(clicks, 'click')} and {_counted(conversions, 'conversion message')}"
    return f"{moved} will be tried again."


def _moved(move: Callable[[int], int], unit: str, count: int, report: Reporter) -> int:
    """Move `count` dead letters, and report each step. Returns how many were moved."""
    moved = 0
    for step in in_steps(move, count):
        moved += step
        report(f"moving {unit}", moved, count)
    return moved


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _preview(job: Job) -> str:
    """Preview the files in S3; syncs wait while there is something to decide."""
    store = RecipeStore(job.redis)
    try:
        clicks = int(job.arguments.get("clicks", DEFAULT_CLICKS))
        found = preview.preview(store, ClickLog(job.redis), job.user, clicks, job.report)
    except (CannotReachS3, RecipeRejected, LiveChanged, OSError) as error:
        for kind in RecipeKind:
            hold.end_review(kind, store, job.user)
        raise ActionFailed(f"{error}.") from error
    preview.save(store, found)
    for kind in RecipeKind:
        if kind not in found.kinds:
            hold.end_review(kind, store, job.user)
    if not found.kinds:
        return "S3 has what is live; there is nothing to decide."
    messages = [_counts(comparison) for comparison in found.kinds.values()]
    if found.clicks:
        messages.append(
            f"{found.clicks.elsewhere:,} of the last {_counted(found.clicks.clicks, 'click')} elsewhere."
        )
    return " ".join(messages)


def _counts(found: Comparison) -> str:
    return f"{found.kind}: {found.added:,} added, {found.removed:,} removed, {found.changed:,} changed."


def _make_live(job: Job) -> str:
    """Make the very files live that were previewed; a sync that waits already may load another."""
    requests = [
        SyncRequest(
            kind=kind,
            wanted_etag=etag,
            force="force" in job.arguments,
            progress=_naming(kind, job.report),
        )
        for kind, etag in _not_live(job).items()
    ]
    return _synced(job, requests, is_waiting_well=False)


def _leave(job: Job) -> str:
    """Keep the files that were previewed from going live by themselves."""
    store, left = RecipeStore(job.redis), _not_live(job)
    for kind, etag in left.items():
        hold.leave(kind, store, etag, job.user)
    return f"The {' and '.join(left)} in S3 will not go live by themselves; the next files will."


def _not_live(job: Job) -> dict[RecipeKind, str]:
    """Return the tags of the previewed files that are not live yet. Raises `ActionFailed` if all are."""
    store = RecipeStore(job.redis)
    etags = {kind: job.arguments.get(kind.value, "") for kind in RecipeKind}
    left = {kind: etag for kind, etag in etags.items() if etag and not preview.is_live(store, kind, etag)}
    if not left:
        raise ActionFailed("What was previewed is live already.")
    return left


KINDS = {
    kind.name: kind
    for kind in (
        ActionKind(
            "sync",
            "Sync now",
            "Look at S3 now, and load what has changed there. It happens by itself every minute, and "
            "whenever co-recipe tells of a change.",
            "Sync now",
            _sync_now,
        ),
        ActionKind(
            "reload",
            "Reload from file",
            "Load the last good files from this machine's disk, as after a Redis that lost its data.",
            "Reload…",
            _reload_from_file,
            "The files may be older than what is live. Then older offers and campaigns answer clicks until "
            "the next sync finds that S3 has newer ones.",
        ),
        ActionKind(
            "redeliver",
            "Retry dead letters",
            "Put clicks that DynamoDB refused back into the log, and let conversion messages that SQS "
            "refused become due. Do it when the cause is gone: what is refused once more becomes a dead "
            "letter again.",
            "Retry",
            _retry_dead_letters,
        ),
        ActionKind(
            "preview",
            "Recipe preview",
            "Compare the recipe in S3 with what is live, and decide the newest clicks again under it.",
            "Preview",
            _preview,
            is_listed=False,
        ),
        ActionKind(
            "make-live",
            "Make the preview live",
            "Load the very files that were previewed.",
            "Make it live",
            _make_live,
            is_listed=False,
        ),
        ActionKind(
            "leave",
            "Leave the preview",
            "Keep the files that were previewed from going live by themselves.",
            "Leave it",
            _leave,
            is_listed=False,
        ),
    )
}
LISTED = tuple(kind for kind in KINDS.values() if kind.is_listed)
