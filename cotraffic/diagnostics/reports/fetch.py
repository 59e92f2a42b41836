"""The process that copies hours of all instances from S3 to this disk: it says how far it is, and ends.

It is a program by itself and imports nothing of the project. Copies are named by the object's tag, so a
changed object is another file; those used longest ago make room.
"""

import fcntl
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONNECT_SECONDS = 2
READ_SECONDS = 20
AT_ONCE = 8
MAX_SHOWN = 300
LOCK = ".lock"
PART = ".part"
# Keys become names of files: nothing else is taken from a bucket. What goes on is not in it.
_KEY = re.compile(r"(date=\d{4}-\d\d-\d\d/hour=\d\d)/([0-9A-Za-z_-]{1,80})\.parquet")


class Problem(Exception):
    """What the report's page says."""


class Copy(NamedTuple):
    """An object of the bucket, and the file that it is copied to."""

    key: str
    instance: str
    size: int
    path: Path


def main() -> int:
    """Answer the request with lines of JSON, or say on standard error why not."""
    os.nice(19)
    request = json.load(sys.stdin)
    try:
        _answer(request)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError, KeyError, ValueError) as error:
        print(
            f"S3 does not give the archive now: {str(error)[:MAX_SHOWN]}; check CLICK_ARCHIVE_BUCKET "
            f"({request['bucket']}) and the permissions s3:ListBucket and s3:GetObject.",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        print(f"The cache takes no files: {error}. Check REPORT_CACHE_DIR.", file=sys.stderr)
        return 1
    return 0


def _answer(request: dict[str, Any]) -> None:
    directory = Path(request["directory"])
    directory.mkdir(parents=True, exist_ok=True)
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 3, "mode": "standard"},
        max_pool_connections=AT_ONCE,
    )
    client = boto3.client("s3", region_name=request["region"], config=config)
    wanted = list(_listed(client, request["bucket"], request["hours"], directory))
    if request["fetch"]:
        _fetch(client, request, wanted)
    missing = [copy for copy in wanted if not _is_there(copy)]
    for copy in wanted:
        if copy not in missing:
            # When it was used last: it stays for as long as a report may read it.
            os.utime(copy.path)
    _tell(
        paths=[str(copy.path) for copy in wanted],
        missing_files=len(missing),
        missing_bytes=sum(copy.size for copy in missing),
        instances=len({copy.instance for copy in wanted}),
        newest_hour=max((copy.key.rpartition("/")[0] for copy in wanted), default=""),
    )


def _listed(client: Any, bucket: str, hours: list[str], directory: Path) -> Iterator[Copy]:
    """Return the objects of some hours, day by day."""
    chosen = set(hours)
    pages = client.get_paginator("list_objects_v2")
    for day in sorted({hour.partition("/")[0] for hour in hours}):
        for page in pages.paginate(Bucket=bucket, Prefix=f"{day}/"):
            # What stands between may answer with status 200 as well, and name no bucket.
            if page["Name"] != bucket:
                raise KeyError("what answers may not be S3")
            for found in page.get("Contents", ()):
                match = _KEY.fullmatch(found["Key"])
                if match is None or match[1] not in chosen:
                    continue
                tag = re.sub(r"[^0-9A-Za-z-]", "", found["ETag"])[:80]
                name = f"{match[1].replace('/', '_')}_{match[2]}.{tag}.parquet"
                yield Copy(found["Key"], match[2], found["Size"], directory / name)


def _fetch(client: Any, request: dict[str, Any], wanted: list[Copy]) -> None:
    """Copy what is missing, one process at a time: they share the room."""
    directory = Path(request["directory"])
    with (directory / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [copy for copy in wanted if not _is_there(copy)]
        _make_room(directory, wanted, missing, request["most_bytes"], request["kept_seconds"])
        done_bytes, all_bytes = 0, sum(copy.size for copy in missing)
        _tell(files=0, of_files=len(missing), bytes=0, of_bytes=all_bytes)
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            waiting = [pool.submit(_copy, client, request["bucket"], copy) for copy in missing]
            for files, future in enumerate(as_completed(waiting), 1):
                done_bytes += future.result()
                _tell(files=files, of_files=len(missing), bytes=done_bytes, of_bytes=all_bytes)
        finally:
            pool.shutdown(cancel_futures=True)


def _copy(client: Any, bucket: str, copy: Copy) -> int:
    """Copy one object. Returns its bytes."""
    part = copy.path.with_suffix(PART)
    body = client.get_object(Bucket=bucket, Key=copy.key)["Body"]
    with part.open("wb") as file:
        for piece in body.iter_chunks(1 << 18):
            file.write(piece)
    if part.stat().st_size != copy.size:
        # It was replaced since it was listed.
        part.unlink()
        raise Problem("An hour changed in S3 meanwhile. Show the report once more.")
    part.replace(copy.path)
    return copy.size


def _make_room(
    directory: Path, wanted: Iterable[Copy], missing: Iterable[Copy], most_bytes: int, kept_seconds: float
) -> None:
    """Delete copies, those used longest ago first, until what is missing fits. Raises `Problem`."""
    whole = sum(copy.size for copy in wanted)
    if whole > most_bytes:
        raise Problem(
            f"The files of this time have {whole / 1e6:,.1f} MB, and the cache takes "
            f"{most_bytes / 1e6:,.1f} MB (REPORT_CACHE_BYTES). Choose a shorter time."
        )
    for part in directory.glob(f"*{PART}"):
        # Its process died: only one copies at a time, and this one does.
        part.unlink()
    kept = {copy.path for copy in wanted}
    sizes = {path: path.stat() for path in directory.glob("*.parquet")}
    used = sum(found.st_size for found in sizes.values()) + sum(copy.size for copy in missing)
    for path in sorted(sizes, key=lambda path: sizes[path].st_mtime):
        if used <= most_bytes:
            return
        if path not in kept and time.time() - sizes[path].st_mtime > kept_seconds:
            path.unlink()
            used -= sizes[path].st_size
    if used > most_bytes:
        raise Problem("Other reports use the cache at the moment. Try again in some minutes.")


def _is_there(copy: Copy) -> bool:
    try:
        return copy.path.stat().st_size == copy.size
    except FileNotFoundError:
        return False


def _tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(main())
