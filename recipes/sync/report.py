"""The report of a sync, and the metadata of the generation that it made live."""

import time
from enum import StrEnum

import msgspec

from recipes.file.download import RecipeFile
from recipes.file.load import Loaded
from recipes.records.kinds import RecipeKind
from recipes.store.journal import Replay
from recipes.store.types import RecipeMeta


class ReportOutcome(StrEnum):
    """What a sync that raised nothing did; CHECKED is a dry run."""

    DONE = "done"
    UNCHANGED = "unchanged"
    CHECKED = "checked"


class SyncReport(msgspec.Struct, kw_only=True):
    """What a sync did. Times are in ms.

    Of `count` records, `kept_count` stay as they were live because the file's version of them cannot be used
    (`kept` names the first); `carried` because the file lacks them and holds elements that are not records;
    `undone` because the file was made before the updates that they are from.
    """

    kind: RecipeKind
    outcome: ReportOutcome
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
    kept_count: int = 0
    kept: list[str] = []
    carried: int = 0
    undone: int = 0


class LoadAccount(msgspec.Struct, frozen=True):
    """The figures of a finished load. `started` is by the monotonic clock, in seconds."""

    kind: RecipeKind
    source: str
    file: RecipeFile
    loaded: Loaded
    replay: Replay
    count_before: int
    started: float

    def report(self, outcome: ReportOutcome, generation: int) -> SyncReport:
        """Make the report of a load that ended with this outcome."""
        loaded = self.loaded
        return SyncReport(
            kind=self.kind,
            outcome=outcome,
            source=self.source,
            generation=generation,
            count=len(loaded.ids),
            count_before=self.count_before,
            rejected=loaded.rejected,
            defect_count=loaded.defect_count,
            duplicates=loaded.duplicates,
            size_bytes=self.file.size_bytes,
            took_ms=round((time.monotonic() - self.started) * 1000),
            etag=self.file.etag,
            kept_count=len(loaded.kept),
            kept=loaded.named_kept,
            carried=loaded.carried,
            undone=len(self.replay.undone),
        )

    def meta(self, report: SyncReport, announced_size: int, checked_at_ms: int | None) -> RecipeMeta:
        """Make the metadata of the generation in the report."""
        loaded, file = self.loaded, self.file
        return RecipeMeta(
            count=report.count,
            announced_size=announced_size,
            etag=file.etag,
            digest=file.digest,
            last_modified_ms=file.last_modified_ms,
            loaded_at_ms=time.time_ns() // 1_000_000,
            checked_at_ms=checked_at_ms,
            took_ms=report.took_ms,
            source=report.source,
            size_bytes=file.size_bytes,
            duplicates=loaded.duplicates,
            rejected=loaded.rejected,
            rejections=loaded.rejections,
            defect_count=loaded.defect_count,
            defects=loaded.defects,
            kept_count=report.kept_count,
            kept=report.kept,
            carried=report.carried,
            undone=report.undone,
            census=loaded.census,
        )


def unchanged(kind: RecipeKind, source: str, meta: RecipeMeta) -> SyncReport:
    """Make the report of a sync whose file is live already."""
    return SyncReport(
        kind=kind,
        outcome=ReportOutcome.UNCHANGED,
        source=source,
        generation=meta.generation,
        count=meta.count,
        count_before=meta.count,
        rejected=meta.rejected,
        defect_count=meta.defect_count,
        duplicates=meta.duplicates,
        size_bytes=meta.size_bytes or 0,
        took_ms=0,
        etag=meta.etag,
        kept_count=meta.kept_count,
        kept=meta.kept,
        carried=meta.carried,
        undone=meta.undone,
    )
