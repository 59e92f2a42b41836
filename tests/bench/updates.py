"""`make bench-updates`: how many single updates a second the listener applies, from the socket into Redis."""

import argparse
import itertools
import json
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import django
from django.conf import settings
from redis import Redis

from devstack.services import Service, free_port, valkey_command
from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from recipes.corecipe.listener import BATCH_UPDATES  # noqa: E402
from recipes.corecipe.updates import apply_all  # noqa: E402
from recipes.records.kinds import RecipeKind  # noqa: E402
from recipes.store.store import RecipeStore  # noqa: E402
from tests.bench.load import offers  # noqa: E402
from tests.processes import running, wait_until  # noqa: E402
from tests.recipe import make_live  # noqa: E402
from tests.recipes.fake_corecipe import FakeCoRecipe, now_ms  # noqa: E402

# Each later than the one before, and all of the past.
_stamps = itertools.count(now_ms() - 1_000_000)
WITHIN_SECONDS = 300.0


class Rate(NamedTuple):
    """Updates a second by the wall clock, and microseconds of a processor each, where they are applied."""

    a_second: float
    cpu_us: float


def messages(records: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """`count` updates of random offers, as co-recipe sends them: without a description."""
    chance, made = random.Random(3), []
    for _ in range(count):
        fields = {**chance.choice(records), "payin": f"{chance.uniform(1, 20):.8f}"}
        del fields["descriptions"]
        made.append(
            {
                **{"comments": "", "type": "offer", "id": fields["offerId"], "action": "updateOrCreate"},
                **{"timestamp": next(_stamps), "project": "bench", "body": json.dumps(fields)},
            }
        )
    return made


def in_process(store: RecipeStore, updates: list[dict[str, Any]], batch: int) -> Rate:
    """Apply them here, so many at a time."""
    started, cpu = time.monotonic(), time.process_time()
    for at in range(0, len(updates), batch):
        results = apply_all(store, updates[at : at + batch])
        assert all(result.version for result in results)
    seconds = time.monotonic() - started
    return Rate(len(updates) / seconds, (time.process_time() - cpu) / len(updates) * 1e6)


def over_the_socket(store: RecipeStore, updates: list[dict[str, Any]]) -> Rate:
    """Send them to a listener as fast as it takes them, until the last one is live."""
    with (
        FakeCoRecipe(free_port()) as corecipe,
        running(
            "manage.py", "recipe_listen", SOCKET_HOST=corecipe.url, RECIPE_CHECK_SECONDS="3600"
        ) as listener,
    ):
        wait_until(lambda: corecipe.requests, what="the listener's connection")
        version, cpu, started = store.version(), _cpu_seconds(listener), time.monotonic()
        for update in updates:
            corecipe.emit("updRecipe", update)
        wait_until(lambda: store.version() >= version + len(updates), what="the last update")
        seconds = time.monotonic() - started
        return Rate(len(updates) / seconds, (_cpu_seconds(listener) - cpu) / len(updates) * 1e6)


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """The processor time of a process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Start Redis, measure, print a table."""
    parser = argparse.ArgumentParser(prog="make bench-updates", description=__doc__)
    parser.add_argument("--offers", type=int, default=20_000, help="how many are live (default: 20,000)")
    parser.add_argument("--updates", type=int, default=20_000, help="how many are sent (default: 20,000)")
    options = parser.parse_args()
    port = urlsplit(settings.REDIS_URL).port or 0
    with (
        tempfile.TemporaryDirectory() as directory,
        Service("valkey", valkey_command(port, Path(directory)), port),
    ):
        store = RecipeStore(Redis.from_url(settings.REDIS_URL))
        records = list(offers(options.offers))
        live = {record["offerId"]: json.dumps(record).encode() for record in records}
        make_live(store, RecipeKind.OFFERS, live)
        few, many = options.updates // 10, options.updates
        rates = {
            "one at a time": in_process(store, messages(records, few), 1),
            f"{BATCH_UPDATES} at a time": in_process(store, messages(records, many), BATCH_UPDATES),
            "over the socket, by the listener": over_the_socket(store, messages(records, many)),
        }
    print(f"{options.updates:,} updates of {options.offers:,} offers{'a second':>30}{'CPU us each':>14}")
    for name, rate in rates.items():
        print(f"{name:<48}{rate.a_second:>18,.0f}{rate.cpu_us:>14,.0f}")


if __name__ == "__main__":
    main()
