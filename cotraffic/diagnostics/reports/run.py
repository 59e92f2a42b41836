"""Runs queries: each in a process of its own, so that a web worker goes on answering clicks.

A process ends with the request that wants it: where the browser leaves, Django cancels the view.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from redis.exceptions import RedisError

from cotraffic.diagnostics.overview.component import sources
from cotraffic.diagnostics.reports import sql
from cotraffic.diagnostics.reports.child import FILE_GONE
from cotraffic.diagnostics.reports.names import offer_names
from cotraffic.diagnostics.reports.source import LeftOut, left_out, prepare
from cotraffic.diagnostics.reports.types import (
    ChartStep,
    ClickFilter,
    ClickReport,
    ClicksQuery,
    Dimension,
    FilesGone,
    Line,
    ReportProblem,
    ReportQuery,
    ReportRow,
    Series,
    SeriesQuery,
    Value,
)
from cotraffic.diagnostics.reports.zones import midnight, starts, zone_of
from offers.archive.hours import LONGEST_READ_SECONDS

CHILD = Path(__file__).with_name("child.py")
SECONDS = 30
# For so long, and some time more, the archive keeps files that it has merged.
EXPORT_SECONDS = LONGEST_READ_SECONDS
# What a child may have beyond its own limit of time before it is killed.
GRACE_SECONDS = 5
# Of it some 100 MB are what a month of files says of itself.
MEMORY = "512MB"
THREADS = 1
PIECE_BYTES = 1 << 16
# A line names every file of a report: 10,000 of them.
MOST_LINE_BYTES = 1 << 22
# Processes of this worker at a time; others wait.
AT_ONCE = 2
MOST_VALUES = 50

_places: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


async def report(query: ReportQuery) -> ClickReport:
    """Return a page of a report. Raises `ReportProblem`."""
    if not query.group_by:
        return ClickReport((), await _total(query), 0)
    (found,) = await _rows(query.filter, [sql.report_rows(query)])
    if not found:
        # No click, or a page behind the last.
        return ClickReport((), await _total(query), 0)
    rows = tuple(_row(query, row) for row in found)
    groups, *sums = found[0][-1 - len(sql.MEASURES) :]
    for at, dimension in enumerate(query.group_by):
        names = await _offer_names(query.filter, dimension, [row.keys[at] for row in rows])
        rows = tuple(_with_name(row, at, names.get(row.keys[at], "")) for row in rows)
    return ClickReport(rows, _row(query, [[], *sums]), int(groups))


async def not_counted(wanted: ClickFilter) -> LeftOut:
    """Return how many clicks a report leaves out; none if Redis is away, for then there is no report.

    Reports over all instances read whole hours alone, and nothing of a log.
    """
    if wanted.files is not None:
        return LeftOut(0, newest=False)
    try:
        return await sync_to_async(left_out, thread_sensitive=False)(sources().redis)
    except RedisError:
        return LeftOut(0, newest=False)


async def _total(query: ReportQuery) -> ReportRow:
    ((sums,),) = await _rows(query.filter, [sql.report_total(query)])
    return _row(query, [[], *sums])


async def series(query: SeriesQuery) -> Series:
    """Return clicks over time. Raises `ReportProblem`."""
    (rows,) = await _rows(query.filter, [sql.series_rows(query)])
    zone = zone_of(query.zone)
    if query.step is ChartStep.DAY:
        rows = [[midnight(int(start), zone), *rest] for start, *rest in rows]
    steps = sorted({*starts(query.filter.time, query.step, zone), *(int(row[0]) for row in rows)})
    lines: dict[str | None, dict[int, int]] = {}
    for start, key, clicks in rows:
        lines.setdefault(key, {})[int(start)] = int(clicks)
    ordered = sorted(lines.items(), key=lambda line: (line[0] is None, -sum(line[1].values())))
    names = await _offer_names(query.filter, query.by, [key for key in lines if key])
    return Series(
        tuple(steps),
        tuple(
            Line(key, names.get(key or "", ""), tuple(counts.get(start, 0) for start in steps))
            for key, counts in ordered
        ),
    )


async def clicks(query: ClicksQuery) -> list[dict[str, Any]]:
    """Return clicks by their fields' names; times in milliseconds since the epoch. Raises `ReportProblem`."""
    *prepare, select = sql.clicks_queries(query)
    statement = (
        f'SELECT * REPLACE (epoch_ms("dateAdded") AS "dateAdded", epoch_ms(ttl) AS ttl) FROM ({select})'  # noqa: S608
    )
    *_, rows = await _rows(query.filter, [*prepare, statement], named=True)
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


async def values(wanted: ClickFilter, dimension: Dimension, search: str = "") -> tuple[Value, ...]:
    """Return the commonest values of a dimension in which a text occurs. Raises `ReportProblem`."""
    statement = sql.values_rows(wanted, dimension, search, MOST_VALUES)
    (rows,) = await _rows(wanted, [statement])
    return tuple(Value(key, name or "", int(count)) for key, name, count in rows)


async def export(wanted: ClickFilter, statement: str, kind: str) -> AsyncGenerator[bytes, None]:
    """Return a statement's rows of a filter's clicks as CSV or Parquet (`kind`), piece by piece.

    Raises `ReportProblem`.
    """
    request = {"queries": [statement], "format": kind, "seconds": EXPORT_SECONDS}
    async with _child(wanted, request) as child:
        while piece := await _stream(child.stdout).read(PIECE_BYTES):
            yield piece
        await ended(child)


def _row(query: ReportQuery, row: Sequence[Any]) -> ReportRow:
    keys = tuple(
        str(midnight(int(key), zone_of(query.zone))) if dimension is Dimension.DAY else key
        for key, dimension in zip(row[0], query.group_by if row[0] else (), strict=True)
    )
    names = ("",) * len(keys)
    return ReportRow(keys, names, int(row[1]), int(row[2]), Decimal(str(row[3])), Decimal(str(row[4])))


async def _offer_names(
    wanted: ClickFilter, dimension: Dimension | None, ids: Sequence[str]
) -> dict[str, str]:
    """Return names of offers: those of the live recipe, and for others those that their clicks had."""
    if dimension not in sql.NAMES:
        return {}
    names = await sync_to_async(offer_names, thread_sensitive=False)(sources().store, ids)
    if unknown := [offer_id for offer_id, name in names.items() if offer_id and not name]:
        (rows,) = await _rows(wanted, [sql.name_rows(wanted, dimension, unknown)])
        names |= {offer_id: name or "" for offer_id, name in rows}
    return names


def _with_name(row: ReportRow, at: int, name: str) -> ReportRow:
    names = (*row.names[:at], name, *row.names[at + 1 :])
    return msgspec.structs.replace(row, names=names)


async def _rows(wanted: ClickFilter, queries: Sequence[str], *, named: bool = False) -> list[list[Any]]:
    request = {"queries": list(queries), "format": "rows", "named": named, "seconds": SECONDS}
    try:
        return await _answer(wanted, request)
    except FilesGone:
        if wanted.files is not None:
            raise
        # The archive has deleted an old hour meanwhile: list its files again.
        return await _answer(wanted, request)


async def _answer(wanted: ClickFilter, request: dict[str, Any]) -> list[list[Any]]:
    async with _child(wanted, request) as child:
        try:
            async with asyncio.timeout(SECONDS + GRACE_SECONDS):
                answer = await _stream(child.stdout).read()
                await ended(child)
        except TimeoutError:
            raise ReportProblem(f"It took longer than {SECONDS} s. Choose a shorter range.") from None
    found: list[list[Any]] = msgspec.json.decode(answer)
    return found


@asynccontextmanager
async def _child(wanted: ClickFilter, request: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a child with a request. It is dead, and its files are gone, when this ends, however it ends."""
    async with _place():
        directory = Path(tempfile.mkdtemp(prefix="co-traffic-report-"))
        try:
            views = await sync_to_async(prepare, thread_sensitive=False)(sources().redis, wanted, directory)
            options = {"memory_limit": MEMORY, "threads": THREADS, "temp_directory": str(directory / "spill")}
            whole = {**request, "views": views, "options": options, "directory": str(directory)}
            async with program(CHILD, whole) as child:
                yield child
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def program(path: Path, request: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a program of this folder with a request on its standard input. It is dead when this ends."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=MOST_LINE_BYTES,
    )
    try:
        if child.stdin is not None:
            child.stdin.write(msgspec.json.encode(request))
            child.stdin.close()
        yield child
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def lines_of(child: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    """Return what a program writes, line by line."""
    stdout = _stream(child.stdout)
    while line := await stdout.readline():
        yield line


async def ended(child: asyncio.subprocess.Process) -> None:
    """Wait for the end of a child that has written all. Raises `ReportProblem` with what it says.

    Raises `FilesGone` where that is why.
    """
    said = (await _stream(child.stderr).read()).decode(errors="replace").strip()
    if code := await child.wait():
        problem = said.splitlines()[-1] if said else "The report's process was killed."
        raise FilesGone(problem) if code == FILE_GONE else ReportProblem(problem)


def _stream(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        raise TypeError("the child was started without this pipe")
    return stream


def _place() -> asyncio.Semaphore:
    # A semaphore belongs to one event loop; tests and runserver have several.
    loop = asyncio.get_running_loop()
    if loop not in _places:
        _places.clear()
        _places[loop] = asyncio.Semaphore(AT_ONCE)
    return _places[loop]
