"""What the recipe in S3 would change: the preview as a whole, and `recipe_preview`."""

import gzip
import json
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import pytest
import redis

from cotraffic.diagnostics.preview import preview
from devstack.services import free_port
from offers.click_log.stream import ClickLog
from recipes.file.download import local_path
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.sync import SyncRequest, no_progress, sync
from tests.offers.logged import add, names
from tests.processes import command

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS, CAMPAIGNS = RecipeKind.OFFERS, RecipeKind.CAMPAIGNS


def upload(s3: "S3Client", kind: RecipeKind, records: list[dict[str, Any]]) -> None:
    body = gzip.compress(json.dumps(records).encode(), mtime=0)
    s3.put_object(Bucket="co-recipe-staging", Key=f"{kind}Recipe.json.gz", Body=body)


def offers(count: int, **fields: Any) -> list[dict[str, Any]]:
    usual = {"status": "public", "type": "regular", "landingPageUrl": "https://a.example/"}
    return [{"offerId": n, **usual, **fields} for n in range(1, count + 1)]


@pytest.fixture
def log(redis_client: redis.Redis) -> ClickLog:
    """Twelve clicks on offer 4."""
    log = ClickLog(redis_client)
    add(log, *names(12), offerId=4, campaignId=1, country="US")
    return log


@pytest.fixture
def store(s3: "S3Client", redis_client: redis.Redis, log: ClickLog) -> Iterator[RecipeStore]:
    """Four offers and a campaign are live."""
    store = RecipeStore(redis_client)
    upload(s3, OFFERS, offers(4))
    upload(s3, CAMPAIGNS, [{"campaignId": 1, "campaignStatus": "active"}])
    for kind in RecipeKind:
        sync(SyncRequest(kind=kind), store)
    yield store
    for kind in RecipeKind:
        local_path(kind).unlink(missing_ok=True)


def previewed(store: RecipeStore, log: ClickLog, clicks: int = 100) -> preview.Preview:
    return preview.preview(store, log, "alice", clicks, no_progress)


def recipe_preview(*arguments: str, **environment: str) -> CompletedProcess[str]:
    return command("manage.py", "recipe_preview", *arguments, **environment)


def test_what_s3_has_as_it_is_live_is_no_part_of_it(store: RecipeStore, log: ClickLog) -> None:
    found = previewed(store, log)
    assert (found.kinds, found.clicks) == ({}, None)


def test_a_change_of_one_kind_is_decided_with_the_other_as_it_is_live(
    s3: "S3Client", store: RecipeStore, log: ClickLog
) -> None:
    upload(s3, OFFERS, offers(3))
    found = previewed(store, log)
    assert found.clicks
    assert (list(found.kinds), found.kinds[OFFERS].removed) == ([OFFERS], 1)
    assert (found.clicks.clicks, found.clicks.elsewhere) == (12, 12)
    assert found.clicks.groups[0].to_rule == "refused: unknown offer"


def test_only_as_many_clicks_as_were_asked_for_are_decided(
    s3: "S3Client", store: RecipeStore, log: ClickLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "CLICKS_STEP", 4)
    upload(s3, OFFERS, offers(3))
    decided = [found.clicks for n in (0, 5, 8, 100) if (found := previewed(store, log, n)).clicks]
    assert [clicks.clicks for clicks in decided if clicks] == [0, 5, 8, 12]


def test_it_is_kept_for_staff_and_forgotten(
    s3: "S3Client", store: RecipeStore, log: ClickLog, redis_client: redis.Redis
) -> None:
    upload(s3, OFFERS, offers(3, name="x"))
    found = previewed(store, log)
    preview.save(store, found)
    kept = preview.newest(store)
    assert kept
    assert (kept.etags, kept.kinds[OFFERS].changed) == (found.etags, 3)
    assert 0 < redis_client.ttl("recipe:preview") <= 3600


@pytest.mark.usefixtures("store")
def test_the_command_tells_nothing_to_do_from_differences(s3: "S3Client") -> None:
    assert recipe_preview().returncode == 3
    upload(s3, OFFERS, offers(3))
    answer = recipe_preview()
    assert answer.returncode == 0
    assert "offers removed (1):" in answer.stdout
    assert "Of the last 12 clicks, decided again now, 12 (100.0 %) would go elsewhere" in answer.stdout


@pytest.mark.usefixtures("store")
def test_the_command_tells_what_would_be_held_back(s3: "S3Client") -> None:
    upload(s3, OFFERS, offers(1))
    answer = recipe_preview("offers", "--clicks", "5")
    assert answer.returncode == 4
    assert "75 % fewer records than are live" in answer.stdout
    assert "Of the last 5 clicks" in answer.stdout


@pytest.mark.usefixtures("store")
def test_json_is_one_object_and_nothing_else(s3: "S3Client") -> None:
    upload(s3, OFFERS, offers(3))
    answer = json.loads(recipe_preview("--json").stdout)
    assert (answer["exit_code"], answer["preview"]["kinds"]["offers"]["removed"]) == (0, 1)


@pytest.mark.usefixtures("store")
def test_a_preview_that_fails_has_the_code_of_its_cause(s3: "S3Client") -> None:
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=b"hello")
    assert recipe_preview().returncode == 4
    away = f"127.0.0.1:{free_port()}"
    assert recipe_preview(AWS_ENDPOINT_URL=f"http://{away}").returncode == 5
    assert recipe_preview(REDIS_URL=f"redis://{away}/0").returncode == 6


def test_a_preview_changes_nothing(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, OFFERS, offers(3))
    version, on_disk = store.version(), local_path(OFFERS).read_bytes()
    recipe_preview()
    assert (store.version(), local_path(OFFERS).read_bytes()) == (version, on_disk)
