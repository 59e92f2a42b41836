"""Counts what can be counted in the files of a checkout."""

import ast
import io
import os
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

# In the order of their layers, the highest first.
PACKAGES = ("cotraffic", "offers", "recipes", "lib")
_NO_CODE = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
# Runs in a process of its own: it imports nothing of the checkout, but needs it on the path.
_DEPTH = """
import sys, grimp, msgspec
graph = grimp.build_graph(*sys.argv[1:], cache_dir=None)
depths, under_way = {}, set()
def depth(module):
    if module not in depths:
        if module in under_way:
            return 0
        under_way.add(module)
        depths[module] = 1 + max(map(depth, graph.find_modules_directly_imported_by(module)), default=0)
        under_way.discard(module)
    return depths[module]
print(len(graph.modules), max(map(depth, sorted(graph.modules))))
"""


class House(msgspec.Struct, frozen=True):
    """Figures of the production code of a checkout.

    `import_depth` is the longest chain of imports, in modules. `comment_share` is of the lines that hold code
    or a comment.
    """

    modules: int
    largest_folder: str
    in_largest_folder: int
    import_depth: int
    longest_file_lines: int
    longest_function_lines: int
    any_count: int
    cast_count: int
    comment_share: float


def house(root: Path) -> House:
    """Return the figures of the checkout in `root`. Raises OSError and subprocess.CalledProcessError."""
    packages = [name for name in PACKAGES if (root / name).is_dir()]
    files = [file for package in packages for file in sorted((root / package).rglob("*.py"))]
    sources = [file.read_text() for file in files]
    trees = [ast.parse(source) for source in sources]
    folder, most = Counter(str(file.parent.relative_to(root)) for file in files).most_common(1)[0]
    names = Counter(_names(trees))
    modules, depth = _depth(root, packages)
    comments, lines = _comment_lines(sources)
    return House(
        modules=modules,
        largest_folder=folder,
        in_largest_folder=most,
        import_depth=depth,
        longest_file_lines=max(source.count("\n") for source in sources),
        longest_function_lines=max(_function_lines(trees)),
        any_count=names["Any"],
        cast_count=names["cast"],
        comment_share=comments / lines,
    )


def table(houses: Sequence[House]) -> list[str]:
    """Return a line for each figure, with a column for each checkout."""
    rows: dict[str, list[object]] = {
        "modules": [found.modules for found in houses],
        "files in the largest folder": [
            f"{found.in_largest_folder} ({found.largest_folder})" for found in houses
        ],
        "longest chain of imports": [found.import_depth for found in houses],
        "lines of the longest file": [found.longest_file_lines for found in houses],
        "lines of the longest function": [found.longest_function_lines for found in houses],
        "uses of Any": [found.any_count for found in houses],
        "uses of cast": [found.cast_count for found in houses],
        "lines with a comment": [f"{found.comment_share:.1%}" for found in houses],
    }
    return [f"{name:<32}" + "".join(f"{value!s:>32}" for value in values) for name, values in rows.items()]


def _names(trees: Iterable[ast.AST]) -> Iterator[str]:
    """Yield each use of a name; an import is none."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "Any]" in node.value:
                # A type in quotes.
                yield "Any"


def _function_lines(trees: Iterable[ast.AST]) -> Iterator[int]:
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1


def _comment_lines(sources: Iterable[str]) -> tuple[int, int]:
    """Return how many lines hold a comment, and how many hold code, a docstring or a comment."""
    comments = lines = 0
    for source in sources:
        commented, used = set[int](), set[int]()
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                commented.add(token.start[0])
            elif token.type not in _NO_CODE:
                used.update(range(token.start[0], token.end[0] + 1))
        comments += len(commented)
        lines += len(used | commented)
    return comments, lines


def _depth(root: Path, packages: list[str]) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", _DEPTH, *packages],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    modules, depth = map(int, done.stdout.split())
    return modules, depth
