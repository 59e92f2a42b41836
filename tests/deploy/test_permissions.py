"""The IAM policy allows what an instance asks AWS for, and nothing else."""

import gzip
import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from redis import Redis

from offers.click_log.stream import CONVERSIONS
from tests.deploy.aws_recorder import ACCOUNT, AwsCall, needed, recorded
from tests.deploy.conftest import TABLE
from tests.deploy.instance import CLICK, running_instance
from tests.processes import PROJECT, wait_until
from tests.recipe import offer_blob

POLICY = PROJECT / "deploy" / "terraform" / "iam-policy.json"
BUCKET, QUEUE = "recipe-with-conversions", "conversions-of-the-instance.fifo"
NAMES = {
    "account": ACCOUNT,
    "bucket": BUCKET,
    "queue": QUEUE,
    "region": "us-east-1",
    "table": TABLE,
    "table_region": "us-west-2",
}
LOOK_UP = "from offers.delivery.lookup import reading_table; print(reading_table().read({lid!r})['lid'])"


def allowed() -> set[AwsCall]:
    """What the policy allows: each action on each resource. It has no wildcards and no conditions."""
    policy = json.loads(string.Template(POLICY.read_text()).substitute(NAMES))
    found = set()
    for statement in policy["Statement"]:
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        for action in _listed(statement["Action"]):
            found |= {AwsCall(action, resource) for resource in _listed(statement["Resource"])}
    return found


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.fixture
def bucket(aws_endpoint: str) -> str:
    """A recipe whose one offer pays for clicks, so that each is a conversion."""
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=aws_endpoint)
    s3.create_bucket(Bucket=BUCKET)
    offer = offer_blob(1, conversionType="cpm")
    campaign = b'{"campaignId": 1, "affiliateId": 1, "campaignStatus": "active"}'
    for key, record in (("offersRecipe", offer), ("campaignsRecipe", campaign)):
        s3.put_object(Bucket=BUCKET, Key=f"{key}.json.gz", Body=gzip.compress(b"[" + record + b"]"))
    return BUCKET


@pytest.fixture
def queue_url(aws_endpoint: str) -> str:
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=aws_endpoint)
    return str(sqs.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"])


@pytest.fixture
def calls(
    variables: dict[str, str], aws_endpoint: str, bucket: str, queue_url: str, table: Any, tmp_path: Path
) -> Iterator[set[AwsCall]]:
    """What an instance asks for from its start on: recipe, click, delivery, conversion, a click looked up."""
    with recorded(aws_endpoint) as (url, calls):
        places = {"AWS_ENDPOINT_URL": url, "AWS_DYNAMODB_ENDPOINT": url, "AWS_SQS_QUEUE_URL": queue_url}
        places["S3_BUCKET_NAME"] = bucket
        with running_instance(tmp_path, variables | places) as instance:
            instance.wait_until_ready()
            lid = instance.click(CLICK)
            wait_until(lambda: "Item" in table.get_item(Key={"lid": lid}), what="delivery")
            with Redis.from_url(f"redis://127.0.0.1:{instance.redis_port}/0") as redis:
                # Due in half a minute, which nobody needs to wait for.
                wait_until(lambda: bool(redis.zcard(CONVERSIONS)), what="a conversion message")
                redis.zadd(CONVERSIONS, dict.fromkeys(redis.zrange(CONVERSIONS, 0, -1), 0), xx=True)
            wait_until(lambda: any(call.action.startswith("sqs:") for call in calls), what="a message sent")
            assert lid in instance.run("python", "manage.py", "shell", "-c", LOOK_UP.format(lid=lid)).stdout
            assert instance.run("python", "manage.py", "recipe_sync", "--dry-run").returncode in (0, 3)
            assert instance.run("python", "manage.py", "check", "--deploy").returncode == 0
        yield calls


def test_the_policy_allows_exactly_what_an_instance_asks_for(calls: set[AwsCall]) -> None:
    assert calls == allowed()


def test_other_requests_would_be_noticed() -> None:
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=K/20260101/us-west-2/dynamodb/aws4_request"}
    scan = needed("POST", "/", signed | {"x-amz-target": "DynamoDB_20120810.Scan"}, b'{"TableName": "t"}')
    assert scan == {AwsCall("dynamodb:Scan", f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/t")}
    assert needed("PUT", "/b/k?x-id=PutObject", {}, b"") == {AwsCall("s3:PutObject", "arn:aws:s3:::b/k")}
    assert needed("DELETE", "/b/k", {}, b"") == {AwsCall("s3:DELETE", "arn:aws:s3:::b/k")}
