"""Recipes for tests."""

from recipes.store import RecipeKind, RecipeMeta, RecipeStore


def make_live(store: RecipeStore, kind: RecipeKind, records: dict[int, bytes]) -> int:
    """Make `records` the live generation of a kind; gives the new version."""
    writer = store.begin(kind)
    writer.add(records)
    return store.swap(writer, RecipeMeta(count=len(records)))
