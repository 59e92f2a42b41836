"""A stand-in for co-recipe, on real sockets: it answers checks, sends updates, and uploads recipe files.

Run by `make dev`, or by hand: `python -m devstack.corecipe --help`.
"""

import argparse
import asyncio
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import boto3
import socketio
import uvicorn

from devstack.demo import recipe_file
from devstack.services import LOCALHOST
from devstack.truth import KINDS, Kind, Truth

CHECK_EVENTS: dict[Kind, str] = {"offer": "fileSizeOffersCheck", "campaign": "fileSizeCampaignsCheck"}
S3_KEYS: dict[Kind, str] = {"offer": "S3_OFFERS_RECIPE_PATH", "campaign": "S3_CAMPAIGNS_RECIPE_PATH"}
CHANGES_QUEUE = "co-recipe-changes.fifo"
POLL_SECONDS = 1
PROJECT_NAME = "co-recipe"

logger = logging.getLogger("co-recipe")


def changes_queue_url(sqs: Any) -> str:
    """The queue that co-admin-back tells of its changes through; it is made when it is missing."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return str(sqs.create_queue(QueueName=CHANGES_QUEUE, Attributes=attributes)["QueueUrl"])


class CoRecipe:
    """Serves one truth. `numbers` are what it announces: the length of the JSON it last uploaded, by kind."""

    def __init__(self, truth: Truth, upload_seconds: float) -> None:
        self._truth = truth
        self._upload_seconds = upload_seconds
        self.numbers: dict[Kind, int] = {}
        self._uploaded: dict[Kind, bytes] = {}
        self._sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
        for kind, event in CHECK_EVENTS.items():
            self._sio.on(event, self._check_handler(kind))
        self.application = socketio.ASGIApp(self._sio)

    async def work(self) -> None:
        """Upload and poll until cancelled."""
        await asyncio.gather(self._upload_again_and_again(), self._poll_again_and_again())

    def _check_handler(self, kind: Kind) -> Any:
        async def on_check(sid: str, theirs: Any = None) -> None:
            ours = self.numbers.get(kind, 0)
            if ours and ours != theirs:
                await self._sio.emit(CHECK_EVENTS[kind], ours, to=sid)

        return on_check

    async def _upload_again_and_again(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.upload)
            except Exception:
                # Whatever S3 has, a stand-in that ended here would end all of `make dev`.
                logger.exception("the upload failed, it is tried again in %g s", self._upload_seconds)
            await asyncio.sleep(self._upload_seconds)

    def upload(self) -> None:
        """Upload the kinds that changed since they were last uploaded."""
        s3 = boto3.client("s3", region_name=os.environ["AWS_REGION"])
        for kind in KINDS:
            records = self._truth.all(kind)
            number = len(json.dumps(records))
            body = recipe_file(records)
            if body == self._uploaded.get(kind):
                continue
            s3.put_object(Bucket=os.environ["S3_BUCKET_NAME"], Key=os.environ[S3_KEYS[kind]], Body=body)
            self._uploaded[kind], self.numbers[kind] = body, number
            logger.info("uploaded the %ss, their number is %d", kind, number)

    async def _poll_again_and_again(self) -> None:
        while True:
            try:
                messages = await asyncio.to_thread(self._receive)
            except Exception:
                logger.exception("the queue cannot be read")
                await asyncio.sleep(POLL_SECONDS)
                continue
            for body in messages:
                await self._broadcast(body)

    def _receive(self) -> list[str]:
        """The bodies of waiting messages, deleted from the queue."""
        sqs = boto3.client("sqs", region_name=os.environ["AWS_REGION"])
        queue = changes_queue_url(sqs)
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=POLL_SECONDS)
        messages = answer.get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    async def _broadcast(self, body: str) -> None:
        try:
            change = json.loads(body)
            kind, record_id = change["type"], int(change["id"])
            if kind not in KINDS:
                raise ValueError(f"unknown type {kind!r}")
        except (ValueError, TypeError, KeyError) as problem:
            logger.warning("a message in the queue makes no sense: %r (%s)", body[:200], problem)
            return
        await self._send(kind, record_id, change)
        for parent in self._truth.parents(record_id) if kind == "offer" else []:
            await self._send("offer", parent, change | {"comments": f"candidate {record_id} changed"})

    async def _send(self, kind: Kind, record_id: int, change: dict[str, Any]) -> None:
        """Tell everyone what the record is now."""
        record = self._truth.get(kind, record_id)
        message = {
            "comments": change.get("comments", ""),
            "type": kind,
            "id": record_id,
            "action": "delete" if record is None else "updateOrCreate",
            "timestamp": time.time_ns() // 1_000_000,
            "project": PROJECT_NAME,
            "body": "" if record is None else json.dumps(record),
        }
        await self._sio.emit("updRecipe", message)
        logger.info("sent %s %s %d", message["action"], kind, record_id)


async def serve(corecipe: CoRecipe, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        corecipe.application,
        host=LOCALHOST,
        port=port,
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    work = asyncio.create_task(corecipe.work())
    await uvicorn.Server(config).serve()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def main() -> None:
    """Run one stand-in."""
    parser = argparse.ArgumentParser(prog="python -m devstack.corecipe", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of localhost to listen on")
    parser.add_argument("--truth", type=Path, required=True, help="the SQLite file with the records")
    parser.add_argument(
        "--upload-seconds", type=float, default=30, help="pause between two looks for changes to upload"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    for noisy in ("botocore", "uvicorn", "engineio", "socketio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    asyncio.run(serve(CoRecipe(Truth(options.truth), options.upload_seconds), options.port))


if __name__ == "__main__":
    main()
