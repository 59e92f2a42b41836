"""Previews what the recipe in S3 would change: records, and where the newest clicks would go.

A preview takes seconds to minutes, so it does not run in a web worker; its result is kept for an hour.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import msgspec
from django.conf import settings

from cotraffic.diagnostics.preview.counted import PreviewCounts
from cotraffic.diagnostics.preview.simulate import RecipeView, Simulated, simulate
from offers.click_log.stream import ClickLog
from offers.routing.decision import Defaults
from recipes.file import download
from recipes.records.kinds import RecipeKind
from recipes.records.redirects import last_page
from recipes.store.store import RecipeStore
from recipes.sync.comparison import CandidateRecipe, Comparison, compare

KEPT_SECONDS = 3600
DEFAULT_CLICKS = 1000
MOST_CLICKS = 20_000
CLICKS_STEP = 500

Progress = Callable[[str, int, int | None], object]


class Preview(msgspec.Struct, kw_only=True):
    """What would change. A missing kind is unchanged in S3. Times are in ms since the epoch."""

    by: str
    started_ms: int
    took_ms: int
    version: int
    kinds: dict[RecipeKind, Comparison] = {}
    clicks: Simulated | None = None

    @property
    def etags(self) -> dict[str, str]:
        """The tags of the compared files, by kind."""
        return {kind.value: comparison.etag for kind, comparison in self.kinds.items()}

    @property
    def is_held_back(self) -> bool:
        """Whether one of the files needs to be forced."""
        return any(comparison.is_held_back for comparison in self.kinds.values())


def preview(
    store: RecipeStore,
    log: ClickLog,
    by: str,
    clicks: int,
    progress: Progress,
    kinds: tuple[RecipeKind, ...] = tuple(RecipeKind),
) -> Preview:
    """Compare the files in S3 with the live recipe, and decide the newest `clicks` of the log under both.

    Raises `CannotReachS3`, `RecipeRejected`, `LiveChanged`, redis-py's errors, and `OSError` for the disk.
    """
    started = time.monotonic()
    found = Preview(by=by, started_ms=time.time_ns() // 1_000_000, took_ms=0, version=store.version())
    with ExitStack() as stack:
        candidates: dict[RecipeKind, CandidateRecipe] = {}
        for kind in kinds:
            compared = _compared(kind, store, progress)
            if compared is not None:
                found.kinds[kind], candidates[kind] = compared
                stack.callback(candidates[kind].close)
        if candidates:
            found.clicks = _simulated(store, log, candidates, min(clicks, MOST_CLICKS), progress)
    found.took_ms = round((time.monotonic() - started) * 1000)
    return found


def save(store: RecipeStore, found: Preview) -> None:
    """Store a preview for staff to read and decide on."""
    store.save_preview(msgspec.json.encode(found), KEPT_SECONDS)


def newest(store: RecipeStore) -> Preview | None:
    """Return the newest preview; None if there is none, or it has expired."""
    blob = store.preview()
    try:
        return None if blob is None else msgspec.json.decode(blob, type=Preview)
    except msgspec.MsgspecError:
        # It was made by another version of this program.
        return None


def is_live(store: RecipeStore, kind: RecipeKind, etag: str) -> bool:
    """Return whether the file with this tag is the one that is live. Raises `RedisError`."""
    meta = store.meta(kind)
    return bool(meta.generation) and meta.etag == etag


def _compared(
    kind: RecipeKind, store: RecipeStore, progress: Progress
) -> tuple[Comparison, CandidateRecipe] | None:
    meta = store.meta(kind)
    downloading = partial(progress, f"downloading {kind}")
    with download.downloaded(kind, meta.etag if meta.generation else None, downloading) as file:
        return None if file is None else compare(kind, file, store, progress)


def _simulated(
    store: RecipeStore,
    log: ClickLog,
    candidates: dict[RecipeKind, CandidateRecipe],
    clicks: int,
    progress: Progress,
) -> Simulated:
    live = {kind: partial(store.get, kind) for kind in RecipeKind}
    new = {kind: candidates[kind].get if kind in candidates else live[kind] for kind in RecipeKind}
    defaults = Defaults(settings.DEFAULT_OFFER_ID, settings.DEFAULT_CAMPAIGN_ID, last_page())
    counts = PreviewCounts()
    with counts.reading() as counted:
        simulated = simulate(
            _newest_clicks(log, clicks),
            RecipeView(live[RecipeKind.OFFERS], live[RecipeKind.CAMPAIGNS], counted),
            RecipeView(new[RecipeKind.OFFERS], new[RecipeKind.CAMPAIGNS], counted),
            defaults,
            time.time_ns() // 1_000_000,
            lambda done: progress("deciding clicks again", done, clicks),
        )
    simulated.live_caps_problem = counts.problem
    return simulated


def _newest_clicks(log: ClickLog, count: int) -> Iterator[bytes]:
    """Yield the newest clicks of the log, newest first, read some at a time."""
    before = ""
    while count > 0:
        entries = log.newest(min(count, CLICKS_STEP), before=before)
        yield from (entry.click for entry in entries)
        if len(entries) < CLICKS_STEP:
            return
        count, before = count - len(entries), entries[-1].id
