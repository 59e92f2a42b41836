"""The demo network: offers and campaigns a person can read, with every rule at work somewhere.

Always the same, apart from the address of the landing pages, which is the devstack's own.
"""

import gzip
import json
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
    "recipe_file",
]


def demo_offers(pages_url: str) -> list[dict[str, Any]]:
    """Return the records of the offers recipe; landing pages lie below `pages_url`."""
    return showcase_offers(pages_url) + catalogue_offers(pages_url)


def demo_campaigns() -> list[dict[str, Any]]:
    """Return the records of the campaigns recipe."""
    return showcase_campaigns() + catalogue_campaigns()


def recipe_file(records: list[dict[str, Any]]) -> bytes:
    """The recipe file of these records, as co-recipe writes it; equal records make equal files."""
    return gzip.compress(json.dumps(records).encode(), mtime=0)
