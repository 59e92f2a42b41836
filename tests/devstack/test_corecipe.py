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

from devstack.corecipe import changes_queue_url
from devstack.services import LOCALHOST, free_port, wait_for_port
from devstack.truth import FILE_NAME, NoTruth, Truth
from recipes.files import local_path
from recipes.store import RecipeKind, RecipeStore
from tests.processes import command, running, wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGES = "http://localhost:5002"


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
    options = ("--port", str(port), "--truth", str(state / FILE_NAME), "--upload-seconds", "0.3")
    with running("-m", "devstack.corecipe", *options):
        wait_for_port(port)
        wait_until(lambda: uploaded(s3, "campaigns"), 10, "the upload")
        yield port


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
    wait_until(lambda: client.heard, 5, "the answer")
    event, number = client.heard[0]
    assert (event, number > 1000) == ("fileSizeOffersCheck", True)
    client.check("fileSizeOffersCheck", number)
    time.sleep(0.5)
    assert len(client.heard) == 1


def test_a_change_is_sent_to_everyone_with_the_whole_record(client: Client, state: Path) -> None:
    assert change(state, "offer", "101", "--payout", "3.5").returncode == 0
    wait_until(client.updates, 5, "the update")
    update = client.updates()[0]
    assert (update["type"], update["id"], update["action"]) == ("offer", 101, "updateOrCreate")
    assert abs(update["timestamp"] - time.time() * 1000) < 60_000
    assert json.loads(update["body"])["payout"] == "3.5"


def test_a_delete_is_sent_without_a_record(client: Client, state: Path) -> None:
    change(state, "campaign", "5101", "--delete")
    wait_until(client.updates, 5, "the update")
    assert (client.updates()[0]["action"], client.updates()[0]["body"]) == ("delete", "")


def test_the_aggregated_parents_of_a_changed_offer_follow(client: Client, state: Path) -> None:
    truth = Truth(state / FILE_NAME)
    parent = next(offer for offer in truth.all("offer") if offer.get("offersAggregatedIds"))
    candidate = parent["offersAggregatedIds"][0]["aggregatedOfferId"]
    change(state, "offer", str(candidate), "--name", "Changed")
    wait_until(lambda: len(client.updates()) >= 2, 5, "both updates")
    ids = [update["id"] for update in client.updates()]
    assert ids[0] == int(candidate)
    assert parent["offerId"] in ids[1:]


def test_a_change_is_in_the_next_file(client: Client, state: Path, s3: "S3Client") -> None:
    change(state, "offer", "101", "--set", "colour=blue")
    wait_until(
        lambda: any(offer.get("colour") == "blue" for offer in uploaded(s3, "offers")), 5, "the upload"
    )


@pytest.mark.parametrize("junk", ["", "junk", "[]", '{"type": "affiliate", "id": 1}', '{"type": "offer"}'])
def test_junk_in_the_queue_is_passed_over(client: Client, state: Path, junk: str) -> None:
    queue = boto3.client("sqs", region_name="us-east-1")
    body = junk or " "
    queue.send_message(QueueUrl=changes_queue_url(queue), MessageBody=body, MessageGroupId="junk")
    change(state, "offer", "101", "--payout", "1")
    wait_until(client.updates, 5, "the update after the junk")


def test_a_change_reaches_the_redis_of_an_instance(
    corecipe: int, state: Path, redis_client: redis.Redis
) -> None:
    store = RecipeStore(redis_client)
    with running("manage.py", "recipe_listen", SOCKET_HOST=f"http://{LOCALHOST}:{corecipe}"):
        wait_until(lambda: store.meta(RecipeKind.CAMPAIGNS).announced_size, 20, "the first load")
        change(state, "campaign", "5101", "--status", "blocked")
        wait_until(lambda: b'"blocked"' in (store.get(RecipeKind.CAMPAIGNS, 5101) or b""), 5, "the change")
        change(state, "offer", "990", "--create", "--name", "Brand new")
        wait_until(lambda: store.get(RecipeKind.OFFERS, 990), 5, "the new record")
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
