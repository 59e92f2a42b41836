"""The conversion queue, SQS FIFO: tells the network of clicks that are conversions already."""

import time
from collections.abc import Iterator, Sequence
from hashlib import md5
from typing import TYPE_CHECKING, NamedTuple

import boto3
import msgspec
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from redis.exceptions import RedisError

from offers.click_log.conversions import lid_of
from offers.click_log.stream import ClickLog

BATCH_MESSAGES = 10
# The limit of SQS for one request, over all of its messages.
BATCH_BYTES = 256 * 1024
READ_MESSAGES = 500
# SQS refuses a whole batch with these errors, whichever of its messages is the cause.
BAD_MESSAGE = ("BatchRequestTooLong", "InvalidMessageContents")
GROUP_ID = "co-traffic-group"
HINT = "check AWS_SQS_QUEUE_URL, AWS_REGION and the permission sqs:SendMessage"
MAX_SHOWN = 300
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef, SendMessageBatchResultTypeDef

logger = structlog.stdlib.get_logger(__name__)


class QueueAway(Exception):
    """SQS does not take messages now; the message says why, and what to check."""


class Sent(NamedTuple):
    """Conversion messages that were sent, and that became dead letters because SQS will never take them."""

    sent: int = 0
    dead_letters: int = 0


class _Message(NamedTuple):
    text: bytes
    lid: str


class _Answer(NamedTuple):
    """Messages that SQS took, and messages that it never will, with its error."""

    taken: list[bytes]
    refused: list[tuple[bytes, str]]


class ConversionQueue:
    """The queue that the settings name."""

    def __init__(self) -> None:
        """Raise `QueueAway` if no client can be made from the settings."""
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 1, "mode": "standard"},
        )
        self._url = settings.AWS_SQS_QUEUE_URL
        try:
            self._client: SQSClient = boto3.client("sqs", region_name=settings.AWS_REGION, config=config)
        except (BotoCoreError, ValueError) as error:
            raise QueueAway(f"{error}; check AWS_REGION and AWS's own variables") from error

    def send(self, messages: Sequence[_Message]) -> _Answer:
        """Send one batch; messages in neither part of the answer may be sent later. Raises `QueueAway`."""
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {
                "Id": str(at),
                "MessageBody": message.text.decode(),
                "MessageGroupId": GROUP_ID,
                # SQS drops a message that it has received before within five minutes.
                "MessageDeduplicationId": message.lid,
            }
            for at, message in enumerate(messages)
        ]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except ClientError as error:
            if any(code in str(error.response.get("Error", {}).get("Code")) for code in BAD_MESSAGE):
                return self._send_singly(messages, str(error))
            raise _away(error) from error
        except Exception as error:
            # An answer of something else makes botocore's parser fail with undocumented errors.
            raise _away(error) from error
        return _read_answer(answer, messages)

    def _send_singly(self, messages: Sequence[_Message], error: str) -> _Answer:
        """Send a batch with a bad message one by one: the good ones pass, and the bad one is identified."""
        if len(messages) == 1:
            return _Answer([], [(messages[0].text, error)])
        answers = [self.send([message]) for message in messages]
        return _Answer(
            [text for answer in answers for text in answer.taken],
            [bad for answer in answers for bad in answer.refused],
        )


def _read_answer(answer: "SendMessageBatchResultTypeDef", messages: Sequence[_Message]) -> _Answer:
    """Read the answer to a batch. Raises `QueueAway` unless it is SQS's, and about these messages.

    A message counts as sent only with its checksum: a proxy may answer with status 200, too.
    """
    taken: list[bytes] = []
    refused: list[tuple[bytes, str]] = []
    waiting = {str(at): message for at, message in enumerate(messages)}
    try:
        for entry in answer.get("Successful") or ():
            message = waiting.pop(entry["Id"])
            if entry["MD5OfMessageBody"] != md5(message.text, usedforsecurity=False).hexdigest():
                raise ValueError("a message has another checksum")
            taken.append(message.text)
        for failed in answer.get("Failed") or ():
            message = waiting.pop(failed["Id"])
            if failed["SenderFault"] is True:
                refused.append((message.text, f"{failed['Code']}: {failed.get('Message')}"))
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        error = f"what answers is not SQS, or tells of other messages ({type(problem).__name__}: {problem})"
        raise QueueAway(f"{error}; {HINT}") from problem
    return _Answer(taken, refused)


def _away(problem: Exception) -> QueueAway:
    return QueueAway(f"{str(problem)[:MAX_SHOWN] or type(problem).__name__}; {HINT}")


def send_due(log: ClickLog, queue: ConversionQueue, seconds: float) -> Sent:
    """Send the conversion messages that are due now. Runs at most `seconds` plus one request time-out.

    Raises nothing if SQS or Redis is away: unsent messages stay for the next run.
    """
    deadline = time.monotonic() + seconds
    # What gets due meanwhile waits for the next run: else steady conversions would go one or two a request.
    now_ms = int(time.time() * 1000)
    sent = 0
    refused: list[tuple[bytes, str]] = []
    try:
        while found := log.due_conversions(now_ms, READ_MESSAGES):
            messages, broken = _readable(found)
            _dead_letter(log, broken)
            refused += broken
            messages = _not_sent_yet(log, messages)
            for batch in _batches(messages):
                if time.monotonic() >= deadline:
                    break
                answer = queue.send(batch)
                if answer.taken:
                    lids = {message.text: message.lid for message in batch}
                    log.forget_sent_conversions({text: lids[text] for text in answer.taken})
                _dead_letter(log, answer.refused)
                sent += len(answer.taken)
                refused += answer.refused
                if left := len(batch) - len(answer.taken) - len(answer.refused):
                    raise QueueAway(f"SQS left {left} of {len(batch)} for later")
            if time.monotonic() >= deadline:
                break
    except QueueAway as error:
        logger.warning("conversion messages wait", problem=str(error))
    except RedisError as error:
        logger.warning("conversion messages wait, Redis is away", problem=f"{error}; check REDIS_URL")
    if refused:
        logger.error("conversion messages will never be sent", count=len(refused), problem=refused[0][1])
    return Sent(sent, len(refused))


def _not_sent_yet(log: ClickLog, messages: Sequence[_Message]) -> list[_Message]:
    """Delete messages that were sent before and came back with the spool's replay. Returns the others."""
    sent = log.sent_conversions([message.lid for message in messages])
    if again := {message.text: message.lid for message in messages if message.lid in sent}:
        log.forget_sent_conversions(again)
    return [message for message in messages if message.lid not in sent]


def _dead_letter(log: ClickLog, refused: Sequence[tuple[bytes, str]]) -> None:
    if refused:
        log.dead_letter_conversions(refused)


def _readable(found: Sequence[bytes]) -> tuple[list[_Message], list[tuple[bytes, str]]]:
    """Return the messages with their lids, and those without one, with the error."""
    messages: list[_Message] = []
    broken: list[tuple[bytes, str]] = []
    for text in found:
        try:
            lid = lid_of(text)
            if not isinstance(lid, str) or not lid:
                raise ValueError("it has no lid")
            messages.append(_Message(text, lid))
        except (msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
            broken.append((text, f"not a conversion message: {error}"))
    return messages, broken


def _batches(messages: Sequence[_Message]) -> Iterator[list[_Message]]:
    """Yield batches within SQS's limits; a message that is too large goes alone, and is refused."""
    batch: list[_Message] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == BATCH_MESSAGES or size + len(message.text) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.text)
    if batch:
        yield batch
