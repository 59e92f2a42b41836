"""A queue for conversion messages."""

from typing import TYPE_CHECKING

import boto3
import pytest
from pytest_django import Settings

from tests.offers.delivery.conversions import QUEUE

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs(aws_endpoint: str, settings: Settings) -> "SQSClient":
    """An SQS client; the queue of the settings exists and is empty."""
    client: SQSClient = boto3.client("sqs", region_name=settings.AWS_REGION)
    url = client.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"]
    client.delete_queue(QueueUrl=url)
    settings.AWS_SQS_QUEUE_URL = client.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})[
        "QueueUrl"
    ]
    return client
