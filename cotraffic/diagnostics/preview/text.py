"""Formats a preview for a terminal."""

from collections.abc import Iterator

from cotraffic.diagnostics.preview.changes import is_refusal, rule_entry, same_rule
from cotraffic.diagnostics.preview.preview import Preview
from cotraffic.diagnostics.preview.simulate import Simulated
from recipes.sync.comparison import Comparison, RecordChange

SHOWN_RECORDS = 10
SHOWN_FIELDS = 5
SHOWN_GROUPS = 15
SHOWN_CHARACTERS = 60


def preview_text(found: Preview) -> Iterator[str]:
    """Return the lines of a preview: counts, the first records of each sort, the clicks."""
    yield (
        f"{'kind':<11}{'live':>11}{'in S3':>11}{'added':>10}{'removed':>10}{'changed':>10}{'same':>11}"
        f"{'rejected':>10}{'defects':>9}"
    )
    for kind, comparison in found.kinds.items():
        yield (
            f"{kind:<11}{comparison.live_count:>11,}{comparison.count:>11,}{comparison.added:>10,}"
            f"{comparison.removed:>10,}{comparison.changed:>10,}{comparison.unchanged:>11,}"
            f"{sum(comparison.rejected.values()):>10,}{comparison.defect_count:>9,}"
        )
    for comparison in found.kinds.values():
        yield from _records(comparison)
    if found.clicks is not None:
        yield from _clicks(found.clicks)


def _records(found: Comparison) -> Iterator[str]:
    if found.is_held_back:
        yield ""
        yield f"{found.kind}: held back, it goes live by `recipe_sync {found.kind} --force` only"
        for reason in found.held_back:
            yield f"{found.kind}: {reason}"
    if found.kept_updates:
        yield f"{found.kind}: {found.kept_updates:,} records stay as newer updates have them"
    if found.undone:
        yield f"{found.kind}: {found.undone:,} records stay as updates have them, which the file would undo"
    if found.kept_count:
        yield f"{found.kind}: {found.kept_count:,} records stay as they are, their new version cannot be used"
    if found.carried:
        yield f"{found.kind}: {found.carried:,} records stay that a file with elements of no use lacks"
    for reason, count in found.rejected.items():
        yield f"{found.kind}: {count:,} records rejected: {reason}"
    for what, count, records in (
        ("added", found.added, found.added_records),
        ("removed", found.removed, found.removed_records),
        ("changed", found.changed, found.changed_records),
    ):
        if count:
            yield ""
            yield f"{found.kind} {what} ({count:,}):"
            for record in records[:SHOWN_RECORDS]:
                yield from _record(record)
            if count > SHOWN_RECORDS:
                yield f"  … and {count - SHOWN_RECORDS:,} more"


def _record(record: RecordChange) -> Iterator[str]:
    yield f"  {record.record_id} {_cut(record.name)}"
    for change in record.fields[:SHOWN_FIELDS]:
        before, after = (
            _cut(side) if side is not None else "(missing)" for side in (change.before, change.after)
        )
        yield f"    {change.field}: {before} -> {after}"
    if len(record.fields) > SHOWN_FIELDS:
        yield f"    … and {len(record.fields) - SHOWN_FIELDS} more fields"


def _clicks(found: Simulated) -> Iterator[str]:
    yield ""
    if not found.clicks:
        yield "There are no clicks in the log to decide again."
        return
    if found.live_caps_problem:
        yield f"Live counts are out of reach, and had no part in it: {found.live_caps_problem}."
    share = 100 * found.elsewhere / found.clicks
    yield (
        f"Of the last {found.clicks:,} clicks, decided again now, {found.elsewhere:,} ({share:.1f} %) would "
        f"go elsewhere, and {found.paid_otherwise:,} would be paid otherwise."
    )
    for group in found.groups[:SHOWN_GROUPS]:
        yield f"{group.count:>8,}  {_rule(group.from_rule)} -> {same_rule(group) or _rule(group.to_rule)}"
        for example in group.examples[:1]:
            yield (
                f"          such as {example.lid}: offer {example.from_offer_id or 'none'} -> "
                f"offer {example.to_offer_id or 'none'}, {_cut(example.to_page) or 'no page'}"
            )
    if len(found.groups) > SHOWN_GROUPS:
        yield f"          … and {len(found.groups) - SHOWN_GROUPS} more pairs of rules"


def _rule(rule: str) -> str:
    entry = rule_entry(rule)
    words = f"refused, {entry.words.short}" if is_refusal(rule) else entry.words.short
    return words if words == entry.code else f"{words} [{entry.code}]"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
