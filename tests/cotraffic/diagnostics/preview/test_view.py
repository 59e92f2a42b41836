"""The preview page: what it shows, and that only what was looked at can be decided on."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from cotraffic.diagnostics.actions.store import Actions
from cotraffic.diagnostics.actions.tasks import run_action
from devstack.services import free_port
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync import hold
from recipes.sync.sync import SyncRequest, sync

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS, CAMPAIGNS = RecipeKind.OFFERS, RecipeKind.CAMPAIGNS
Upload = Callable[..., None]


def run_what_was_asked(redis_client: redis.Redis) -> str:
    """What Celery does; gives the outcome."""
    actions = Actions(redis_client)
    run_action(actions.newest()[0].id)
    return actions.newest()[0].outcome


def preview(client: Client, redis_client: redis.Redis) -> str:
    """Preview, and the page after it."""
    client.post(reverse("diagnostics:preview_start"), {"clicks": "200"})
    run_what_was_asked(redis_client)
    return text_of(client)


def text_of(client: Client, **query: str) -> str:
    answer = client.get(reverse("diagnostics:preview"), query).text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer))


def decide(client: Client, decision: str, etag: str, **fields: str) -> Any:
    url = reverse("diagnostics:preview_decide", args=[decision])
    return client.post(url, {"offers": etag, **fields})


def etag_of(store: RecipeStore) -> str:
    return str(json.loads(store.preview() or b"")["kinds"]["offers"]["etag"])


@pytest.mark.usefixtures("store")
def test_without_a_preview_it_says_how_to_get_one(staff_client: Client) -> None:
    assert "Nothing was previewed within the last hour." in text_of(staff_client)


@pytest.mark.usefixtures("store")
def test_what_s3_has_as_it_is_live_needs_no_decision(staff_client: Client, redis_client: redis.Redis) -> None:
    answer = preview(staff_client, redis_client)
    assert "S3 has what is live." in answer
    assert "Syncs wait" not in answer.split("Look at what S3 has")[0]


@pytest.mark.usefixtures("store")
def test_without_javascript_a_preview_under_way_says_how_to_see_how_far_it_is(staff_client: Client) -> None:
    staff_client.post(reverse("diagnostics:preview_start"), {"clicks": "200"})
    page = staff_client.get(reverse("diagnostics:preview")).text
    assert re.search("<noscript>.*when this page is loaded anew.*</noscript>", page)


def test_differences_are_shown_with_the_clicks_that_go_elsewhere(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8, name="new")
    answer = preview(staff_client, redis_client)
    assert "Offers removed 2" in answer
    assert "8 of the last 8 clicks (100.0 %) would go elsewhere" in answer
    assert "as the link says defaultRedirection refused offer not in the recipe unknown offer 8" in answer
    changed = text_of(staff_client, kind="offers", sort="changed")
    assert "name missing" in changed


def test_lists_of_records_are_paged(
    store: RecipeStore,
    upload: Upload,
    staff_client: Client,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cotraffic.diagnostics.preview.view.RECORDS_A_PAGE", 4)
    upload(10, name="new")
    assert "Page 1 of 3" in preview(staff_client, redis_client)
    for page in ("3", "99"):
        assert "Page 3 of 3" in text_of(staff_client, kind="offers", sort="changed", page=page)


def test_syncs_wait_while_there_is_something_to_decide(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    assert "Syncs wait on this instance for sam to decide" in preview(staff_client, redis_client)
    review = store.holds.of(OFFERS).review
    assert (review is not None and review.by, store.holds.of(CAMPAIGNS).review) == ("sam", None)


def test_a_decision_is_asked_about_first(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    answer = decide(staff_client, "make-live", etag_of(store))
    assert (answer.status_code, "Are you sure?" in answer.text) == (200, True)
    assert store.live_count(OFFERS) == 10


def test_what_was_previewed_is_made_live_and_the_admin_log_tells_by_whom(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    decide(staff_client, "make-live", etag_of(store), confirmed="yes")
    run_what_was_asked(redis_client)
    assert (store.live_count(OFFERS), store.holds.of(OFFERS).first) == (8, None)
    assert "live now" in text_of(staff_client)
    entry = LogEntry.objects.order_by("-pk")[0]
    assert (entry.user.get_username(), "is live, 8 records" in entry.change_message) == ("sam", True)


def test_other_files_in_s3_than_those_previewed_are_refused(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    upload(7)
    decide(staff_client, "make-live", etag_of(store), confirmed="yes")
    assert "S3 has another file than the one that was previewed" in run_what_was_asked(redis_client)
    assert store.live_count(OFFERS) == 10


def test_a_decision_on_an_older_preview_is_refused(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    answer = decide(staff_client, "make-live", '"another"', confirmed="yes")
    assert (answer.status_code, "newer preview than the one" in answer.text) == (409, True)


@pytest.mark.usefixtures("store")
def test_without_a_preview_there_is_nothing_to_decide(staff_client: Client) -> None:
    answer = decide(staff_client, "leave", '"any"', confirmed="yes")
    assert (answer.status_code, "no preview to decide on" in answer.text) == (409, True)


def test_a_held_back_recipe_has_to_be_forced(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(2)
    assert "The offers are held back: 80 % fewer records" in preview(staff_client, redis_client)
    unforced = decide(staff_client, "make-live", etag_of(store), confirmed="yes")
    assert "it needs to be forced" in unforced.text
    decide(staff_client, "make-live", etag_of(store), confirmed="yes", forced="yes")
    run_what_was_asked(redis_client)
    assert store.live_count(OFFERS) == 2


def test_what_is_left_stays_away_and_says_who_left_it(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    decide(staff_client, "leave", etag_of(store), confirmed="yes")
    assert "offers in S3 will not go live" in run_what_was_asked(redis_client)
    with pytest.raises(ValueError, match="sam decided"):
        sync(SyncRequest(kind=OFFERS), store)
    assert "sam left the file in S3" in text_of(staff_client)


def test_a_review_is_shown_beside_an_earlier_decision(store: RecipeStore, staff_client: Client) -> None:
    hold.leave(OFFERS, store, '"another"', "alice")
    hold.hold_for_review(OFFERS, store, "bob")
    answer = text_of(staff_client)
    assert "alice left the file in S3" in answer
    assert "Syncs wait on this instance for bob to decide" in answer


def test_a_preview_that_fails_leaves_the_review_of_somebody_else(
    store: RecipeStore, s3: "S3Client", staff_client: Client, redis_client: redis.Redis
) -> None:
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=b"hello")
    staff_client.post(reverse("diagnostics:preview_start"), {"clicks": "200"})
    hold.hold_for_review(OFFERS, store, "bob")
    run_what_was_asked(redis_client)
    review = store.holds.of(OFFERS).review
    assert review
    assert review.by == "bob"


def test_a_preview_that_fails_holds_nothing_and_says_why(
    store: RecipeStore, s3: "S3Client", staff_client: Client, redis_client: redis.Redis
) -> None:
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=b"hello")
    assert "the file is no gzip file" in preview(staff_client, redis_client)
    assert store.holds.of(OFFERS).first is None


def test_something_else_that_went_live_meanwhile_is_told(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    upload(9)
    sync(SyncRequest(kind=OFFERS, force=True), store)
    answer = text_of(staff_client)
    assert "Other offers went live since this was looked at." in answer
    assert "Make it live" not in answer


def test_what_is_live_by_now_cannot_be_left(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    etag = etag_of(store)
    decide(staff_client, "make-live", etag, confirmed="yes")
    run_what_was_asked(redis_client)
    answer = decide(staff_client, "leave", etag, confirmed="yes")
    assert (answer.status_code, "is live already" in answer.text) == (409, True)
    sync(SyncRequest(kind=OFFERS), store)
    assert store.holds.of(OFFERS).first is None


def test_a_decision_is_taken_once(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    decide(staff_client, "make-live", etag_of(store), confirmed="yes")
    answer = decide(staff_client, "make-live", etag_of(store), confirmed="yes")
    assert (answer.status_code, "is under way" in answer.text) == (409, True)
    assert [action.name for action in Actions(redis_client).newest()] == ["make-live", "preview"]


@pytest.mark.parametrize("decision", ["make-live", "leave"])
def test_a_decision_that_was_queued_twice_does_nothing_the_second_time(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis, decision: str
) -> None:
    upload(8)
    preview(staff_client, redis_client)
    decide(staff_client, "make-live", etag_of(store), confirmed="yes")
    run_what_was_asked(redis_client)
    generation = store.meta(OFFERS).generation
    again = Actions(redis_client).add(decision, decision, "sam", {"offers": etag_of(store)})
    run_action(again.id)
    assert Actions(redis_client).newest()[0].outcome == "What was previewed is live already."
    assert (store.meta(OFFERS).generation, store.holds.of(OFFERS).first) == (generation, None)


def test_there_are_no_other_decisions(staff_client: Client) -> None:
    assert decide(staff_client, "delete", '"any"').status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_dead_redis_still_shows_the_page(
    staff_client: Client, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    dead = redis.Redis(port=free_port(), socket_connect_timeout=1)
    monkeypatch.setattr("cotraffic.diagnostics.preview.view.get_redis_connection", lambda _: dead)
    name = "preview" if method == "get" else "preview_start"
    answer = getattr(staff_client, method)(reverse(f"diagnostics:{name}"))
    assert (answer.status_code, "Redis does not answer" in answer.text) == (
        200 if method == "get" else 503,
        True,
    )


def test_who_only_wanted_to_look_lets_syncs_go_on(
    store: RecipeStore, upload: Upload, staff_client: Client, redis_client: redis.Redis
) -> None:
    upload(8, name="new")
    assert "Syncs wait on this instance for sam" in preview(staff_client, redis_client)
    staff_client.post(reverse("diagnostics:preview_go_on"))
    assert store.holds.of(OFFERS).first is None
    assert "Syncs wait on this instance" not in text_of(staff_client)
