"""Fills the empty servers with what the site expects to find, and proves that a click is answered."""

import contextlib
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

import boto3
import httpx
from botocore.exceptions import ClientError

from devstack.corecipe import S3_KEYS
from devstack.demo import DEMO_NETWORKS, recipe_file
from devstack.demo.links import plain_link
from devstack.environment import PROJECT, QUEUE_NAME, Environment
from devstack.geoip import write_databases
from devstack.recalculation import all_recalculated
from devstack.services import wait_for_port
from devstack.truth import FILE_NAME as TRUTH_FILE
from devstack.truth import KINDS, Truth

MANAGE_STEPS = (["check"], ["migrate", "--verbosity", "0"], ["recipe_sync"])
# Exit code of `recipe_sync` on a second start, when Redis still has the demo recipe.
RECIPE_UNCHANGED = 3
FIRST_CLICK_SECONDS = 60.0


class SetupError(Exception):
    """A step of the set-up failed; the message says which."""


def set_up(environment: Environment) -> None:
    """Bring servers, demo data and database to where the site can start, then say so in `environment.ready`.

    Raises SetupError, or TimeoutError when a server does not come up.
    """
    os.environ.clear()
    os.environ.update(environment.variables)
    for name, default_port in (("REDIS_URL", 6379), ("AWS_ENDPOINT_URL", 443)):
        url = urlsplit(environment.variables[name])
        wait_for_port(url.port or default_port, url.hostname or "localhost")
    write_demo_databases(environment)
    create_stores(environment)
    upload_recipe(environment)
    for step in MANAGE_STEPS:
        code = subprocess.run([sys.executable, "manage.py", *step], cwd=PROJECT, check=False).returncode
        if code not in (0, RECIPE_UNCHANGED):
            raise SetupError(f"`manage.py {' '.join(step)}` failed")
    environment.ready.touch()


def write_demo_databases(environment: Environment) -> None:
    """Write the demo GeoIP databases, unless the developer has real ones."""
    city = environment.state / "geoip" / "City.mmdb"
    if environment.variables["MAXMIND_PATH"] == str(city):
        write_databases(DEMO_NETWORKS, city, city.with_name("ISP.mmdb"))


def create_stores(environment: Environment) -> None:
    """Create the bucket, the queue and the table where they are missing."""
    variables = environment.variables
    s3 = boto3.client("s3", region_name=variables["AWS_REGION"])
    try:
        s3.head_bucket(Bucket=variables["S3_BUCKET_NAME"])
    except ClientError:
        # Asked in this region because a bucket of any other has to name it.
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=variables["S3_BUCKET_NAME"])
    sqs = boto3.client("sqs", region_name=variables["AWS_REGION"])
    sqs.create_queue(QueueName=QUEUE_NAME, Attributes={"FifoQueue": "true"})
    dynamodb = boto3.client("dynamodb", region_name=variables["AWS_DYNAMODB_REGION"])
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=variables["AWS_DYNAMODB_TABLE_NAME"],
            KeySchema=[{"AttributeName": "lid", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "lid", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


def upload_recipe(environment: Environment) -> None:
    """Upload the recipe of the present records; into a foreign bucket only if it has none."""
    variables = environment.variables
    s3 = boto3.client("s3", region_name=variables["AWS_REGION"])
    bucket = variables["S3_BUCKET_NAME"]
    truth = Truth.seeded(environment.state / TRUTH_FILE, environment.pages_url)
    for kind in KINDS:
        key = variables[S3_KEYS[kind]]
        found = s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"]
        if environment.aws_port or not found:
            s3.put_object(Bucket=bucket, Key=key, Body=recipe_file(all_recalculated(truth, kind)))


def wait_for_first_click(environment: Environment) -> str | None:
    """Click the plain link until it redirects; return None then, or after a minute what came instead."""
    deadline = time.monotonic() + FIRST_CLICK_SECONDS
    answer = "nothing"
    while time.monotonic() < deadline:
        try:
            response = httpx.get(plain_link(environment), follow_redirects=False)
            if response.status_code == httpx.codes.FOUND:
                return None
            answer = f"status {response.status_code}"
        except httpx.TransportError as error:
            answer = str(error)
        time.sleep(0.2)
    return answer
