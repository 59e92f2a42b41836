"""`make bench-timing`: whether the time that a refusal takes tells what is wrong with the link.

Links of every class go to a real worker over a real connection. For each class the table shows the chance
that it takes longer than another one (AUC: 0.5 tells nothing, 0 or 1 everything), and how many standard
errors that is away from 0.5. Ends with 1 when a class can be told from the others.
"""

import argparse
import json
from pathlib import Path
from urllib.parse import urlsplit

import django
from redis import Redis

from devstack.geoip import write_databases
from devstack.services import Service, valkey_command
from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from django.conf import settings  # noqa: E402

from recipes.records.kinds import RecipeKind  # noqa: E402
from recipes.store.store import RecipeStore  # noqa: E402
from tests.bench.bad_links import CAMPAIGNS, KEYS, OFFERS, makers  # noqa: E402
from tests.bench.timing_classes import report, sample  # noqa: E402
from tests.recipe import make_live  # noqa: E402
from tests.servers import web_worker  # noqa: E402


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make bench-timing", description=__doc__)
    parser.add_argument("--samples", type=int, default=1000, help="of each class (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the order and the links (default: %(default)s)"
    )
    options = parser.parse_args()
    redis_port = urlsplit(settings.REDIS_URL).port
    assert redis_port
    state = Path(ENVIRONMENT.name)
    write_databases([], Path(settings.MAXMIND_PATH), Path(settings.MAXMIND_PATH_ISP))
    (state / "valkey").mkdir()
    with Service("valkey", valkey_command(redis_port, state / "valkey"), redis_port):
        with Redis.from_url(settings.REDIS_URL) as redis:
            store = RecipeStore(redis)
            make_live(store, RecipeKind.OFFERS, {o["offerId"]: json.dumps(o).encode() for o in OFFERS})
            make_live(
                store, RecipeKind.CAMPAIGNS, {c["campaignId"]: json.dumps(c).encode() for c in CAMPAIGNS}
            )
        with web_worker(AD_TOKEN_KEYS=KEYS, DEFAULT_CAMPAIGN_ID="0") as url:
            taken = sample(url, makers(), options.samples, options.seed)
    if report(taken):
        raise SystemExit("the time of a refusal tells what is wrong with the link")


if __name__ == "__main__":
    main()
