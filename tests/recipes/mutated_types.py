"""A recipe over and over, each time with one field of every record changed in type, spelling or name.

That is what a new version of co-recipe, a database's driver or somebody's script does to a file by mistake.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Record = dict[str, Any]
Change = Callable[[Any], Any]
Path = tuple[str, ...]

# Copies of whole offers: of their fields only these are read.
COPIES = frozenset({"exitOffersNested", "exitOfferDetected"})
READ_OF_COPIES = frozenset({"offerId"})
ITEMS = "[]"
GONE = object()


class Mutation(NamedTuple):
    """A recipe with `field` changed in every record that has it; `change` says how."""

    field: str
    change: str
    records: list[Record]


def _separated(by: str) -> Change:
    return lambda value: value.replace(",", by) if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) and not _holds_json(value) else value


def _other_type(value: Any) -> Any:
    """Numbers become text, text a number, and so on: what a careless export makes of it."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return str(value)
    return 7


CHANGES: dict[str, Change] = {
    "a number": lambda _: 7,
    # A flag that is set or not is no other type.
    "zero": lambda value: value if isinstance(value, bool) else 0,
    "true": lambda value: value if isinstance(value, bool) else True,
    "false": lambda value: value if isinstance(value, bool) else False,
    "null": lambda _: None,
    "empty text": lambda _: "",
    "other words": lambda _: "something else",
    "numbers and text exchanged": _other_type,
    "a list of it": lambda value: [value],
    "an empty list": lambda _: [],
    "an object around it": lambda value: {"value": value},
    "an empty object": lambda _: {},
    "JSON text of it": json.dumps,
    "JSON text of a list of it": lambda value: json.dumps([value]),
    "upper case": _upper,
    "blanks around it": lambda value: f"\u00a0{value} \u200b" if isinstance(value, str) else value,
    "semicolons": _separated(";"),
    "bars": _separated(" | "),
    "blanks": _separated(" "),
    "full-width commas": _separated("\uff0c"),
    "lines": _separated("\r\n"),
    "a list instead of commas": lambda value: value.split(",") if isinstance(value, str) else value,
    "missing": lambda _: GONE,
}


def fields_of(records: list[Record]) -> list[str]:
    """The names of all fields of `records`, nested ones too."""
    return [".".join(path) for path in sorted({path for record in records for path in _paths(record)})]


def mutations(records: list[Record], field: str) -> Iterator[Mutation]:
    """Each change of `field` (one of `fields_of`); those that change nothing are left out."""
    path = tuple(field.split("."))
    for name, change in CHANGES.items():
        changed = [_changed(record, path, change) for record in records]
        if changed != records:
            yield Mutation(field, name, changed)
    yield Mutation(field, "renamed", [_renamed(record, path) for record in records])


def _holds_json(value: str) -> bool:
    return value[:1] in ("{", "[")


def _paths(value: Any, inside_copy: bool = False) -> Iterator[Path]:
    """The paths of all fields in a value, through lists and JSON text."""
    if isinstance(value, str) and _holds_json(value):
        value = json.loads(value)
    if isinstance(value, list):
        for item in value:
            yield from ((ITEMS, *path) for path in _paths(item, inside_copy))
    if isinstance(value, dict):
        for name, inner in value.items():
            if inside_copy and name not in READ_OF_COPIES:
                continue
            yield (name,)
            yield from ((name, *path) for path in _paths(inner, inside_copy or name in COPIES))


def _changed(value: Any, path: Path, change: Change) -> Any:
    """A copy of `value` in which `change` was made at the end of `path`; null is left alone, or left out."""
    if isinstance(value, str) and _holds_json(value):
        return json.dumps(_changed(json.loads(value), path, change))
    if path[0] == ITEMS:
        return [_changed(item, path[1:], change) for item in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or path[0] not in value:
        return value
    old = value[path[0]]
    new = _changed(old, path[1:], change) if path[1:] else change(old)
    if old is None and new is not GONE:
        return value
    if new is GONE:
        return {name: kept for name, kept in value.items() if name != path[0]}
    return value | {path[0]: new}


def _renamed(value: Any, path: Path) -> Any:
    if isinstance(value, str) and _holds_json(value):
        return json.dumps(_renamed(json.loads(value), path))
    if path[0] == ITEMS:
        return [_renamed(item, path[1:]) for item in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if path[1:]:
        return value | {path[0]: _renamed(value[path[0]], path[1:])}
    return {f"new_{name}" if name == path[0] else name: kept for name, kept in value.items()}
