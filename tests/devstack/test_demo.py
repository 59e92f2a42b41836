"""The demo network is whole: every record can be used, and every rule has its example."""

import gzip
import json
from pathlib import Path

import geoip2.database
import pytest

from devstack.demo import (
    DEFAULT_CAMPAIGN_ID,
    DEFAULT_OFFER_ID,
    DEMO_NETWORKS,
    DEV_CLIENT_IP,
    SHOWCASE,
    demo_campaigns,
    demo_offers,
    recipe_file,
)
from devstack.geoip import write_databases
from recipes.records.records import parse_campaign, parse_offer

PAGES = "http://localhost:5002"

REDIRECT_TYPES = {
    "offerAggregatedBestOffer",
    "offerAggregatedExitTrafficToRegularOffer",
    "offerAggregatedExitTrafficToAggregatedOffer",
    "offerStartEndDateRangeNotPass",
    "offerGeoRestriction",
    "customLandingPages",
    "capsCampaignOverLimit",
    "capsCampaignUnderLimit",
    "capsOfferOverLimit",
    "capsOfferUnderLimit",
    "customPayOutPerGeo",
    "campaignTargetRules",
    "defaultRedirection",
}


def test_every_offer_can_be_used_and_has_no_defect() -> None:
    offers = [parse_offer(raw) for raw in demo_offers(PAGES)]
    assert [offer.defects for offer in offers if offer.defects] == []
    assert len({offer.offer_id for offer in offers}) == len(offers) == 197
    assert len({offer.name for offer in offers}) == len(offers)


def test_every_campaign_can_be_used_and_belongs_to_an_offer() -> None:
    campaigns = [parse_campaign(raw) for raw in demo_campaigns()]
    offer_ids = {raw["offerId"] for raw in demo_offers(PAGES)}
    assert [campaign.defects for campaign in campaigns if campaign.defects] == []
    assert len({campaign.campaign_id for campaign in campaigns}) == len(campaigns) == 300
    assert {campaign.offer_id for campaign in campaigns} <= offer_ids


def test_every_redirect_type_has_an_example() -> None:
    assert {example.redirect_type for example in SHOWCASE if example.redirect_type} >= REDIRECT_TYPES


def test_every_example_names_a_campaign_of_its_offer() -> None:
    offer_of = {raw["campaignId"]: raw["offerId"] for raw in demo_campaigns()}
    assert all(offer_of[example.campaign_id] == example.offer_id for example in SHOWCASE)


def test_the_defaults_exist() -> None:
    assert DEFAULT_OFFER_ID in {raw["offerId"] for raw in demo_offers(PAGES)}
    assert DEFAULT_CAMPAIGN_ID in {raw["campaignId"] for raw in demo_campaigns()}


def test_the_recipe_is_the_same_each_time() -> None:
    first, second = recipe_file(demo_campaigns()), recipe_file(demo_campaigns())
    assert first == second
    assert json.loads(gzip.decompress(first)) == demo_campaigns()


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("geoip")
    paths = root / "city.mmdb", root / "isp.mmdb"
    write_databases(DEMO_NETWORKS, *paths)
    return paths


@pytest.mark.parametrize(
    ("address", "country", "city", "isp"),
    [
        (DEV_CLIENT_IP, "US", "New York", "Spectrum"),
        ("91.66.10.20", "DE", "Berlin", "Vodafone Germany"),
        ("126.10.20.30", "JP", "Tokyo", "SoftBank"),
        ("2a00:23c0::1", "GB", "Manchester", "BT"),
        ("2003:1::1", "DE", None, "Deutsche Telekom"),
    ],
)
def test_demo_addresses_resolve(
    databases: tuple[Path, Path], address: str, country: str, city: str | None, isp: str
) -> None:
    with geoip2.database.Reader(databases[0]) as cities, geoip2.database.Reader(databases[1]) as isps:
        found = cities.city(address)
        assert (found.country.iso_code, found.city.name, isps.isp(address).isp) == (country, city, isp)


def test_the_demo_world_is_a_dozen_countries_in_both_families() -> None:
    assert len({network.country for network in DEMO_NETWORKS}) >= 12
    assert {":" in network.cidr for network in DEMO_NETWORKS} == {True, False}
