"""`manage.py explain` as somebody in a shell uses it."""

import json

import pytest
import redis

from devstack.services import LOCALHOST, free_port
from offers.click_log.stream import LOG
from offers.links.tokens import encrypt
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.environment import ENCRYPTION_KEY
from tests.processes import command
from tests.recipe import make_live, offer_blob

LINK = f"https://click.example/offer?ad={encrypt(2, 1, ENCRYPTION_KEY)}"
FRANCE = "82.237.47.21"


@pytest.fixture
def instance(redis_client: redis.Redis, geoip_databases: None) -> redis.Redis:
    """An instance's Redis with a recipe; no web process runs."""
    store = RecipeStore(redis_client)
    restricted = offer_blob(2, countriesRestrictions="FR", offerIdRedirectExitTraffic=1)
    make_live(store, RecipeKind.OFFERS, {1: offer_blob(1, payin=4), 2: restricted})
    campaign = {"campaignId": 1, "affiliateId": 7, "campaignStatus": "active"}
    of_two = campaign | {"campaignId": 3, "offerId": 2}
    campaigns = {1: json.dumps(campaign).encode(), 3: json.dumps(of_two).encode()}
    make_live(store, RecipeKind.CAMPAIGNS, campaigns)
    return redis_client


def test_it_prints_a_trace_for_people(instance: redis.Redis) -> None:
    ended = command("manage.py", "explain", LINK, "--ip", FRANCE)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Country restricted: decided, offerGeoRestriction: FR is restricted" in ended.stdout
    assert "payin       4, of offer 1, which takes the click" in ended.stdout
    assert instance.exists(LOG) == 0


def test_it_reads_aliases_and_damage_as_a_click_does(instance: redis.Redis) -> None:
    link = f"https://click_a.example//PL/?o={encrypt(1, 1, ENCRYPTION_KEY)}.?subid=5&amp;cid=caf\udce9"
    ended = command("manage.py", "explain", link, "--json", CLICK_ALIASES="/pl?o")
    record = json.loads(ended.stdout)["record"]
    assert (ended.returncode, record["subCampaign"], record["cid"]) == (0, "5", "caf\ufffd")


def test_aliases_that_cannot_be_exit_with_5(instance: redis.Redis) -> None:
    ended = command("manage.py", "explain", LINK, CLICK_ALIASES="/health?o")
    assert (ended.returncode, "manage.py check" in ended.stderr) == (5, True)


def test_it_prints_one_json_object_for_machines(instance: redis.Redis) -> None:
    ended = command("manage.py", "explain", LINK, "--ip", FRANCE, "--country", "de", "--json")
    explanation = json.loads(ended.stdout)
    assert (ended.returncode, explanation["refused"]) == (0, None)
    assert explanation["visitor"]["country"] == "DE"
    assert explanation["looked_up_country"] == "FR"
    assert explanation["outcome"]["redirect_type"] == "defaultRedirection"
    assert explanation["rules"][-1]["state"] == "decided"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "paste a link"),
        ((LINK, "--ip", "nowhere"), 2, "IPv4 or IPv6"),
        ((LINK, "--at", "soon"), 2, "2026-11-25T10:00"),
        (("--offer", "1"), 2, "names a campaign"),
        ((LINK, "--colour", "red"), 2, "unrecognized arguments"),
    ],
)
def test_a_question_that_cannot_be_asked_exits_with_2(
    arguments: tuple[str, ...], code: int, said: str, redis_url: str, geoip_databases: None
) -> None:
    ended = command("manage.py", "explain", *arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr


def test_a_campaign_alone_is_explained_with_its_own_offer(instance: redis.Redis) -> None:
    ended = command("manage.py", "explain", "--campaign", "3")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "link        offer 2" in ended.stdout


def test_an_offer_that_is_not_the_campaigns_exits_with_2(instance: redis.Redis) -> None:
    ended = command("manage.py", "explain", "--campaign", "3", "--offer", "1")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "campaign 3 belongs to offer 2" in ended.stderr


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("--offer", "1", "--campaign", "99"), ("--campaign", "99")]
)
def test_a_refused_link_is_explained_and_exits_with_3(
    instance: redis.Redis, arguments: tuple[str, ...]
) -> None:
    ended = command("manage.py", "explain", *arguments)
    assert ended.returncode == 3
    assert "refused" in ended.stdout
    assert "the visitor sees a small page: not found" in ended.stdout


def test_what_cannot_be_decided_now_exits_with_4(geoip_databases: None, redis_url: str) -> None:
    ended = command("manage.py", "explain", LINK, REDIS_URL=f"redis://{LOCALHOST}:{free_port()}/0")
    assert ended.returncode == 4
    assert "unknown record while Redis is away" in ended.stdout
    assert "REDIS_URL" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_what_is_not_set_up_exits_with_5(instance: redis.Redis) -> None:
    ended = command("manage.py", "explain", LINK, ENCRYPTION_KEY="short")
    assert ended.returncode == 5
    assert "manage.py check" in ended.stderr


def test_without_geoip_a_click_is_explained_for_a_visitor_from_anywhere(instance: redis.Redis) -> None:
    ended = command("manage.py", "explain", LINK, MAXMIND_PATH="/nowhere/City.mmdb")
    assert ended.returncode == 0, ended.stderr


def test_the_help_lists_options_and_exit_codes() -> None:
    ended = command("manage.py", "explain", "--help")
    assert ended.returncode == 0
    for words in ("LINK", "--ip", "--ua", "--country", "--at", "--json", "exit codes:", "Nothing is written"):
        assert words in ended.stdout
