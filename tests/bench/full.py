"""A full instance, for benches of what staff sees: a large recipe, a long click log, a long preview."""

import json
import os
import random
import time
import uuid
from collections.abc import Iterator

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from redis import Redis

from cotraffic.diagnostics.preview.preview import Preview
from cotraffic.diagnostics.preview.simulate import Simulated, SimulatedClick, SimulatedGroup
from offers.click_log.stream import ClickLog
from offers.spool.types import PendingClick
from recipes.records.kinds import RecipeKind
from recipes.sync.comparison import KEPT_RECORDS, Comparison, FieldChange, RecordChange
from tests.bench.load import DIRECTORY, campaigns, offers, write
from tests.processes import command

COUNTRIES = ("US", "FR", "DE", "GB", "CA", "AU")
CLICKS_STEP = 1000


def clicks(count: int, offer_count: int, campaign_count: int) -> Iterator[bytes]:
    """Click records as the log has them; the same every time."""
    chance = random.Random(3)
    now_ms = time.time_ns() // 1_000_000
    for number in range(count):
        record = {
            "lid": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "dateAdded": now_ms - (count - number) * 10,
            "campaignId": chance.randint(1, campaign_count),
            "offerId": chance.randint(1, offer_count),
            "affiliateId": chance.randint(1, 5000),
            "redirectType": chance.choice(["defaultRedirection", "offerGeoRestriction"]),
            "redirectReason": "defaultRedirection: no rule decided",
            "landingPageUrl": f"https://lp{number}.example.com/land",
            "payin": 4.5,
            "payout": 2.25,
            "country": chance.choice(COUNTRIES),
            "IP": f"192.0.2.{chance.randint(1, 254)}",
            "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/143.0.0.0",
            "deviceType": "desktop",
            "browser": "Chrome",
            "os": "Windows",
        }
        yield json.dumps(record, separators=(",", ":")).encode()


def fill_log(redis: Redis, count: int, offer_count: int, campaign_count: int) -> str:
    """Write so many clicks into the log; gives the lid of one in its middle."""
    log, batch, middle = ClickLog(redis), list[PendingClick](), ""
    for number, record in enumerate(clicks(count, offer_count, campaign_count)):
        if number == count // 2:
            middle = json.loads(record)["lid"]
        batch.append(PendingClick(record, unique="1"))
        if len(batch) >= CLICKS_STEP:
            log.append(batch)
            batch = []
    if batch:
        log.append(batch)
    log.delivery.create()
    return str(middle)


def full_preview() -> Preview:
    """A preview in which every list is as long as it can be."""
    changes = [FieldChange(f"field{n}", "a value of some length " * 4, "another one") for n in range(8)]
    records = [RecordChange(n, f"Offer {n} of usual length", changes) for n in range(1, KEPT_RECORDS + 1)]
    many = 10 * KEPT_RECORDS
    comparisons = {
        kind: Comparison(
            kind=kind,
            etag='"another"',
            size_bytes=10**8,
            last_modified_ms=10**12,
            live_generation=1,
            live_count=10**6,
            count=10**6,
            added=many,
            removed=many,
            changed=many,
            fields={change.field: many for change in changes},
            added_records=records,
            removed_records=records,
            changed_records=records,
        )
        for kind in RecipeKind
    }
    page = "https://lp.example.com/land?aff={affiliateId}"
    examples = [
        SimulatedClick(str(uuid.UUID(int=n, version=4)), "US", 1, 1, 1, page, 2, page) for n in range(5)
    ]
    groups = [SimulatedGroup(f"rule {n}", f"another rule {n}", 10, examples) for n in range(60)]
    clicks = Simulated(clicks=1000, elsewhere=600, groups=groups)
    return Preview(by="bench", started_ms=10**12, took_ms=1, version=1, kinds=comparisons, clicks=clicks)


def load_recipe(offer_count: int, campaign_count: int) -> None:
    """Make the generated recipe live, by the real command."""
    files = {
        "OFFERS_RECIPE_PATH": DIRECTORY / f"offers-{offer_count}.json.gz",
        "CAMPAIGNS_RECIPE_PATH": DIRECTORY / f"campaigns-{campaign_count}-{offer_count}.json.gz",
    }
    write(files["OFFERS_RECIPE_PATH"], offers(offer_count))
    write(files["CAMPAIGNS_RECIPE_PATH"], campaigns(campaign_count, offer_count))
    # The worker has to look for the indexes where the load writes them.
    for name, path in files.items():
        os.environ[name] = str(path)
    loaded = command("manage.py", "recipe_sync", "--from-file", "--force")
    if loaded.returncode:
        raise SystemExit(f"recipe_sync ended with {loaded.returncode}: {loaded.stderr}")


def staff_client() -> Client:
    """A browser, so to speak, in which a member of staff has signed in; it brings the accounts up to date."""
    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    return client
