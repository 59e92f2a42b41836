"""Fixtures for whole instances: the AWS that they need, and their environment."""

import gzip
import os
from typing import Any

import boto3
import pytest

from tests.environment import ENCRYPTION_KEY
from tests.recipe import offer_blob

TABLE, BUCKET = "clicks-of-the-instance", "recipe-of-the-instance"


@pytest.fixture(scope="session")
def table(aws_endpoint: str) -> Any:
    """The DynamoDB table that clicks end in, and beside it the recipe that instances load."""
    table = boto3.resource("dynamodb", region_name="us-west-2", endpoint_url=aws_endpoint).create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "lid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=aws_endpoint)
    s3.create_bucket(Bucket=BUCKET)
    campaign = b'{"campaignId": 1, "affiliateId": 1, "campaignStatus": "active"}'
    for key, record in (("offersRecipe", offer_blob(1)), ("campaignsRecipe", campaign)):
        s3.put_object(Bucket=BUCKET, Key=f"{key}.json.gz", Body=gzip.compress(b"[" + record + b"]"))
    return table


@pytest.fixture(scope="session")
def variables(table: Any, aws_endpoint: str, geoip_databases: None) -> dict[str, str]:
    """The environment of an instance, as production has it."""
    return {
        "ENV": "production",
        "SECRET_KEY": "'of this test, with blanks and = and \" in it, fifty characters'",
        "ENCRYPTION_KEY": ENCRYPTION_KEY,
        # Nobody is there; the recipe comes from S3.
        "SOCKET_HOST": "http://127.0.0.1:9",
        "CLICK_COMMIT_TIMEOUT_MS": "5000",
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_DYNAMODB_ENDPOINT": aws_endpoint,
        "AWS_DYNAMODB_TABLE_NAME": TABLE,
        "S3_BUCKET_NAME": BUCKET,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "MAXMIND_PATH": os.environ["MAXMIND_PATH"],
        "MAXMIND_PATH_ISP": os.environ["MAXMIND_PATH_ISP"],
    }
