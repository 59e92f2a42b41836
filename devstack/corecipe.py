"""A stand-in for co-recipe, on real sockets: it answers checks, sends updates, and uploads recipe files.

It is no kinder than the real one, whose habits are in docs/protocol.md. Run by `make dev`, or by hand:
`python -m devstack.corecipe --help`.
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
from devstack.recalculation import BROKEN_EVERY, Recalculation, size_estimate
from devstack.services import LOCALHOST
from devstack.truth import KINDS, Kind, Truth

CHECK_EVENTS: dict[Kind, str] = {"offer": "fileSizeOffersCheck", "campaign": "fileSizeCampaignsCheck"}
S3_KEYS: dict[Kind, str] = {"offer": "S3_OFFERS_RECIPE_PATH", "campaign": "S3_CAMPAIGNS_RECIPE_PATH"}
CHANGES_QUEUE = "co-recipe-changes.fifo"
# The real one waits 30 s before the first poll, from the first client's connection on, and between polls.
POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0
PROJECT_NAME = "co-recipe"

logger = logging.getLogger("co-recipe")


def changes_queue_url(sqs: Any) -> str:
    """Return the queue in which co-admin-back announces changes; create it if it is missing."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return str(sqs.create_queue(QueueName=CHANGES_QUEUE, Attributes=attributes)["QueueUrl"])


class CoRecipe:
    """Serves one truth. `numbers` are its announcements: the estimated size of its last upload, by kind.

    A change that leaves the estimate as it was, such as another amount, is neither uploaded nor announced.
    """

    def __init__(
        self,
        truth: Truth,
        upload_seconds: float,
        poll_seconds: float = POLL_SECONDS,
        broken_every: int = BROKEN_EVERY,
    ) -> None:
        self._recalculation = Recalculation(truth, broken_every)
        self._upload_seconds = upload_seconds
        self._poll_seconds = poll_seconds
        self.numbers: dict[Kind, int] = {}
        self._first_client = asyncio.Event()
        self._sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
        self._sio.on("connect", self._on_connect)
        for kind, event in CHECK_EVENTS.items():
            self._sio.on(event, self._check_handler(kind))
        self.application = socketio.ASGIApp(self._sio)

    async def work(self) -> None:
        """Upload and poll until cancelled."""
        await asyncio.gather(self._upload_again_and_again(), self._poll_again_and_again())

    async def _on_connect(self, *_: Any) -> None:
        self._first_client.set()

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
                # Any error of S3: a stand-in that ended here would end all of `make dev`.
                logger.exception("the upload failed, it is tried again in %g s", self._upload_seconds)
            await asyncio.sleep(self._upload_seconds)

    def upload(self) -> None:
        """Upload the kinds whose estimated size differs from that of the last upload."""
        s3 = boto3.client("s3", region_name=os.environ["AWS_REGION"])
        for kind in KINDS:
            records = self._recalculation.file(kind)
            number = size_estimate(records)
            if number == self.numbers.get(kind):
                continue
            body = recipe_file(records)
            s3.put_object(Bucket=os.environ["S3_BUCKET_NAME"], Key=os.environ[S3_KEYS[kind]], Body=body)
            self.numbers[kind] = number
            logger.info("uploaded the %ss, their number is %d", kind, number)

    async def _poll_again_and_again(self) -> None:
        """Poll the queue at intervals from the first client on, and send what it holds to all clients."""
        await self._first_client.wait()
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                messages = await asyncio.to_thread(self._receive)
            except Exception:
                logger.exception("the queue cannot be read")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for body in messages:
                await self._broadcast(body)

    def _receive(self) -> list[str]:
        """Take the waiting messages out of the queue. Returns their bodies."""
        sqs = boto3.client("sqs", region_name=os.environ["AWS_REGION"])
        queue = changes_queue_url(sqs)
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
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
        except (ValueError, TypeError, KeyError) as error:
            logger.warning("a message in the queue makes no sense: %r (%s)", body[:200], error)
            return
        if change.get("action") != "updateOrCreate":
            # Passed on as it came, with the time stamp of its sender.
            await self._emit(change)
            return
        record = self._recalculation.update(kind, record_id)
        if record is None:
            logger.info("%s %d is gone, its update is passed over", kind, record_id)
            return
        await self._emit(change | _saved(kind, record_id, record))
        parent = self._recalculation.parent(record_id) if kind == "offer" else None
        if parent is not None:
            comments = f"candidate {record_id} changed"
            await self._emit(change | _saved("offer", *parent) | {"comments": comments})

    async def _emit(self, message: dict[str, Any]) -> None:
        await self._sio.emit("updRecipe", message)
        logger.info("sent %s %s %s", message["action"], message["type"], message["id"])


def _saved(kind: Kind, record_id: int, body: dict[str, Any] | list[Any]) -> dict[str, Any]:
    """Return the members that co-recipe adds to a save, stamped with the time of processing."""
    return {
        "type": kind,
        "id": record_id,
        "timestamp": time.time_ns() // 1_000_000,
        "project": PROJECT_NAME,
        "body": json.dumps(body),
    }


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
    parser.add_argument(
        "--poll-seconds",
        type=float,
        default=POLL_SECONDS,
        help="pause before each look into the queue, from the first client on (the real one: 30)",
    )
    parser.add_argument(
        "--broken-every",
        type=int,
        default=BROKEN_EVERY,
        help="every so many files and updates one record is written as [], after an error; 0: none",
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    for noisy in ("botocore", "uvicorn", "engineio", "socketio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    truth, seconds = Truth(options.truth), options.upload_seconds
    corecipe = CoRecipe(truth, seconds, options.poll_seconds, options.broken_every)
    asyncio.run(serve(corecipe, options.port))


if __name__ == "__main__":
    main()
