"""`make bench-load`: how long a large recipe takes to go live, and how much memory its loader needs."""

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from devstack.services import LOCALHOST, Service, free_port, valkey_command

PROJECT = Path(__file__).resolve().parents[2]
DIRECTORY = PROJECT / "var" / "bench"
# Offers and campaigns of a network as most are: here it is the start of the process that counts.
SMALL_NETWORK = (700, 1300)
COUNTRIES = ("US", "FR", "DE", "GB", "CA", "AU", "IN", "BR", "JP", "NO", "SG", "CN")
CAPS = {
    "day": {"current": 3, "limit": 10},
    "week": {"current": 0, "limit": 0},
    "month": {"current": 0, "limit": 0},
}
# co-recipe computes all four; without those of sales the caps would be unreadable.
CAP_FLAGS = {
    **{"capsSalesUnderLimit": True, "capsSalesOverLimit": False},
    **{"capsClicksUnderLimit": True, "capsClicksOverLimit": False},
}


class Run(NamedTuple):
    """One `recipe_sync`: seconds of the whole process, of a processor, and its peak memory in MB."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    report: dict[str, Any]


def offers(count: int) -> Iterator[dict[str, Any]]:
    """Offers as real files have them, with a rule here and there; the same every time."""
    chance = random.Random(1)
    for offer_id in range(1, count + 1):
        country = chance.choice(COUNTRIES)
        yield {
            "offerId": offer_id,
            "name": f"Offer {offer_id} for {country}",
            "descriptions": "A description of some length, as people write them. " * chance.randint(1, 6),
            "status": chance.choice(["public", "private", "apply_to_run", "pending"]),
            "type": "regular",
            "advertiserId": chance.randint(1, 500),
            "advertiserName": f"Advertiser {chance.randint(1, 500)}",
            "advertiserManagerId": chance.randint(1, 40),
            "verticalId": chance.randint(1, 30),
            "verticalName": "sweepstakes",
            "currencyId": 1,
            "conversionType": chance.choice(["cpa", "cpl", "cpm"]),
            "isCpmOptionEnabled": 0,
            "payin": f"{chance.uniform(1, 20):.8f}",
            "payout": f"{chance.uniform(1, 10):.8f}",
            "payoutPercent": 0,
            "landingPageId": offer_id + 10,
            "landingPageUrl": f"https://lp{offer_id}.example.com/land?aff={{affiliateId}}&click={{lid}}",
            "offerIdRedirectExitTraffic": chance.randint(1, count),
            "geoRules": None,
            "customPayOutCount": 0,
            "countriesRestrictions": "CN,RU,IR" if chance.random() < 0.2 else None,
            "customLpRules": _page_rule(country) if chance.random() < 0.1 else None,
            "capsEnabled": 1,
            "capSetup": chance.random() < 0.1,
            "capInfo": {
                "sales": CAPS,
                "clicks": CAPS,
                "capsType": "offerUnderLimit",
                **CAP_FLAGS,
            },
            "exitOffersNested": [],
            "exitOfferDetected": [],
        }


def _page_rule(country: str) -> str:
    """A landing page for a country, as offers have it: JSON within JSON."""
    rule = {"id": 1, "pos": 0, "country": country, "lpName": "x", "lpUrl": "https://x.example/"}
    return json.dumps({"customLPRules": [rule]})


def campaigns(count: int, offer_count: int) -> Iterator[dict[str, Any]]:
    """Campaigns, every tenth with a target rule; the same every time."""
    chance = random.Random(2)
    rule = {"include": True, "filterGroups": [{"conditions": [{"dimension": "country", "value": "US"}]}]}
    for campaign_id in range(1, count + 1):
        target = [{"rules": json.dumps({"redirectTo": chance.randint(1, offer_count), "rules": [rule]})}]
        yield {
            "campaignId": campaign_id,
            "name": f"Campaign {campaign_id} of an affiliate with a name of usual length",
            "offerId": chance.randint(1, offer_count),
            "affiliateId": chance.randint(1, 5000),
            "affiliateStatus": "active",
            "affiliateType": "Network",
            "affiliateManagerId": chance.randint(1, 40),
            "campaignStatus": "active",
            "payout": "0.00000000",
            "payoutPercent": 0,
            "capsEnabled": None,
            "capSetup": False,
            "capInfo": None,
            "targetRules": target if campaign_id % 10 == 0 else [],
        }


def write(path: Path, records: Iterator[dict[str, Any]]) -> None:
    """A gzipped array of the records, unless it is there already."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", compresslevel=6) as file:
        file.write("[")
        for at, record in enumerate(records):
            file.write(("," if at else "") + json.dumps(record))
        file.write("]")


def run(environment: dict[str, str], *options: str, name: str = "recipe_sync") -> Run:
    """A command on recipes with these options, for both kinds, in a process of its own."""
    command = [sys.executable, "manage.py", name, *options, "--json"]
    started = time.monotonic()
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{name} ended with {process.returncode}: {output.decode()}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Run(time.monotonic() - started, cpu_seconds, usage.ru_maxrss / 1024, json.loads(output))


def main() -> None:
    """Generate, load several times, print the medians."""
    parser = argparse.ArgumentParser(prog="make bench-load", description=__doc__)
    parser.add_argument("--offers", type=int, default=100_000, help="default: 100,000")
    parser.add_argument("--campaigns", type=int, default=200_000, help="default: 200,000")
    parser.add_argument("--runs", type=int, default=3, help="how many loads (default: 3)")
    options = parser.parse_args()
    for offer_count, campaign_count in (SMALL_NETWORK, (options.offers, options.campaigns)):
        report(loads(offer_count, campaign_count, options.runs), offer_count + campaign_count)


def loads(offer_count: int, campaign_count: int, runs: int) -> list[Run]:
    """Load a recipe of this size into an empty Redis, then `runs` times over what is live."""
    files = {
        "OFFERS_RECIPE_PATH": DIRECTORY / f"offers-{offer_count}.json.gz",
        "CAMPAIGNS_RECIPE_PATH": DIRECTORY / f"campaigns-{campaign_count}-{offer_count}.json.gz",
    }
    write(files["OFFERS_RECIPE_PATH"], offers(offer_count))
    write(files["CAMPAIGNS_RECIPE_PATH"], campaigns(campaign_count, offer_count))
    port = free_port()
    environment = {
        **os.environ,
        **{name: str(path) for name, path in files.items()},
        "REDIS_URL": f"redis://{LOCALHOST}:{port}/0",
    }
    # In the image every module is compiled, so the first load, which is not counted, compiles ours.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with (
        tempfile.TemporaryDirectory() as directory,
        Service("valkey", valkey_command(port, Path(directory)), port),
    ):
        return [run(environment, "--from-file", "--force") for _ in range(runs + 1)][1:]


def report(runs: list[Run], records: int) -> None:
    """Print medians and extremes."""
    seconds, peaks = [r.seconds for r in runs], [r.peak_mb for r in runs]
    loading = [sum(kind["took_ms"] for kind in r.report["kinds"].values()) / 1000 for r in runs]
    print(f"{records:,} records, {len(runs)} runs            median       min       max")
    for name, values in (
        ("seconds, whole process", seconds),
        ("processor seconds, whole process", [r.cpu_seconds for r in runs]),
        ("seconds, loading", loading),
        ("peak memory, MB", peaks),
    ):
        print(f"{name:<36}{statistics.median(values):>10.2f}{min(values):>10.2f}{max(values):>10.2f}")
    print(f"{'records a second, loading':<36}{records / statistics.median(loading):>10,.0f}")


if __name__ == "__main__":
    main()
