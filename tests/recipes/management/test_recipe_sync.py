"""`manage.py recipe_sync` as an operator runs it: output and exit codes of the real command."""

import gzip
import json
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest
import redis

from devstack.services import free_port
from tests.processes import command

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RECIPES = {
    "offersRecipe.json.gz": [{"offerId": 1, "status": "public", "type": "regular"}, {"offerId": 2}],
    "campaignsRecipe.json.gz": [{"campaignId": 1}],
}


@pytest.fixture
def recipe_in_s3(s3: "S3Client", redis_client: redis.Redis) -> None:
    for key, records in RECIPES.items():
        s3.put_object(Bucket="co-recipe-staging", Key=key, Body=gzip.compress(json.dumps(records).encode()))


def recipe_sync(*arguments: str, **environment: str) -> CompletedProcess[str]:
    return command("manage.py", "recipe_sync", *arguments, **environment)


@pytest.mark.usefixtures("recipe_in_s3")
def test_done_then_nothing_to_do() -> None:
    first, second = recipe_sync(), recipe_sync()
    assert (first.returncode, second.returncode) == (0, 3)
    assert "offers: 1 records rejected: no usable status" in first.stdout
    assert [line.split()[:2] for line in second.stdout.splitlines()[1:3]] == [
        ["offers", "unchanged"],
        ["campaigns", "unchanged"],
    ]


@pytest.mark.usefixtures("recipe_in_s3")
def test_json_is_one_object_and_nothing_else() -> None:
    answer = json.loads(recipe_sync("offers", "--json").stdout)
    assert (answer["exit_code"], list(answer["kinds"])) == (0, ["offers"])
    assert answer["kinds"]["offers"]["count"] == 1


@pytest.mark.usefixtures("recipe_in_s3")
def test_a_rejected_kind_does_not_stop_the_other(s3: "S3Client") -> None:
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=b"hello")
    answer = recipe_sync("--json")
    outcomes = {kind: result["outcome"] for kind, result in json.loads(answer.stdout)["kinds"].items()}
    assert (answer.returncode, outcomes) == (4, {"offers": "rejected", "campaigns": "done"})


@pytest.mark.usefixtures("recipe_in_s3")
def test_a_dry_run_leaves_everything_to_do() -> None:
    assert [recipe_sync("--dry-run").returncode, recipe_sync().returncode] == [0, 0]


@pytest.mark.usefixtures("redis_client")
def test_an_unreachable_s3_has_its_own_code() -> None:
    answer = recipe_sync("offers", AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")
    assert (answer.returncode, "AWS_ENDPOINT_URL" in answer.stderr) == (5, True)


@pytest.mark.usefixtures("recipe_in_s3")
def test_a_dead_redis_has_its_own_code() -> None:
    answer = recipe_sync(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert (answer.returncode, "REDIS_URL" in answer.stderr) == (6, True)


def test_an_unknown_kind_is_a_usage_error() -> None:
    assert recipe_sync("affiliates").returncode == 2


def test_help_tells_the_exit_codes() -> None:
    answer = recipe_sync("--help")
    assert answer.returncode == 0
    assert "  4  a recipe was rejected" in answer.stdout
