"""Lua scripts for Redis: they lie as `.lua` files beside the module that runs them."""

from pathlib import Path


def read_lua(module: str, *names: str) -> str:
    """The script of `names`, files without `.lua` beside `module` (its `__file__`), joined in that order.

    Several names share code: the first ones define local functions that the last one calls. Found from any
    working directory. Raises `OSError` for a file that is missing.
    """
    folder = Path(module).parent
    return "".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names)
