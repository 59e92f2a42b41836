"""Actions: asked for on the page, run by Celery, told in Redis and in the admin's log."""

import gzip
import time
from typing import TYPE_CHECKING

import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from cotraffic.diagnostics.actions import tasks
from cotraffic.diagnostics.actions.store import NEWEST, Action, Actions, ActionState, Reporter
from devstack.services import Service
from offers.click_log.stream import ClickLog
from offers.click_log.types import Entry
from offers.spool.types import PendingClick
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGE = "diagnostics:actions"
PROGRESS = "diagnostics:progress"


def start(client: Client, name: str, **posted: str) -> None:
    answer = client.post(reverse("diagnostics:start", args=[name]), posted)
    assert (answer.status_code, answer["Location"]) == (302, reverse(PAGE))


def run_newest(client: redis.Redis) -> Action:
    """Do what the Celery worker does."""
    actions = Actions(client)
    [action, *_] = actions.newest()
    tasks.run_action(action.id)
    found = actions.get(action.id)
    assert found is not None
    return found


def upload(s3: "S3Client", kind: str, records: bytes) -> None:
    s3.put_object(Bucket="co-recipe-staging", Key=f"{kind}Recipe.json.gz", Body=gzip.compress(records))


def test_nobody_asked_for_anything_yet(staff_client: Client, redis_client: redis.Redis) -> None:
    assert "Nobody has asked for anything" in staff_client.get(reverse(PAGE)).text


def test_a_sync_loads_both_kinds(staff_client: Client, redis_client: redis.Redis, s3: "S3Client") -> None:
    upload(s3, "offers", b'[{"offerId": 1, "status": "public", "type": "regular"}]')
    upload(s3, "campaigns", b'[{"campaignId": 2, "campaignStatus": "active"}]')
    start(staff_client, "sync")
    action = run_newest(redis_client)
    assert (action.state, action.user) == (ActionState.DONE, "sam")
    assert "offers: generation 1 is live, 1 record," in action.outcome
    assert RecipeStore(redis_client).live_count(RecipeKind.CAMPAIGNS) == 1
    assert "campaigns: generation 1 is live" in staff_client.get(reverse(PROGRESS)).text


def test_a_sync_that_fails_says_what_to_do(
    staff_client: Client, redis_client: redis.Redis, s3: "S3Client"
) -> None:
    start(staff_client, "sync")
    action = run_newest(redis_client)
    assert action.state == ActionState.FAILED
    assert "check S3_OFFERS_RECIPE_PATH" in action.outcome


def test_dead_letters_are_tried_again(staff_client: Client, redis_client: redis.Redis) -> None:
    log = ClickLog(redis_client)
    log.delivery.create()
    log.append([PendingClick(b'{"lid":"9ed72f87"}', unique="0")])
    [entry] = log.delivery.read_new("one", 1)
    log.dead_letter(Entry(entry.id, entry.click, entry.unique), "refused")
    start(staff_client, "redeliver")
    assert run_newest(redis_client).outcome == "1 click and 0 conversion messages will be tried again."
    assert (log.status().dead_letters, log.status().backlog) == (0, 1)


def test_what_may_hurt_is_asked_about_first(staff_client: Client, redis_client: redis.Redis) -> None:
    question = staff_client.post(reverse("diagnostics:start", args=["reload"]))
    assert "may be older than what is live" in question.text
    assert Actions(redis_client).newest() == []
    start(staff_client, "reload", confirmed="yes")
    assert [action.name for action in Actions(redis_client).newest()] == ["reload"]


def test_the_admin_log_has_who_and_what_and_the_outcome(
    staff_client: Client, staff: User, redis_client: redis.Redis
) -> None:
    start(staff_client, "redeliver")
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (staff, "Retry dead letters")
    assert entry.get_change_message() == "Retry dead letters: asked for."
    run_newest(redis_client)
    entry.refresh_from_db()
    assert entry.get_change_message() == "Retry dead letters: done. There are no dead letters."


def test_an_entry_of_the_admin_log_leads_to_what_became_of_the_action(
    staff_client: Client, redis_client: redis.Redis
) -> None:
    start(staff_client, "redeliver")
    run_newest(redis_client)
    # Redis forgets an action after a week, the admin's log does not.
    redis_client.flushdb()
    url = LogEntry.objects.get().get_admin_url()
    assert url is not None
    assert f'href="{url}"' in staff_client.get(reverse("admin:index")).text
    shown = staff_client.get(url, follow=True)
    assert shown.redirect_chain[0][0].startswith(reverse(PAGE))
    assert "Retry dead letters: done. There are no dead letters." in shown.text
    assert "Asked for by sam" in shown.text


def test_an_entry_of_an_action_that_never_was_shows_the_actions(
    staff_client: Client, redis_client: redis.Redis
) -> None:
    shown = staff_client.get(reverse(PAGE), {"entry": "nonsense"})
    assert (shown.status_code, shown.context["entry"]) == (200, None)


def test_without_a_token_of_the_form_nothing_is_done(staff: User, redis_client: redis.Redis) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.post(reverse("diagnostics:start", args=["sync"])).status_code == 403
    assert Actions(redis_client).newest() == []


def test_a_link_cannot_start_anything(staff_client: Client, redis_client: redis.Redis) -> None:
    assert staff_client.get(reverse("diagnostics:start", args=["sync"])).status_code == 405


def test_an_unknown_action_is_not_found(staff_client: Client, redis_client: redis.Redis) -> None:
    assert staff_client.post(reverse("diagnostics:start", args=["explode"])).status_code == 404


def test_an_action_that_nobody_takes_up_says_where_to_look(
    staff_client: Client, redis_client: redis.Redis
) -> None:
    actions = Actions(redis_client)
    action = actions.add("sync", "Sync now", "sam", {})
    assert "Is the Celery worker running?" not in staff_client.get(reverse(PAGE)).text
    action.asked_ms -= 60_000
    actions.save(action)
    assert "Is the Celery worker running?" in staff_client.get(reverse(PAGE)).text


def test_an_action_whose_worker_died_runs_again(redis_client: redis.Redis, db: None) -> None:
    actions = Actions(redis_client)
    action = actions.add("redeliver", "Retry dead letters", "sam", {})
    action.state = ActionState.RUNNING
    actions.save(action)
    assert run_newest(redis_client).state == ActionState.DONE


def test_an_action_that_is_over_is_not_repeated(redis_client: redis.Redis, db: None) -> None:
    Actions(redis_client).add("redeliver", "Retry dead letters", "sam", {})
    first = run_newest(redis_client)
    time.sleep(0.01)
    assert run_newest(redis_client) == first


def test_progress_is_kept_while_it_runs(staff_client: Client, redis_client: redis.Redis) -> None:
    actions = Actions(redis_client)
    action = actions.add("sync", "Sync now", "sam", {})
    action.state = ActionState.RUNNING
    Reporter(action, actions)("loading offers", 5_000, 20_000)
    shown = staff_client.get(reverse(PROGRESS)).text
    assert "loading offers: 5,000 of 20,000" in shown
    assert '<progress max="20000" value="5000"' in shown


def test_old_actions_are_forgotten(redis_client: redis.Redis) -> None:
    actions = Actions(redis_client)
    for number in range(NEWEST + 5):
        actions.add("sync", f"number {number}", "sam", {})
    titles = [action.title for action in actions.newest()]
    assert titles == [f"number {number}" for number in reversed(range(5, NEWEST + 5))]
    assert all(
        redis_client.ttl(key) > 0 for key in redis_client.scan_iter("actions:*") if key != b"actions:newest"
    )


def test_a_dead_redis_is_said_and_starts_nothing(staff_client: Client, valkey: Service) -> None:
    valkey.kill()
    try:
        shown = staff_client.get(reverse(PAGE))
        refused = staff_client.post(reverse("diagnostics:start", args=["sync"]))
    finally:
        valkey.start()
    assert "Redis does not answer." in shown.text
    assert (refused.status_code, "Redis does not answer." in refused.text) == (503, True)
    assert not LogEntry.objects.exists()


def test_waiting_is_where_an_action_begins(redis_client: redis.Redis) -> None:
    assert Actions(redis_client).add("sync", "Sync now", "sam", {}).state == ActionState.WAITING
