"""The demo network: offers and campaigns a person can read, with every rule at work somewhere.

Always the same, apart from the address of the landing pages, which is the devstack's own.
"""

import gzip
import json
from pathlib import Path
from typing import Any

from devstack.demo.catalogue import catalogue_campaigns, catalogue_offers
from devstack.demo.places import DEMO_NETWORKS, DEV_CLIENT_IP
from devstack.demo.records import DEFAULT_CAMPAIGN_ID, DEFAULT_OFFER_ID
from devstack.demo.showcase import SHOWCASE, Example, showcase_campaigns, showcase_offers

__all__ = [
    "DEFAULT_CAMPAIGN_ID",
    "DEFAULT_OFFER_ID",
    "DEMO_NETWORKS",
    "DEV_CLIENT_IP",
    "SHOWCASE",
    "Example",
    "demo_campaigns",
    "demo_offers",
    "write_recipe",
]


def demo_offers(pages_url: str) -> list[dict[str, Any]]:
    """Return the records of the offers recipe; landing pages lie below `pages_url`."""
    return showcase_offers(pages_url) + catalogue_offers(pages_url)


def demo_campaigns() -> list[dict[str, Any]]:
    """Return the records of the campaigns recipe."""
    return showcase_campaigns() + catalogue_campaigns()


def write_recipe(directory: Path, pages_url: str) -> tuple[Path, Path]:
    """Write both recipe files as co-recipe would and return their paths: offers, campaigns."""
    directory.mkdir(parents=True, exist_ok=True)
    offers, campaigns = directory / "offersRecipe.json.gz", directory / "campaignsRecipe.json.gz"
    for path, records in ((offers, demo_offers(pages_url)), (campaigns, demo_campaigns())):
        # Without the time in the header equal records make equal files.
        path.write_bytes(gzip.compress(json.dumps(records).encode(), mtime=0))
    return offers, campaigns
