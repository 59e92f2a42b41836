"""Recipes that wait for a person, and the one file that a person has decided on."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import redis

from recipes.file.download import FileChanged, etag_in_s3, local_path
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import Hold
from recipes.sync import damage, hold
from recipes.sync.hold import OnHold
from recipes.sync.sync import SyncReport, SyncRequest, sync
from recipes.tasks import sync_from_s3
from tests.processes import command

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS
Do = Callable[[Callable[[], object]], None]


@pytest.fixture
def store(s3: "S3Client", redis_client: redis.Redis) -> Iterator[RecipeStore]:
    """Ten offers are live, and S3 has nine."""
    store = RecipeStore(redis_client)
    upload(s3, 10)
    sync_offers(store)
    upload(s3, 9)
    yield store
    local_path(OFFERS).unlink(missing_ok=True)


@pytest.fixture
def while_loading(monkeypatch: pytest.MonkeyPatch) -> Do:
    """Does something in the middle of every load."""

    def do(something: Callable[[], object]) -> None:
        judged = damage.reasons_to_hold

        def judge(*arguments: Any) -> list[str]:
            something()
            return judged(*arguments)

        monkeypatch.setattr("recipes.sync.sync.reasons_to_hold", judge)

    return do


def upload(s3: "S3Client", count: int) -> None:
    offers = [{"offerId": n, "status": "public", "type": "regular"} for n in range(1, count + 1)]
    body = gzip.compress(json.dumps(offers).encode(), mtime=0)
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=body)


def offers_on_disk() -> int:
    return len(json.loads(gzip.decompress(local_path(OFFERS).read_bytes())))


def sync_offers(store: RecipeStore, **options: Any) -> SyncReport:
    return sync(SyncRequest(kind=OFFERS, **options), store)


def test_syncs_wait_while_somebody_reads_the_preview(store: RecipeStore) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    with pytest.raises(OnHold, match="alice is looking at what the file in S3 would change"):
        sync_offers(store)
    sync_from_s3()
    assert (store.live_count(OFFERS), store.meta(OFFERS).last_error) == (10, None)


def test_a_review_ends_by_itself(store: RecipeStore) -> None:
    store.holds.put(OFFERS, Hold("alice", since_ms=0, until_ms=1))
    assert sync_offers(store).count == 9


def test_a_file_that_was_left_does_not_go_live_and_the_next_one_does(
    s3: "S3Client", store: RecipeStore
) -> None:
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    with pytest.raises(OnHold, match=r"alice decided at .* to leave the file"):
        sync_offers(store)
    upload(s3, 8)
    assert (sync_offers(store).count, store.holds.of(OFFERS)) == (8, (None, None))


def test_a_file_that_was_left_stays_left_when_it_is_looked_at_again(store: RecipeStore) -> None:
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    hold.hold_for_review(OFFERS, store, "bob")
    hold.end_review(OFFERS, store)
    with pytest.raises(OnHold, match="alice decided"):
        sync_offers(store)


def test_the_next_file_waits_for_a_review_though_another_file_was_left(
    s3: "S3Client", store: RecipeStore
) -> None:
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    upload(s3, 8)
    hold.hold_for_review(OFFERS, store, "bob")
    with pytest.raises(OnHold, match="bob is looking"):
        sync_offers(store)


def test_a_decision_ends_the_review_of_the_one_who_decides(s3: "S3Client", store: RecipeStore) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    upload(s3, 8)
    assert sync_offers(store).count == 8


def test_a_decision_leaves_another_reader_the_time_to_decide(s3: "S3Client", store: RecipeStore) -> None:
    hold.hold_for_review(OFFERS, store, "bob")
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    upload(s3, 8)
    with pytest.raises(OnHold, match="bob is looking"):
        sync_offers(store)


def test_the_end_of_ones_own_review_leaves_the_one_that_took_its_place(store: RecipeStore) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    hold.hold_for_review(OFFERS, store, "bob")
    hold.end_review(OFFERS, store, "alice")
    with pytest.raises(OnHold, match="bob is looking"):
        sync_offers(store)


def test_a_decision_that_comes_while_s3_is_asked_counts(
    s3: "S3Client", store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    upload(s3, 8)

    def ask(kind: RecipeKind) -> str:
        etag = etag_in_s3(kind)
        hold.leave(kind, store, etag, "bob")
        return etag

    monkeypatch.setattr(hold, "etag_in_s3", ask)
    with pytest.raises(OnHold, match="bob decided"):
        sync_offers(store)
    assert store.live_count(OFFERS) == 10


def test_a_review_that_begins_during_a_load_keeps_the_file_away(
    store: RecipeStore, while_loading: Do
) -> None:
    while_loading(lambda: hold.hold_for_review(OFFERS, store, "alice"))
    with pytest.raises(OnHold, match="alice is looking"):
        sync_offers(store)
    assert (store.live_count(OFFERS), offers_on_disk()) == (10, 10)


def test_a_decision_during_a_load_keeps_its_file_away(store: RecipeStore, while_loading: Do) -> None:
    while_loading(lambda: hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice"))
    with pytest.raises(OnHold, match="alice decided"):
        sync_offers(store)
    assert store.live_count(OFFERS) == 10


def test_a_decision_during_a_load_against_the_next_file_outlasts_it(
    s3: "S3Client", store: RecipeStore, while_loading: Do
) -> None:
    def leave_the_next() -> None:
        upload(s3, 8)
        hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")

    while_loading(leave_the_next)
    assert sync_offers(store).count == 9
    with pytest.raises(OnHold, match="alice decided"):
        sync_offers(store)


@pytest.mark.parametrize("options", [{"force": True}, {"from_file": True, "force": True}])
def test_force_and_healing_from_the_file_wait_for_nobody(store: RecipeStore, options: Any) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    assert sync_offers(store, **options).outcome == "done"


def test_an_empty_redis_waits_for_nobody(store: RecipeStore, redis_client: redis.Redis) -> None:
    redis_client.flushall()
    hold.hold_for_review(OFFERS, store, "alice")
    assert sync_offers(store).count == 9


def test_the_file_that_was_decided_on_goes_live_and_ends_the_hold(store: RecipeStore) -> None:
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    assert sync_offers(store, wanted_etag=etag_in_s3(OFFERS)).count == 9
    assert store.holds.of(OFFERS) == (None, None)


@pytest.mark.parametrize("by_force", [True, False])
def test_a_file_that_was_decided_on_ends_the_review_of_before_its_load(
    store: RecipeStore, by_force: bool
) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    sync_offers(store, **({"force": True} if by_force else {"wanted_etag": etag_in_s3(OFFERS)}))
    assert store.holds.of(OFFERS).review is None


def test_a_file_that_was_decided_on_leaves_a_review_that_began_during_its_load(
    store: RecipeStore, while_loading: Do
) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    while_loading(lambda: hold.hold_for_review(OFFERS, store, "bob"))
    assert sync_offers(store, wanted_etag=etag_in_s3(OFFERS)).count == 9
    review = store.holds.of(OFFERS).review
    assert review
    assert review.by == "bob"


def test_another_file_than_the_one_decided_on_is_refused(s3: "S3Client", store: RecipeStore) -> None:
    etag = etag_in_s3(OFFERS)
    upload(s3, 8)
    with pytest.raises(FileChanged, match="another file than the one that was previewed"):
        sync_offers(store, wanted_etag=etag, force=True)
    assert (store.live_count(OFFERS), store.meta(OFFERS).last_error) == (10, None)


def test_the_file_decided_on_still_needs_force_where_too_much_is_gone(
    s3: "S3Client", store: RecipeStore
) -> None:
    upload(s3, 2)
    with pytest.raises(RecipeRejected, match=r"80 % fewer"):
        sync_offers(store, wanted_etag=etag_in_s3(OFFERS))
    assert sync_offers(store, wanted_etag=etag_in_s3(OFFERS), force=True).count == 2


def test_the_command_says_for_whom_it_waits(store: RecipeStore) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    answer = command("manage.py", "recipe_sync", "offers")
    assert (answer.returncode, "on hold" in answer.stdout, "alice" in answer.stderr) == (4, True, True)
