"""The stand-in co-recipe as a process, on real sockets and a real queue, and all the way into a Redis."""

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import redis
import socketio

from devstack.corecipe import CoRecipe, changes_queue_url
from devstack.services import LOCALHOST, free_port, wait_for_port
from devstack.truth import FILE_NAME, NoTruth, Truth
from recipes.file.download import local_path
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.processes import command, running, wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGES = "http://localhost:5002"
SENT_MS = 1_764_028_800_000


class Client:
    """A connected instance that writes down what it hears."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, Any]] = []
        self._client = socketio.Client(reconnection=False)
        self._client.on("*", lambda event, *data: self.heard.append((event, *data)))
        self._client.connect(f"http://{LOCALHOST}:{port}")

    def check(self, event: str, number: int) -> None:
        self._client.emit(event, number)

    def updates(self) -> list[dict[str, Any]]:
        return [data for event, data in self.heard if event == "updRecipe"]

    def close(self) -> None:
        # The polite way would wait for the poll that is under way.
        self._client.eio.disconnect(abort=True)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with the demo network as the truth."""
    Truth.seeded(tmp_path / FILE_NAME, PAGES)
    return tmp_path


@pytest.fixture
def corecipe(state: Path, s3: "S3Client") -> Iterator[int]:
    """A stand-in that uploads often; gives its port."""
    queue = boto3.client("sqs", region_name="us-east-1")
    # Whatever an earlier test has left in it goes with it.
    queue.delete_queue(QueueUrl=changes_queue_url(queue))
    changes_queue_url(queue)
    port = free_port()
    with running("-m", "devstack.corecipe", *options(state, port), "--broken-every", "0"):
        wait_for_port(port)
        wait_until(lambda: uploaded(s3, "campaigns"), what="the upload")
        yield port


def options(state: Path, port: int) -> tuple[str, ...]:
    times = ("--upload-seconds", "0.3", "--poll-seconds", "0.3")
    return ("--port", str(port), "--truth", str(state / FILE_NAME), *times)


@pytest.fixture
def client(corecipe: int) -> Iterator[Client]:
    client = Client(corecipe)
    yield client
    client.close()


def uploaded(s3: "S3Client", kind: str) -> list[dict[str, Any]]:
    try:
        answer = s3.get_object(Bucket="co-recipe-staging", Key=f"{kind}Recipe.json.gz")
    except s3.exceptions.NoSuchKey:
        return []
    return list(json.loads(gzip.decompress(answer["Body"].read())))


def change(state: Path, *arguments: str) -> CompletedProcess[str]:
    return command("manage.py", "devstack_change", *arguments, "--state", str(state))


def test_a_check_with_another_number_is_answered_with_its_own(client: Client) -> None:
    client.check("fileSizeOffersCheck", 0)
    wait_until(lambda: client.heard, what="the answer")
    event, number = client.heard[0]
    assert (event, number > 1000) == ("fileSizeOffersCheck", True)
    # Answers come in order: one to the equal number would come before the next.
    client.check("fileSizeOffersCheck", number)
    client.check("fileSizeCampaignsCheck", 0)
    wait_until(lambda: len(client.heard) > 1, what="the next answer")
    assert client.heard[1][0] == "fileSizeCampaignsCheck"


def test_a_change_is_sent_to_everyone_with_the_whole_record(client: Client, state: Path) -> None:
    assert change(state, "offer", "101", "--payout", "3.5").returncode == 0
    wait_until(client.updates, what="the update")
    update = client.updates()[0]
    assert (update["type"], update["id"], update["action"]) == ("offer", 101, "updateOrCreate")
    assert abs(update["timestamp"] - time.time() * 1000) < 60_000
    assert json.loads(update["body"])["payout"] == "3.5"


def test_an_update_lacks_the_description_that_the_file_has(client: Client, s3: "S3Client") -> None:
    tell(type="offer", id=101)
    wait_until(client.updates, what="the update")
    assert "descriptions" not in json.loads(client.updates()[0]["body"])
    assert next(offer for offer in uploaded(s3, "offers") if offer["offerId"] == 101)["descriptions"]


def tell(**message: Any) -> None:
    """Say in the queue what co-admin-back says."""
    queue = boto3.client("sqs", region_name="us-east-1")
    usual = {
        "comments": "",
        "action": "updateOrCreate",
        "project": "co-admin-back",
        "timestamp": SENT_MS,
    }
    body = json.dumps(usual | message)
    queue.send_message(QueueUrl=changes_queue_url(queue), MessageBody=body, MessageGroupId="test")


@pytest.mark.parametrize("action", ["delete", "insert", "update"])
def test_what_is_no_save_is_handed_through_with_its_own_stamp(client: Client, action: str) -> None:
    tell(type="campaign", id="5101", action=action)
    wait_until(client.updates, what="the update")
    assert client.updates() == [
        {
            "comments": "",
            "type": "campaign",
            "id": "5101",
            "action": action,
            "project": "co-admin-back",
            "timestamp": SENT_MS,
        }
    ]


def test_a_delete_that_follows_a_save_has_the_older_stamp(client: Client) -> None:
    sent_ms = time.time_ns() // 1_000_000
    tell(type="campaign", id=5101, timestamp=sent_ms)
    tell(type="campaign", id=5101, timestamp=sent_ms + 1, action="delete")
    wait_until(lambda: len(client.updates()) >= 2, what="both updates")
    save, delete = client.updates()
    assert (save["action"], delete["action"]) == ("updateOrCreate", "delete")
    assert delete["timestamp"] == sent_ms + 1 < save["timestamp"]


def test_a_message_waits_for_the_first_client(corecipe: int, state: Path, s3: "S3Client") -> None:
    tell(type="campaign", id=5101, action="delete")
    # Long enough for a look into the queue, if there was one.
    truth = Truth(state / FILE_NAME)
    truth.put("offer", (truth.get("offer", 101) or {}) | {"colour": "blue"})
    wait_until(lambda: "colour" in str(uploaded(s3, "offers")), what="the upload")
    client = Client(corecipe)
    wait_until(client.updates, what="the update")
    client.close()


def test_only_the_first_aggregated_parent_of_a_changed_offer_follows(client: Client, state: Path) -> None:
    truth = Truth(state / FILE_NAME)
    truth.put("offer", (truth.get("offer", 111) or {}) | {"offerId": 991})
    assert truth.parents(195) == [111, 991]
    tell(type="offer", id=195)
    tell(type="offer", id=101)
    wait_until(lambda: len(client.updates()) >= 3, what="the updates")
    assert [update["id"] for update in client.updates()] == [195, 111, 101]


def test_of_a_deleted_parent_there_is_only_a_shell(client: Client, state: Path) -> None:
    Truth(state / FILE_NAME).delete("offer", 111)
    tell(type="offer", id=195)
    wait_until(lambda: len(client.updates()) >= 2, what="both updates")
    assert client.updates()[1]["id"] == 111
    assert json.loads(client.updates()[1]["body"]) == {"payin": None, "payout": None}


def test_a_saved_campaign_that_is_gone_has_an_empty_body_and_an_offer_is_passed_over(client: Client) -> None:
    tell(type="offer", id=77777)
    tell(type="campaign", id=77777)
    wait_until(client.updates, what="the update")
    assert [(update["type"], update["body"]) for update in client.updates()] == [("campaign", "[]")]


def test_a_change_is_in_the_next_file(corecipe: int, state: Path, s3: "S3Client") -> None:
    truth = Truth(state / FILE_NAME)
    truth.put("offer", (truth.get("offer", 101) or {}) | {"colour": "blue"})
    wait_until(
        lambda: any(offer.get("colour") == "blue" for offer in uploaded(s3, "offers")), what="the upload"
    )


def test_another_amount_or_flag_changes_neither_the_number_nor_the_file(state: Path, s3: "S3Client") -> None:
    truth = Truth(state / FILE_NAME)
    corecipe = CoRecipe(truth, upload_seconds=1, broken_every=0)
    corecipe.upload()
    number = corecipe.numbers["offer"]
    record = truth.get("offer", 102) or {}
    truth.put("offer", record | {"payin": 99, "payout": 0.5, "isCpmOptionEnabled": 1})
    corecipe.upload()
    assert (corecipe.numbers["offer"], uploaded(s3, "offers")[2]["payin"]) == (number, record["payin"])
    truth.put("offer", record | {"payin": 99, "name": "A longer name than before"})
    corecipe.upload()
    assert corecipe.numbers["offer"] > number
    assert 99 in [offer["payin"] for offer in uploaded(s3, "offers")]


@pytest.mark.parametrize("junk", ["", "junk", "[]", '{"type": "affiliate", "id": 1}', '{"type": "offer"}'])
def test_junk_in_the_queue_is_passed_over(client: Client, junk: str) -> None:
    queue = boto3.client("sqs", region_name="us-east-1")
    body = junk or " "
    queue.send_message(QueueUrl=changes_queue_url(queue), MessageBody=body, MessageGroupId="junk")
    tell(type="offer", id=101)
    wait_until(client.updates, what="the update after the junk")


def test_a_change_reaches_the_redis_of_an_instance(
    corecipe: int, state: Path, redis_client: redis.Redis
) -> None:
    store = RecipeStore(redis_client)
    with running("manage.py", "recipe_listen", SOCKET_HOST=f"http://{LOCALHOST}:{corecipe}"):
        wait_until(lambda: store.meta(RecipeKind.CAMPAIGNS).announced_size, what="the first load")
        change(state, "campaign", "5101", "--status", "blocked")
        wait_until(lambda: b'"blocked"' in (store.get(RecipeKind.CAMPAIGNS, 5101) or b""), what="the change")
        change(state, "offer", "990", "--create", "--name", "Brand new")
        wait_until(lambda: store.get(RecipeKind.OFFERS, 990), what="the new record")
    for kind in RecipeKind:
        local_path(kind).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("offer", "77777", "--payout", "1"), "--create makes one"),
        (("offer", "101", "--create"), "there is offer 101 already"),
        (("offer", "101"), "nothing to change"),
        (("offer", "101", "--set", "nonsense"), "FIELD=VALUE"),
        (("offer", "101", "--set", "offerId=5"), "cannot be changed"),
    ],
)
def test_a_change_that_cannot_be_made_says_why(state: Path, arguments: tuple[str, ...], words: str) -> None:
    answer = change(state, *arguments)
    assert (answer.returncode, words in answer.stderr) == (1, True)


def test_without_a_running_devstack_it_says_how_to_start_one(tmp_path: Path) -> None:
    assert "`make dev`" in change(tmp_path, "offer", "101", "--payout", "1").stderr
    with pytest.raises(NoTruth):
        Truth(tmp_path / FILE_NAME)


def test_the_truth_survives_a_restart_and_is_new_for_new_pages(state: Path) -> None:
    Truth(state / FILE_NAME).delete("offer", 101)
    assert Truth.seeded(state / FILE_NAME, PAGES).get("offer", 101) is None
    assert Truth.seeded(state / FILE_NAME, "http://localhost:6002").get("offer", 101)
