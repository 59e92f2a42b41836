"""The process of one report: it runs SQL that it is given on standard input, and ends.

It is a program by itself and imports nothing of the project, so that it starts in a tenth of a second. A
report is heavier than thousands of clicks: it has the lowest priority, and limits of memory and time.
"""

import csv
import json
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

ROWS = 2_000
PIECE_BYTES = 1 << 18
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# The exit code where a file was deleted after it was listed, and what DuckDB says then.
FILE_GONE = 3
GONE = ("No files found", "No such file")


def main() -> int:
    """Answer the request, or say on standard error why not."""
    os.nice(19)
    request = json.load(sys.stdin)
    connection = duckdb.connect(config=request["options"])
    # Python's own clock: DuckDB has no limit of time.
    timer = threading.Timer(request["seconds"], connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        {"rows": _rows, "csv": _csv, "parquet": _parquet}[request["format"]](connection, request)
    except duckdb.InterruptException:
        print(
            f"It took longer than {request['seconds']} s. Choose a shorter range or fewer values.",
            file=sys.stderr,
        )
        return 1
    except duckdb.OutOfMemoryException:
        print("It takes more memory than a report may have. Choose a shorter range.", file=sys.stderr)
        return 1
    except duckdb.Error as error:
        # Behind the first line it shows the statement, which says nothing to staff.
        problem = str(error).splitlines()[0]
        print(f"The archive cannot be read: {problem}", file=sys.stderr)
        is_gone = isinstance(error, duckdb.IOException) and any(said in problem for said in GONE)
        return FILE_GONE if is_gone else 1
    return 0


def _rows(connection: duckdb.DuckDBPyConnection, request: dict[str, Any]) -> None:
    """Write the rows of every query, as JSON; what JSON has no type for is text."""
    *quicker, any_version = request["views"]
    for view in quicker:
        try:
            found = _answers(connection, view, request)
            break
        except (duckdb.BinderException, duckdb.InvalidInputException):
            # A file lacks a column.
            continue
    else:
        found = _answers(connection, any_version, request)
    json.dump(found, sys.stdout, default=str)


def _answers(connection: duckdb.DuckDBPyConnection, view: str, request: dict[str, Any]) -> list[Any]:
    connection.execute(view)
    results = map(connection.execute, request["queries"])
    return [_named(result) if request["named"] else result.fetchall() for result in results]


def _named(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _csv(connection: duckdb.DuckDBPyConnection, request: dict[str, Any]) -> None:
    """Write one query as CSV (RFC 4180), row by row."""
    connection.execute(request["views"][-1])
    result = connection.execute(request["queries"][0])
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow([column[0] for column in result.description or ()])
    while rows := result.fetchmany(ROWS):
        writer.writerows([[_cell(value) for value in row] for row in rows])
        sys.stdout.flush()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        # Whatever zone this machine is in.
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # A quote in front makes it text to every spreadsheet; see OWASP on CSV injection.
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _parquet(connection: duckdb.DuckDBPyConnection, request: dict[str, Any]) -> None:
    """Write one query as Parquet. Its index stands at its end, so it is made as a file first."""
    connection.execute(request["views"][-1])
    path = Path(request["directory"]) / "export.parquet"
    connection.execute(f"COPY ({request['queries'][0]}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            sys.stdout.buffer.write(piece)


if __name__ == "__main__":
    sys.exit(main())
