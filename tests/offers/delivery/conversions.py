"""Conversion messages of tests: how they get into the log, and what a queue or the log has of them."""

import json
import time
from typing import TYPE_CHECKING, Any

import redis
from pytest_django import Settings

from offers.click_log.stream import DEAD_CONVERSIONS, ClickLog
from offers.delivery.sqs import ConversionQueue, Sent, send_due
from offers.spool.types import PendingClick

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

QUEUE = "conversions-of-tests.fifo"


def message(lid: str, **more: object) -> str:
    return json.dumps({"id": 1, "action": "update", "body": json.dumps({"lid": lid}), **more})


def add(log: ClickLog, *lids: str, due_in_ms: int = -1, **more: object) -> None:
    due_ms = int(time.time() * 1000) + due_in_ms
    for lid in lids:
        record = f'{{"lid":"{lid}"}}'.encode()
        log.append([PendingClick(record, conversion=f"{due_ms} {message(lid, **more)}")])


def received(sqs: "SQSClient", settings: Settings) -> "list[MessageTypeDef]":
    """All messages in the queue, in order."""
    found: list[MessageTypeDef] = []
    while batch := sqs.receive_message(
        QueueUrl=settings.AWS_SQS_QUEUE_URL, MaxNumberOfMessages=10, AttributeNames=["All"]
    ).get("Messages"):
        found += batch
        for one in batch:
            sqs.delete_message(QueueUrl=settings.AWS_SQS_QUEUE_URL, ReceiptHandle=one["ReceiptHandle"])
    return found


def dead(redis_client: redis.Redis) -> dict[bytes, bytes]:
    """The one message that was set aside."""
    found: Any = redis_client.xrange(DEAD_CONVERSIONS)
    ((_, kept),) = found
    return dict(kept)


def send(log: ClickLog) -> Sent:
    return send_due(log, ConversionQueue(), 5)
