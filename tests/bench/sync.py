"""`make bench-sync`: how fast a change is in every worker, and whether clicks fail while recipes load."""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import django
from django.conf import settings
from redis import Redis

from devstack.geoip import write_databases
from devstack.services import Service, aws_command, free_port, valkey_command
from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from offers.links.tokens import encrypt  # noqa: E402
from recipes.file.download import s3_client  # noqa: E402
from recipes.records.kinds import RecipeKind  # noqa: E402
from recipes.store.store import RecipeStore  # noqa: E402
from recipes.sync.sync import SyncRequest, sync  # noqa: E402
from tests.bench.load import DIRECTORY, campaigns, offers, write  # noqa: E402
from tests.processes import running, wait_until  # noqa: E402
from tests.recipe import offer_blob  # noqa: E402
from tests.recipes.fake_corecipe import FakeCoRecipe, now_ms  # noqa: E402
from tests.servers import web_worker  # noqa: E402

WORKERS = 4
CLICKS_A_SECOND = 400
# Often enough to see milliseconds, seldom enough to leave the processors to what is measured.
POLL_SECONDS = 0.002


class Loads(NamedTuple):
    """Announced loads: seconds until each was live, and the peak memory of the loading processes."""

    seconds: list[float]
    peak_mb: float


async def ask(port: int, path: str) -> tuple[str, str]:
    """Status and Location of one GET on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head = (await reader.read()).decode("latin-1").split("\r\n")
    finally:
        writer.close()
    location = next((line[10:] for line in head if line.lower().startswith("location: ")), "")
    return head[0].split(" ")[1], location


async def seconds_until_everywhere(ports: list[int], path: str, page: str, within_seconds: float) -> float:
    """Poll every worker until it answers with `page`; gives the seconds until the last one did."""
    started = time.monotonic()

    async def poll(port: int) -> None:
        while time.monotonic() - started < within_seconds:
            if (await ask(port, path))[1].startswith(page):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise SystemExit(f"a worker did not answer with {page} within {within_seconds:g} s")

    await asyncio.gather(*(poll(port) for port in ports))
    return time.monotonic() - started


def measure_updates(corecipe: FakeCoRecipe, ports: list[int], path: str, count: int) -> list[float]:
    """Milliseconds from an update's sending until every worker answers by it, for each of `count` updates."""
    taken = []
    for at in range(count):
        page = f"https://page{at}.example/"
        body = offer_blob(1, landingPageUrl=page).decode()
        message = {"type": "offer", "id": 1, "action": "update", "timestamp": now_ms(), "body": body}
        started = time.monotonic()
        corecipe.emit("updRecipe", message)
        asyncio.run(seconds_until_everywhere(ports, path, page, 5.0))
        taken.append((time.monotonic() - started) * 1000)
        time.sleep(0.01)
    return taken


class Clicker:
    """Clicks at a constant rate, spread over the workers, until it is stopped."""

    def __init__(self, ports: list[int], path: str) -> None:
        self.statuses: Counter[str] = Counter()
        self._ports, self._path = ports, path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> Counter[str]:
        """End; gives how many clicks had which status."""
        self._stop.set()
        self._thread.join()
        return self.statuses

    async def _run(self) -> None:
        pending: set[asyncio.Task[None]] = set()
        started, sent = time.monotonic(), 0
        while not self._stop.is_set():
            due = int((time.monotonic() - started) * CLICKS_A_SECOND)
            for at in range(sent, due):
                pending.add(asyncio.create_task(self._click(self._ports[at % len(self._ports)])))
            sent = due
            pending = {task for task in pending if not task.done()}
            await asyncio.sleep(0.005)
        await asyncio.gather(*pending)

    async def _click(self, port: int) -> None:
        try:
            status, _ = await ask(port, self._path)
        except OSError as error:
            status = type(error).__name__
        self.statuses[status] += 1


def peak_of_loaders() -> float:
    """The highest resident memory, in MB, of the recipe_sync processes that run now."""
    peak = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"recipe_sync" in (process / "cmdline").read_bytes():
                status = (process / "status").read_text()
                peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) / 1024)
        except (OSError, IndexError):
            continue
    return peak


def measure_loads(corecipe: FakeCoRecipe, store: RecipeStore, numbers: range) -> Loads:
    """Announce both kinds at once with each of `numbers`, and wait until they are live."""
    seconds, peak = [], 0.0
    for number in numbers:
        for kind in RecipeKind:
            # The file is what it was; without its tag it is loaded again.
            store.amend_meta(kind, etag=None)
        started = time.monotonic()
        for event in ("fileSizeOffersCheck", "fileSizeCampaignsCheck"):
            corecipe.numbers[event] = number
            corecipe.emit(event, number)
        while any(store.meta(kind).announced_size != number for kind in RecipeKind):
            peak = max(peak, peak_of_loaders())
            time.sleep(0.05)
            if time.monotonic() - started > 120:
                raise SystemExit(f"the load did not end: {store.meta(RecipeKind.OFFERS).last_error}")
        seconds.append(time.monotonic() - started)
    return Loads(seconds, peak)


def main() -> None:
    """Start everything, measure, print a table."""
    parser = argparse.ArgumentParser(prog="make bench-sync", description=__doc__)
    parser.add_argument("--updates", type=int, default=200, help="how many updates are timed (default: 200)")
    parser.add_argument("--offers", type=int, default=100_000, help="default: 100,000")
    parser.add_argument("--campaigns", type=int, default=200_000, help="default: 200,000")
    parser.add_argument("--runs", type=int, default=3, help="how many loads (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    with ExitStack() as stack:
        figures = run(stack, options)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<60}{value:>12,}")
    if figures["clicks failed meanwhile"]:
        raise SystemExit(1)


def run(stack: ExitStack, options: argparse.Namespace) -> dict[str, float]:
    """Everything that is measured, by name."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    port = urlsplit(settings.REDIS_URL).port or 0
    stack.enter_context(Service("valkey", valkey_command(port, directory), port))
    aws_port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port or 0
    stack.enter_context(Service("moto", aws_command(aws_port), aws_port))
    upload(options)
    write_databases([], Path(settings.MAXMIND_PATH), Path(settings.MAXMIND_PATH_ISP))
    store = RecipeStore(Redis.from_url(settings.REDIS_URL))
    for kind in RecipeKind:
        sync(SyncRequest(kind=kind), store)
    corecipe = stack.enter_context(FakeCoRecipe(free_port()))
    ports = [urlsplit(stack.enter_context(web_worker())).port or 0 for _ in range(WORKERS)]
    stack.enter_context(
        running("manage.py", "recipe_listen", SOCKET_HOST=corecipe.url, RECIPE_CHECK_SECONDS="3600")
    )
    path = f"/offer?ad={encrypt(1, 1, settings.ENCRYPTION_KEY)}"
    wait_until(lambda: corecipe.requests, what="the listener's connection")
    updates = measure_updates(corecipe, ports, path, options.updates)
    quiet = measure_loads(corecipe, store, range(1000, 1000 + options.runs))
    clicker = Clicker(ports, path)
    clicker.start()
    busy = measure_loads(corecipe, store, range(2000, 2000 + options.runs))
    clicks = clicker.stop()
    failed = sum(count for status, count in clicks.items() if status != "302")
    to_all, to_live = f"update to all of {WORKERS} workers", "announced to live"
    return {
        "records loaded at once": options.offers + options.campaigns,
        f"{to_all}, median ms": round(statistics.median(updates), 1),
        f"{to_all}, p99 ms": round(percentile(updates, 99), 1),
        f"{to_live}, median s": round(statistics.median(quiet.seconds), 2),
        f"{to_live} under {CLICKS_A_SECOND} clicks/s, median s": round(statistics.median(busy.seconds), 2),
        "peak memory of a loading process, MB": round(max(quiet.peak_mb, busy.peak_mb)),
        "clicks answered meanwhile": sum(clicks.values()) - failed,
        "clicks failed meanwhile": failed,
    }


def percentile(values: list[float], percent: int) -> float:
    """The value that `percent` per cent of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def upload(options: argparse.Namespace) -> None:
    """Put the generated recipe into the stand-in's bucket."""
    files = {
        settings.S3_OFFERS_RECIPE_PATH: DIRECTORY / f"offers-{options.offers}.json.gz",
        settings.S3_CAMPAIGNS_RECIPE_PATH: DIRECTORY
        / f"campaigns-{options.campaigns}-{options.offers}.json.gz",
    }
    write(files[settings.S3_OFFERS_RECIPE_PATH], offers(options.offers))
    write(files[settings.S3_CAMPAIGNS_RECIPE_PATH], campaigns(options.campaigns, options.offers))
    client = s3_client()
    client.create_bucket(Bucket=settings.S3_BUCKET_NAME)
    for key, path in files.items():
        client.put_object(Bucket=settings.S3_BUCKET_NAME, Key=key, Body=path.read_bytes())


if __name__ == "__main__":
    main()
