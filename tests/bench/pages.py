"""`make bench-pages`: how long the server takes for each diagnostics view, with a full instance behind it.

A real worker over a recipe of a million records and a hundred thousand clicks in the log; every view that can
be read is asked for, so a new one is measured as soon as it has a URL.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import django
import httpx
from django.conf import settings
from django.urls import URLPattern, reverse
from redis import Redis

from devstack.geoip import write_databases
from devstack.services import Service, valkey_answers, valkey_command
from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from cotraffic.diagnostics.preview.preview import save  # noqa: E402
from cotraffic.diagnostics.urls import urlpatterns  # noqa: E402
from offers.links.tokens import encrypt  # noqa: E402
from recipes.records.kinds import RecipeKind  # noqa: E402
from recipes.store.store import RecipeStore  # noqa: E402
from tests.bench.full import fill_log, full_preview, load_recipe, staff_client  # noqa: E402
from tests.servers import web_worker  # noqa: E402

TARGET_MS = 200.0
WARMING_REQUESTS = 2
ASK_SECONDS = 30.0
METHOD_NOT_ALLOWED = 405


class ClickContext(NamedTuple):
    """One URL that is asked for, and a word on what of."""

    name: str
    what: str
    path: str


class Timing(NamedTuple):
    """How long a view took, in ms, and what it answered last.

    `cpu_ms` is what the worker's processor spent on one: where other programs run beside it, the time that
    passes says more about those.
    """

    asked: ClickContext
    cpu_ms: float
    median_ms: float
    max_ms: float
    status: int
    size_bytes: int


def to_ask(patterns: list[URLPattern], lid: str, offer_count: int) -> Iterator[ClickContext]:
    """What is asked of every view. Ends for a view with arguments that are not known here."""
    middle = offer_count // 2
    token = encrypt(middle, 1, settings.ENCRYPTION_KEY)
    arguments: dict[str, list[object]] = {
        "click": [lid],
        "record": ["offers", middle],
        "record_users": [middle, "exit"],
        "start": ["redeliver"],
        "preview_decide": ["leave"],
    }
    queries: dict[str, dict[str, str]] = {
        "records": {
            "names that begin so": f"?q=offer+{middle // 100}",
            "a part of many names": "?q=usual",
            "a part of no name": "?q=zzzz",
            "words apart": "?q=length+77",
            "an id": f"?q={middle}",
        },
        "record": {"a campaign": ""},
        "preview": {"what changes": "?kind=offers&sort=changed&page=3"},
        "explain": {
            "a link": f"?link=http://localhost/offer?ad={token}",
            "ids": f"?offer={middle}&campaign=1",
        },
        "find_click": {"a lid": f"?lid={lid}"},
        "clicks": {"with filters": "?country=FR&redirect_type=offerGeoRestriction"},
        "new_clicks": {"with filters": "?country=FR&redirect_type=offerGeoRestriction"},
    }
    for pattern in patterns:
        name = str(pattern.name)
        if str(pattern.pattern).count("<") and name not in arguments:
            raise SystemExit(f"tests/bench/pages.py knows no arguments for the view {name}: add some")
        path = reverse(f"diagnostics:{name}", args=arguments.get(name, []))
        yield ClickContext(name, "", path)
        for what, query in queries.get(name, {}).items():
            if name == "record":
                yield ClickContext(name, what, reverse("diagnostics:record", args=["campaigns", middle]))
            else:
                yield ClickContext(name, what, path + query)


def measure(client: httpx.Client, asked: ClickContext, requests: int) -> Timing | None:
    """Ask several times; None for what only takes a POST."""
    taken, answer, cpu_ms = [], None, 0.0
    for number in range(WARMING_REQUESTS + requests):
        if number == WARMING_REQUESTS:
            cpu_ms = workers_cpu_ms()
        started = time.perf_counter()
        answer = client.get(asked.path, follow_redirects=False)
        if number >= WARMING_REQUESTS:
            taken.append((time.perf_counter() - started) * 1000)
        if answer.status_code == METHOD_NOT_ALLOWED:
            return None
    assert answer is not None
    cpu_ms = (workers_cpu_ms() - cpu_ms) / requests
    return Timing(
        asked, cpu_ms, statistics.median(taken), max(taken), answer.status_code, len(answer.content)
    )


def workers_cpu_ms() -> float:
    """The processor time that the web worker has used, and the process that minds it."""
    ticks = 0
    ours = {str(os.getpid())}
    # Parents have lower numbers than their children, unless the numbers have begun anew.
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            stat = (process / "stat").read_text().rpartition(")")[2].split()
            is_server = b"gunicorn" in (process / "cmdline").read_bytes()
        except OSError:
            continue
        if stat[1] in ours and is_server:
            ours.add(process.name)
            ticks += int(stat[11]) + int(stat[12])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def report(timings: list[Timing], as_json: bool) -> bool:
    """Print what was measured; gives whether every median is within the target."""
    if as_json:
        rows = [
            {**t.asked._asdict(), "cpu_ms": t.cpu_ms, "median_ms": t.median_ms, "max_ms": t.max_ms}
            for t in timings
        ]
        print(json.dumps({"target_ms": TARGET_MS, "views": rows}))
    else:
        print(f"{'view':<42}{'status':>7}{'kB':>8}{'CPU ms':>8}{'median ms':>11}{'max ms':>9}")
        for timing in timings:
            label = f"{timing.asked.name}{f', {timing.asked.what}' if timing.asked.what else ''}"
            late = "  over the target" if timing.median_ms > TARGET_MS else ""
            print(
                f"{label:<42}{timing.status:>7}{timing.size_bytes / 1000:>8.1f}"
                f"{timing.cpu_ms:>8.1f}{timing.median_ms:>11.1f}{timing.max_ms:>9.1f}{late}"
            )
        slowest = max(timings, key=lambda timing: timing.median_ms)
        print(f"slowest median: {slowest.median_ms:.1f} ms ({slowest.asked.path}); target {TARGET_MS:g} ms")
    return all(timing.median_ms <= TARGET_MS for timing in timings)


def main() -> None:
    """Fill an instance, measure, print a table; ends with 1 when a view is over the target."""
    parser = argparse.ArgumentParser(prog="make bench-pages", description=__doc__)
    parser.add_argument("--offers", type=int, default=300_000, help="default: 300,000")
    parser.add_argument("--campaigns", type=int, default=700_000, help="default: 700,000")
    parser.add_argument("--clicks", type=int, default=100_000, help="clicks in the log (default: 100,000)")
    parser.add_argument("--requests", type=int, default=15, help="how often each is asked (default: 15)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = Redis.from_url(settings.REDIS_URL)
        port = int(redis.connection_pool.connection_kwargs["port"])
        valkey = valkey_command(port, directory, append_only=False)
        stack.enter_context(Service("valkey", valkey, port, valkey_answers))
        write_databases([], Path(settings.MAXMIND_PATH), Path(settings.MAXMIND_PATH_ISP))
        load_recipe(options.offers, options.campaigns)
        lid = fill_log(redis, options.clicks, options.offers, options.campaigns)
        store = RecipeStore(redis)
        save(store, full_preview())
        live = {kind.value: store.live_count(kind) for kind in RecipeKind}
        print(f"live: {live}, clicks in the log: {options.clicks:,}", file=sys.stderr)
        site = stack.enter_context(web_worker())
        session = {settings.SESSION_COOKIE_NAME: staff_client().cookies[settings.SESSION_COOKIE_NAME].value}
        client = stack.enter_context(
            httpx.Client(base_url=site, cookies=session, timeout=ASK_SECONDS, trust_env=False)
        )
        found = [measure(client, each, options.requests) for each in to_ask(urlpatterns, lid, options.offers)]
        timings = [timing for timing in found if timing is not None]
    if not report(timings, options.json):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
