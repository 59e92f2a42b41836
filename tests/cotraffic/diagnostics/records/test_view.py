"""The records page: finding one, and what is told of it."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings as SettingsWrapper

from devstack.services import free_port
from offers.links.links import token_reader
from recipes.index.maintain import keep_indexed
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta
from tests.recipe import change_record, deep_blob, offer_blob

OFFERS, CAMPAIGNS = RecipeKind.OFFERS, RecipeKind.CAMPAIGNS
FILE_MS = 1_764_000_000_000


def campaign_blob(campaign_id: int, **fields: object) -> bytes:
    return json.dumps({"campaignId": campaign_id, "campaignStatus": "active", **fields}).encode()


@pytest.fixture
def store(redis_client: redis.Redis, tmp_path: Path, settings: SettingsWrapper) -> RecipeStore:
    """Two offers, one of which exits to the other, and thirty campaigns of the first."""
    settings.OFFERS_RECIPE_PATH = str(tmp_path / "offersRecipe.json.gz")
    settings.CAMPAIGNS_RECIPE_PATH = str(tmp_path / "campaignsRecipe.json.gz")
    store = RecipeStore(redis_client)
    offers = {
        1: offer_blob(1, name="Alpine <Shop>", offerIdRedirectExitTraffic=2, countriesRestrictions="CN"),
        2: offer_blob(2, name="Daily Deals", colour="blue"),
        3: offer_blob(3, name="Broken", payin="much", offerIdRedirectExitTraffic=999),
    }
    campaigns = {n: campaign_blob(n, name=f"Banner {n}", offerId=1) for n in range(101, 131)}
    campaigns[130] = campaign_blob(130, name="Banner 130", offerId=1, affiliateId=2018)
    campaigns[129] = campaign_blob(129, name="2 for 1", offerId=1, affiliateId=102)
    for kind, records in ((OFFERS, offers), (CAMPAIGNS, campaigns)):
        writer = store.begin(kind)
        writer.add(records)
        store.swap(writer, RecipeMeta(count=len(records), last_modified_ms=FILE_MS, source="S3"))
        keep_indexed(store, kind)
    return store


@pytest.fixture
def search(staff_client: Client) -> Callable[[str], str]:
    """The text of the search's answer."""
    return lambda text: staff_client.get(reverse("diagnostics:records"), {"q": text}, follow=True).text


def opened(client: Client, kind: str, record_id: int, **query: str) -> str:
    return client.get(reverse("diagnostics:record", args=[kind, record_id]), query).text


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("text", ["alpine", "ALP", "shop", "1"])
def test_a_record_is_found_by_a_part_of_its_name_or_its_id(search: Callable[[str], str], text: str) -> None:
    answer = search(text)
    assert reverse("diagnostics:record", args=["offers", 1]) in answer
    assert "Alpine &lt;Shop&gt;" in answer


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("1", "", "offers/1/"),
        ("#103", "", "campaigns/103/"),
        ("102", "campaigns", "campaigns/102/"),
        ("2018", "", "affiliates/2018/"),
        ("affiliate 102", "", "affiliates/102/"),
        ("102", "affiliates", "affiliates/102/"),
    ],
)
def test_the_only_record_of_an_id_is_opened_at_once(
    staff_client: Client, text: str, kind: str, path: str
) -> None:
    answer = staff_client.get(reverse("diagnostics:records"), {"q": text, "kind": kind})
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/diagnostics/records/{path}")


@pytest.mark.usefixtures("store")
def test_an_id_that_several_have_lists_them_all(staff_client: Client) -> None:
    answer = staff_client.get(reverse("diagnostics:records"), {"q": "102"})
    assert answer.status_code == 200
    assert "Banner 102" in answer.text
    assert "Affiliate 102" in answer.text
    assert "2 for 1" in answer.text
    # A name that begins with the id is a hit as well.
    assert "2 for 1" in staff_client.get(reverse("diagnostics:records"), {"q": "2"}).text


@pytest.mark.usefixtures("store")
def test_an_affiliate_leads_to_his_campaigns_and_his_clicks(staff_client: Client) -> None:
    answer = staff_client.get(reverse("diagnostics:affiliate", args=[2018])).text
    assert reverse("diagnostics:record", args=["campaigns", 130]) in answer
    assert "Banner 129" not in answer
    assert f"{reverse('diagnostics:reports')}?affiliate=2018&amp;range=today&amp;by=campaign" in answer
    assert reverse("diagnostics:affiliate", args=[2018]) in opened(staff_client, "campaigns", 130)


@pytest.mark.usefixtures("store")
def test_an_affiliates_campaigns_come_page_by_page(
    staff_client: Client, monkeypatch: pytest.MonkeyPatch, store: RecipeStore
) -> None:
    monkeypatch.setattr("cotraffic.diagnostics.records.view.USERS_A_PAGE", 1)
    change_record(store, CAMPAIGNS, 131, campaign_blob(131, name="Newest", affiliateId=2018))
    url = reverse("diagnostics:affiliate", args=[2018])
    first, second = staff_client.get(url).text, staff_client.get(url, {"after": "130"}).text
    assert ("Banner 130" in first, "Newest" in first, "?after=130" in first) == (True, False, True)
    assert ("Newest" in second, "Next page" in second) == (True, False)


@pytest.mark.usefixtures("store")
def test_an_affiliate_without_a_campaign_is_said_to_have_none(
    staff_client: Client, store: RecipeStore
) -> None:
    url = reverse("diagnostics:affiliate", args=[99])
    assert "No campaign of this affiliate is live." in staff_client.get(url).text
    store.amend_meta(CAMPAIGNS, index=None)
    assert "The index of generation 1 of the campaigns is being built" in staff_client.get(url).text


@pytest.mark.usefixtures("store")
def test_too_many_finds_are_cut_and_said_to_be(search: Callable[[str], str]) -> None:
    assert "the first 25; type more" in search("banner")


@pytest.mark.usefixtures("store")
def test_nothing_found_says_how_to_search(search: Callable[[str], str]) -> None:
    assert "No offer, campaign or affiliate is found by that." in search("zzz")


def test_without_an_index_ids_are_found_and_names_said_not_to_be(
    store: RecipeStore, search: Callable[[str], str]
) -> None:
    store.amend_meta(OFFERS, index=None)
    answer = search("2")
    assert "The index of generation 1 of the offers is being built" in answer
    assert "Daily Deals" in answer


def test_without_a_question_the_newest_changes_are_shown(store: RecipeStore, staff_client: Client) -> None:
    change_record(store, OFFERS, 2, offer_blob(2, name="Weekly Deals"))
    answer = staff_client.get(reverse("diagnostics:records")).text
    assert "3 offers and 30 campaigns are live" in re.sub(r"\s+", " ", answer)
    assert "Weekly Deals" in answer


@pytest.mark.usefixtures("store")
def test_a_record_tells_its_rules_in_words_and_what_it_points_at(staff_client: Client) -> None:
    answer = opened(staff_client, "offers", 1)
    assert 'Visitors from CN exit to <a href="/admin/diagnostics/records/offers/2/">offer 2</a>.' in answer
    assert "Daily Deals" in answer


@pytest.mark.usefixtures("store")
def test_an_offer_tells_who_uses_it(staff_client: Client) -> None:
    answer = opened(staff_client, "offers", 1)
    assert "Campaigns of this offer" in answer
    assert reverse("diagnostics:record", args=["campaigns", 101]) in answer
    assert "Offers whose exit offer this is" in opened(staff_client, "offers", 2)


@pytest.mark.usefixtures("store")
def test_all_users_of_an_offer_are_listed_page_by_page(
    staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cotraffic.diagnostics.records.view.USERS_A_PAGE", 20)
    url = reverse("diagnostics:record_users", args=[1, "campaign"])
    first, second = staff_client.get(url).text, staff_client.get(url, {"after": "120"}).text
    assert ("Banner 120" in first, "Banner 121" in first, "?after=120" in first) == (True, False, True)
    assert ("Banner 121" in second, "Next page" in second) == (True, False)


@pytest.mark.usefixtures("store")
def test_defects_and_unknown_fields_are_shown(staff_client: Client) -> None:
    assert "is not an amount" in opened(staff_client, "offers", 3)
    assert "colour" in opened(staff_client, "offers", 2)


@pytest.mark.usefixtures("store")
def test_a_pointer_at_a_record_that_is_gone_is_marked(staff_client: Client) -> None:
    assert "not in the recipe" in opened(staff_client, "offers", 3)


def test_it_tells_what_changed_a_record_last(store: RecipeStore, staff_client: Client) -> None:
    assert "By the file of generation 1" in opened(staff_client, "offers", 1)
    change_record(store, OFFERS, 1, offer_blob(1, name="Updated"))
    answer = opened(staff_client, "offers", 1)
    assert ("by an update of co-recipe" in answer, time.strftime("%Y-%m-%d") in answer) == (True, True)


def test_a_deleted_record_says_when_it_was_deleted(store: RecipeStore, staff_client: Client) -> None:
    change_record(store, OFFERS, 2, None)
    answer = staff_client.get(reverse("diagnostics:record", args=["offers", 2]))
    assert answer.status_code == 404
    assert "An update deleted it" in answer.text
    assert "Offers whose exit offer this is" in answer.text


def link_in(answer: str) -> str:
    found = re.search(r"<textarea[^>]*>([^<]+)</textarea>", answer)
    assert found
    return found[1]


@pytest.mark.usefixtures("store")
def test_the_ad_link_of_an_offer_names_the_campaign_that_was_chosen(staff_client: Client) -> None:
    link = link_in(opened(staff_client, "offers", 1, campaign="107"))
    assert link.startswith("http://testserver/offer?ad=")
    assert token_reader().read(link.partition("=")[2]) == (1, 107)


@pytest.mark.usefixtures("store")
def test_the_ad_link_of_a_campaign_names_its_offer(staff_client: Client) -> None:
    link = link_in(opened(staff_client, "campaigns", 107))
    assert token_reader().read(link.partition("=")[2]) == (1, 107)


@pytest.mark.usefixtures("store")
def test_a_link_that_cannot_be_made_says_why(staff_client: Client, settings: SettingsWrapper) -> None:
    settings.AD_TOKEN_V1 = "refuse"
    assert "AD_TOKEN_KEYS is not set" in opened(staff_client, "campaigns", 107)


@pytest.mark.usefixtures("store")
def test_a_link_may_end_where_there_are_keys_for_that(
    staff_client: Client, settings: SettingsWrapper
) -> None:
    settings.AD_TOKEN_KEYS = [f"k:{'ab' * 32}"]
    link = link_in(opened(staff_client, "offers", 1, campaign="107", expires="30d"))
    assert token_reader().decrypted(link.partition("=")[2]).expires_s > time.time()
    assert "has passed already" in opened(staff_client, "offers", 1, expires="2020-01-01")


@pytest.mark.parametrize("path", ["offers/{}/", "offers/{}/used/exit/", "affiliates/{}/"])
def test_a_number_that_no_id_can_be_is_not_there(staff_client: Client, path: str) -> None:
    assert staff_client.get(f"/admin/diagnostics/records/{path.format('9' * 30)}").status_code == 404


def test_there_are_no_other_kinds(staff_client: Client) -> None:
    assert staff_client.get("/admin/diagnostics/records/advertisers/1/").status_code == 404
    assert staff_client.get(reverse("diagnostics:record_users", args=[1, "nothing"])).status_code == 404


@pytest.mark.parametrize(
    ("name", "arguments"), [("records", []), ("record", ["offers", 1]), ("record_users", [1, "exit"])]
)
def test_a_dead_redis_still_shows_the_page(
    staff_client: Client, monkeypatch: pytest.MonkeyPatch, name: str, arguments: list[object]
) -> None:
    dead = redis.Redis(port=free_port(), socket_connect_timeout=1)
    monkeypatch.setattr("cotraffic.diagnostics.records.view.get_redis_connection", lambda _: dead)
    answer = staff_client.get(reverse(f"diagnostics:{name}", args=arguments))
    assert (answer.status_code, "Redis does not answer" in answer.text) == (200, True)
    assert django_settings.SECRET_KEY not in answer.text


def test_a_record_too_deep_to_decode_has_its_page_all_the_same(
    store: RecipeStore, search: Callable[[str], str]
) -> None:
    change_record(store, OFFERS, 7, deep_blob(7, 2000))
    assert "<title>Offer 7 |" in search("7")
