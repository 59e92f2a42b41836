"""The parts of the two recipes: what is live, from where, since when, and why nothing newer is."""

from collections.abc import Iterable

from django.conf import settings

from cotraffic.diagnostics.formatting import duration, file_size, number
from cotraffic.diagnostics.overview.component import Component, Fact, Light, Sources, seconds
from recipes.records.kinds import RecipeKind
from recipes.store.types import Hold, RecipeMeta

SHOWN_REJECTIONS = 5
SHOWN_DEFECTS = 5
SHOWN_KEPT = 10


def parts(sources: Sources) -> Iterable[Component]:
    """Describe offers and campaigns. Raises `RedisError`."""
    for kind in RecipeKind:
        meta, count = sources.store.meta(kind), sources.store.live_count(kind)
        yield _part(kind, meta, count, sources.store.holds.of(kind).first, sources.now)


def _part(kind: RecipeKind, meta: RecipeMeta, count: int, hold: Hold | None, now: float) -> Component:
    state, sentence, hint = _judged(kind, meta, count, now)
    if state == Light.OK and hold is not None:
        # What is live need not be what S3 has.
        doing = "is looking at the file in S3" if hold.etag is None else "decided to leave the file in S3"
        state, sentence = Light.WARNING, f"{number(count)} records live; syncs wait, since {hold.by} {doing}."
        hint = "The recipe preview shows what the file would change, and makes it live."
    return Component(f"recipe-{kind}", f"Recipe: {kind}", state, sentence, hint, _facts(meta, count, now))


def _judged(kind: RecipeKind, meta: RecipeMeta, count: int, now: float) -> tuple[Light, str, str]:
    """Return state, sentence and hint."""
    live = f"{number(count)} {kind if count != 1 else kind.singular}"
    if not meta.generation:
        hint = f"Sync now (Actions), or run `manage.py recipe_sync {kind}`: it says what is in the way."
        because = f" {meta.last_error}" if meta.last_error else ""
        return Light.ERROR, f"No {kind} are loaded: clicks get status 503.{because}", hint
    if meta.held is not None:
        hint = "Look at the file on the page of the recipe preview, and force it or leave it there."
        return (
            Light.WARNING,
            f"{live} live; a newer file looks damaged and is held back: {meta.held.why}.",
            hint,
        )
    if meta.last_error:
        hint = "What was live before stays live. The recipe preview shows the file that waits."
        return Light.WARNING, f"{live} live, but a newer recipe is not: {meta.last_error}", hint
    stale = _stale_seconds(meta, now)
    if stale is not None and stale > settings.RECIPE_STALE_SECONDS:
        hint = "Look at S3 and at the Celery worker; sync now (Actions) shows what is in the way."
        return Light.WARNING, f"{live} live, not compared with S3 for {duration(stale)}.", hint
    rejected = sum(meta.rejected.values())
    if meta.kept_count:
        hint = "Correct them in co-admin-back; which they are is below."
        kept = f"{number(meta.kept_count)} of them stay as they were, for their new version cannot be used"
        return Light.WARNING, f"{live} live; {kept}.", hint
    if rejected:
        hint = "Correct them in co-admin-back; the reasons are below."
        return (
            Light.WARNING,
            f"{live} live; {number(rejected)} more in the file cannot be used.",
            hint,
        )
    return Light.OK, f"{live} live, as S3 has them.", ""


def _stale_seconds(meta: RecipeMeta, now: float) -> float | None:
    newest_ms = max(meta.checked_at_ms or 0, meta.loaded_at_ms or 0)
    return now - newest_ms / 1000 if newest_ms else None


def _facts(meta: RecipeMeta, count: int, now: float) -> tuple[Fact, ...]:
    if not meta.generation:
        return (Fact("Last error", at_s=seconds(meta.last_error_at_ms)),) if meta.last_error_at_ms else ()
    facts = [
        Fact("Records", number(count)),
        Fact("Generation", number(meta.generation)),
        Fact("Announced size", number(meta.announced_size) if meta.announced_size else "none was announced"),
        Fact("File last modified", at_s=seconds(meta.last_modified_ms)),
        Fact(
            "Age of the file", duration(now - meta.last_modified_ms / 1000) if meta.last_modified_ms else "-"
        ),
        Fact("Loaded", at_s=seconds(meta.loaded_at_ms)),
        Fact("Loading took", duration((meta.took_ms or 0) / 1000)),
        Fact("Compared with S3", at_s=seconds(meta.checked_at_ms)),
        Fact("From", f"{meta.source or 'not known'}, {file_size(meta.size_bytes or 0)}"),
        _rejected(meta),
    ]
    facts += _staying(meta)
    if meta.defect_count:
        facts.append(_defects(meta))
    if meta.last_error:
        facts.append(Fact("Last error", meta.last_error, state=Light.ERROR))
        facts.append(Fact("It happened", at_s=seconds(meta.last_error_at_ms)))
    return tuple(facts)


def _rejected(meta: RecipeMeta) -> Fact:
    if not meta.rejected:
        return Fact("Rejected records", "none")
    reasons = [f"{number(count)}: {reason}" for reason, count in meta.rejected.items()]
    examples = [f"for example {example}" for example in meta.rejections[:SHOWN_REJECTIONS]]
    return Fact("Rejected records", lines=(*reasons, *examples), state=Light.WARNING)


def _staying(meta: RecipeMeta) -> list[Fact]:
    """Describe the live records that differ from the file."""
    facts = []
    if meta.kept_count:
        more = meta.kept_count - SHOWN_KEPT
        lines = (*meta.kept[:SHOWN_KEPT], *([f"and {number(more)} more"] if more > 0 else []))
        facts.append(Fact("Stay as they were", lines=lines, state=Light.WARNING))
    if meta.carried:
        text = f"{number(meta.carried)}, for the file holds elements that are no records"
        facts.append(Fact("Not in the file", text, state=Light.WARNING))
    if meta.undone:
        text = f"{number(meta.undone)}, for the file was made before their updates"
        facts.append(Fact("Stay as updates have them", text))
    return facts


def _defects(meta: RecipeMeta) -> Fact:
    """Describe the values that cannot be read."""
    shown = [
        f"record {defect.record_id}, {defect.field}: {defect.problem}"
        for defect in meta.defects[:SHOWN_DEFECTS]
    ]
    more = meta.defect_count - len(shown)
    lines = (*shown, f"and {number(more)} more") if more else tuple(shown)
    return Fact("Unreadable values", lines=lines, state=Light.WARNING)
