"""`make bench-preview`: how long a preview of a large recipe takes, and how much memory it needs.

Every record of the files in S3 differs from what is live, as each does whose caps have been counted on:
nothing is more work. Once by `recipe_preview`, and once by the page's button, for which Celery does
it. S3 is a stand-in on this machine; elsewhere it takes longer to download the files.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import django
from django.conf import settings
from redis import Redis

from devstack.services import Service, aws_command, valkey_answers, valkey_command
from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from django.urls import reverse  # noqa: E402

from cotraffic.celery import TASK_SECONDS  # noqa: E402
from cotraffic.diagnostics.actions.store import Action, Actions  # noqa: E402
from cotraffic.diagnostics.preview.preview import DEFAULT_CLICKS, MOST_CLICKS  # noqa: E402
from tests.bench.full import fill_log, load_recipe, staff_client  # noqa: E402
from tests.bench.load import DIRECTORY, campaigns, offers, run, write  # noqa: E402
from tests.processes import running  # noqa: E402

LOOK_SECONDS = 0.2
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What a preview took: seconds, of a processor too, the peak memory of its process, and what it said."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    said: str


def put_into_s3(offer_count: int, campaign_count: int) -> None:
    """Other files than are live, of the same records with a field changed in each."""
    s3 = boto3.client("s3", region_name=settings.AWS_REGION)
    s3.create_bucket(Bucket=settings.S3_BUCKET_NAME)
    changed = {
        settings.S3_OFFERS_RECIPE_PATH: (
            DIRECTORY / f"offers-{offer_count}-changed.json.gz",
            ({**offer, "payin": "9.87000000"} for offer in offers(offer_count)),
        ),
        settings.S3_CAMPAIGNS_RECIPE_PATH: (
            DIRECTORY / f"campaigns-{campaign_count}-{offer_count}-changed.json.gz",
            ({**campaign, "payoutPercent": 1} for campaign in campaigns(campaign_count, offer_count)),
        ),
    }
    for key, (path, records) in changed.items():
        write(path, records)
        s3.upload_file(str(path), settings.S3_BUCKET_NAME, key)


def by_command() -> Cost:
    """`recipe_preview`."""
    done = run(dict(os.environ), "--clicks", str(DEFAULT_CLICKS), name="recipe_preview")
    kinds = done.report["preview"]["kinds"]
    said = ", ".join(f"{kind}: {found['changed']:,} changed" for kind, found in kinds.items())
    clicks = done.report["preview"]["clicks"]["clicks"]
    return Cost(
        "recipe_preview",
        *(done.seconds, done.cpu_seconds, done.peak_mb),
        f"{said}; {clicks:,} clicks decided again",
    )


def by_button(redis: Redis) -> Cost:
    """The page's button, with as many clicks as it allows; the time is the task's own."""
    actions, client = Actions(redis), staff_client()
    with running("-m", "celery", "-A", "cotraffic", "-q", "worker", "--concurrency", "1") as worker:
        # What a worker does first does not belong to it; it ends before a task is taken.
        client.post(reverse("diagnostics:preview_start"), {"clicks": str(MOST_CLICKS)})
        peak_mb = cpu_seconds = 0.0
        while not (action := actions.newest()[0]).is_over:
            for process in _children(worker.pid):
                with suppress(OSError):
                    peak_mb = max(peak_mb, _peak_mb(process))
                    if action.started_ms is not None:
                        cpu_seconds = max(cpu_seconds, _cpu_seconds(process))
            time.sleep(LOOK_SECONDS)
    return Cost("the page's button", _took_seconds(action), cpu_seconds, peak_mb, action.outcome)


def _took_seconds(action: Action) -> float:
    return (action.took_ms or 0) / 1000


def _children(pid: int) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "stat").read_text().rpartition(")")[2].split()[1] == str(pid):
                yield process


def _peak_mb(process: Path) -> float:
    (line,) = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _cpu_seconds(process: Path) -> float:
    stat: Any = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) * TICK_SECONDS


def main() -> None:
    """Fill an instance, preview, print a table; ends with 1 when the task does not fit into its time."""
    parser = argparse.ArgumentParser(prog="make bench-preview", description=__doc__)
    parser.add_argument("--offers", type=int, default=300_000, help="default: 300,000")
    parser.add_argument("--campaigns", type=int, default=700_000, help="default: 700,000")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = Redis.from_url(settings.REDIS_URL)
        port = int(redis.connection_pool.connection_kwargs["port"])
        valkey = valkey_command(port, directory, append_only=False)
        stack.enter_context(Service("valkey", valkey, port, valkey_answers))
        aws_port = int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2])
        stack.enter_context(Service("moto", aws_command(aws_port), aws_port))
        load_recipe(options.offers, options.campaigns)
        fill_log(redis, MOST_CLICKS, options.offers, options.campaigns)
        put_into_s3(options.offers, options.campaigns)
        costs = [by_command(), by_button(redis)]
    print(f"{options.offers + options.campaigns:,} records, each of which would change")
    print(f"{'':<26}{'seconds':>10}{'CPU s':>10}{'peak MB':>10}")
    for cost in costs:
        print(f"{cost.name:<26}{cost.seconds:>10.1f}{cost.cpu_seconds:>10.1f}{cost.peak_mb:>10.0f}")
    for cost in costs:
        print(f"{cost.name}: {cost.said}")
    print(f"a task may take {TASK_SECONDS} s")
    if costs[1].seconds > TASK_SECONDS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
