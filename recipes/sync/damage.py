"""Decides whether a recipe file looks damaged beside what is live, so that it waits to be forced."""

from collections.abc import Callable

import msgspec

from recipes.file.load import NO_RECORD, Loaded
from recipes.records.census import Census, damages
from recipes.records.kinds import RecipeKind
from recipes.records.records import PARSERS, Campaign, Offer, RecordRejected
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta
from recipes.sync.hold import limits

# How both limits are put into words.
DROP, DEFECTS = "RECIPE_MAX_DROP_PERCENT", "RECIPE_MAX_DEFECT_RISE_PERCENT"


def drop_percent(count: int, live_count: int) -> float:
    """Return by how many per cent the number of records would drop."""
    return max(0.0, 100 * (live_count - count) / live_count) if live_count else 0.0


def reasons_to_hold(
    kind: RecipeKind, store: RecipeStore, loaded: Loaded, live_count: int, progress: Callable[[int], object]
) -> list[str]:
    """Describe why a loaded file must not go live by itself; empty if it may, or if nothing is live.

    `progress` is called with the number of records counted. Raises redis-py's errors.
    """
    if not live_count:
        return []
    most_drop, most_rise = limits()
    found = []
    drop = drop_percent(len(loaded.ids), live_count)
    if drop > most_drop:
        found.append(
            f"{drop:.0f} % fewer records than are live: the file holds {len(loaded.ids):,} for "
            f"{live_count:,}, and {DROP} allows {most_drop:g} %"
        )
    meta = store.meta(kind)
    if meta.census is None or damages(loaded.census, meta.census, most_rise):
        # Before holding the file back, count what is live now: updates have changed records since the census
        # in the metadata was taken, and another version of this program may have taken it.
        live = live_census(kind, store, meta, progress)
        if found_now := damages(loaded.census, live, most_rise):
            found.append(f"the file looks damaged ({DEFECTS} allows {most_rise:g} %): {'; '.join(found_now)}")
    return found


def live_census(
    kind: RecipeKind, store: RecipeStore, meta: RecipeMeta, progress: Callable[[int], object]
) -> Census:
    """Count what is live as a file's census does, with the elements that were rejected in its file."""
    parse: Callable[[dict[str, object]], Offer | Campaign]
    parse = PARSERS[kind]
    rejected = sum(count for reason, count in meta.rejected.items() if reason != NO_RECORD)
    # Those whose live record stayed are counted with it.
    stayed = meta.census.stayed if meta.census is not None else 0
    census = Census(elements=rejected - stayed, rejected=rejected)
    for records in store.records(kind, meta.generation):
        for blob in records.values():
            try:
                census.count(parse(msgspec.json.decode(blob)))
            except (RecordRejected, msgspec.DecodeError, ArithmeticError, RecursionError):
                census.count_rejected()
        progress(census.elements)
    return census
