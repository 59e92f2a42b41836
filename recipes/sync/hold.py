"""Files that wait for a person: someone is reviewing one, has decided against it, or it looks damaged."""

import time
from datetime import UTC, datetime

from django.conf import settings

from recipes.file.download import etag_in_s3
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import HeldFile, Hold, RecipeMeta

# How long a review holds syncs: enough to read a preview, and short if the reader has gone away.
REVIEW_SECONDS = 900


class OnHold(RecipeRejected):
    """The file waits for a person; the message says for whom, and how long."""


class HeldBack(RecipeRejected):
    """The file looks damaged and waits to be forced; the message says why, and how to force it.

    `file` identifies it in the metadata, so that it is not loaded again and again.
    """

    def __init__(self, why: str, file: HeldFile | None = None) -> None:
        super().__init__(why)
        self.file = file


def held_back(kind: RecipeKind, reasons: list[str]) -> str:
    """Say in one sentence why a file is held back, and what to do about it."""
    return (
        f"{kind}: {'; '.join(reasons)}. If that is meant, make it live on the page of the preview, or run "
        f"`recipe_sync {kind} --force`"
    )


def limits() -> tuple[float, float]:
    """Return the limits for holding a file back, in per cent: drop of records, rise of defects."""
    return settings.RECIPE_MAX_DROP_PERCENT, settings.RECIPE_MAX_DEFECT_RISE_PERCENT


def refuse_if_held_back(kind: RecipeKind, meta: RecipeMeta) -> None:
    """Raise `HeldBack` for the file that was held back before, while the limits are still the same.

    Raises `CannotReachS3` too.
    """
    held = meta.held
    if held is not None and held.limits == limits() and etag_in_s3(kind) == held.etag:
        raise HeldBack(held.why, held)


def refuse_if_held(kind: RecipeKind, store: RecipeStore) -> None:
    """Raise `OnHold` if the file that S3 has now must not go live: see `refuse_file`.

    Raises `CannotReachS3` and redis-py's errors too.
    """
    holds = store.holds.of(kind)
    if holds.review is not None:
        raise _in_review(kind, holds.review)
    if holds.left is None:
        return
    etag = etag_in_s3(kind)
    if holds.left.etag != etag:
        # S3 has another file now, and the decision was not about that one.
        store.holds.end(kind, holds.left)
    # Read once more: while S3 was asked, somebody may have decided against the new file.
    refuse_file(kind, store, etag)


def refuse_file(kind: RecipeKind, store: RecipeStore, etag: str) -> None:
    """Raise `OnHold` during a review of the preview, or if this very file was decided against.

    Raises redis-py's errors too.
    """
    holds = store.holds.of(kind)
    if holds.review is not None:
        raise _in_review(kind, holds.review)
    if holds.left is not None and holds.left.etag == etag:
        since = datetime.fromtimestamp(holds.left.since_ms / 1000, UTC)
        raise OnHold(
            f"{kind}: {holds.left.by} decided at {since:%Y-%m-%d %H:%M} UTC to leave the file that is in S3; "
            f"the next one goes live by itself, and this one by the preview or `recipe_sync {kind} --force`"
        )


def hold_for_review(kind: RecipeKind, store: RecipeStore, by: str) -> None:
    """Make syncs wait while someone reads the preview. A decision against a file stays."""
    now_ms = _now_ms()
    store.holds.put(kind, Hold(by, now_ms, until_ms=now_ms + REVIEW_SECONDS * 1000))


def leave(kind: RecipeKind, store: RecipeStore, etag: str, by: str) -> None:
    """Decide against one file: it does not go live by itself. Ends the review of the one who decides."""
    store.holds.put(kind, Hold(by, _now_ms(), etag))
    end_review(kind, store, by)


def end_review(kind: RecipeKind, store: RecipeStore, by: str | None = None) -> None:
    """End the wait of syncs for a reader, or only for this one. A decision against a file stays."""
    review = store.holds.of(kind).review
    if review is not None and by in (None, review.by):
        store.holds.end(kind, review)


def end_settled(kind: RecipeKind, store: RecipeStore, etag: str | None, review: Hold | None) -> None:
    """End what a file that has gone live settles: a decision against it, and the `review` of before its load.

    What somebody has begun or decided meanwhile is about another file, and stays.
    """
    left = store.holds.of(kind).left
    if left is not None and left.etag == etag:
        store.holds.end(kind, left)
    if review is not None:
        store.holds.end(kind, review)


def _in_review(kind: RecipeKind, review: Hold) -> OnHold:
    until = datetime.fromtimestamp((review.until_ms or 0) / 1000, UTC)
    return OnHold(
        f"{kind}: {review.by} is looking at what the file in S3 would change; syncs wait for a decision, "
        f"until {until:%H:%M} UTC at the latest"
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
