"""The archive in S3: each hour that is over is one object of this instance, in the layout of the disk."""

import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from offers.archive.partitions import SUFFIX, Hour, files

CONNECT_SECONDS = 2.0
READ_SECONDS = 20.0
MARK = ".uploaded"
INSTANCE = ".instance"
MAX_SHOWN = 300

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class BucketAway(Exception):
    """S3 does not take files now; the message says why, and what to check."""


class ArchiveBucket:
    """The bucket of the settings."""

    def __init__(self, name: str) -> None:
        """Raise `BucketAway` for settings of which no client can be made."""
        self._name = name
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
        try:
            self._client: S3Client = boto3.client("s3", region_name=settings.AWS_REGION, config=config)
        except (BotoCoreError, ValueError) as error:
            raise BucketAway(f"{error}; check AWS_REGION and AWS's own variables") from error

    def upload(self, root: Path, hour: Hour) -> str:
        """Send the one file of an hour that is over, and mark it as sent. Returns its key.

        An hour that gets a file after all is sent again, under the same key. Raises `BucketAway`.
        """
        (file,), _ = files(root, hour)
        key = f"{hour.folder}/{instance_id(root)}{SUFFIX}"
        try:
            self._client.upload_file(str(file.path), self._name, key)
            # What stands between may answer with status 200 as well.
            sent = self._client.head_object(Bucket=self._name, Key=key)["ContentLength"]
        except (BotoCoreError, ClientError, S3UploadFailedError, KeyError, OSError) as error:
            hint = (
                f"check CLICK_ARCHIVE_BUCKET ({self._name}) and the permissions s3:PutObject and s3:GetObject"
            )
            raise BucketAway(f"{str(error)[:MAX_SHOWN]}; {hint}") from error
        if sent != file.path.stat().st_size:
            raise BucketAway(f"{key} has {sent} bytes in S3; what answers may not be S3")
        (root / hour.folder / MARK).write_text(file.path.name)
        return key


def not_uploaded(root: Path, over: Sequence[Hour]) -> list[Hour]:
    """Return those of the hours that are over whose file is not in S3."""
    return [hour for hour in over if _file_names(root, hour) not in ([], [_mark(root, hour)])]


def instance_id(root: Path) -> str:
    """Return the id of this archive; it is made once, and stays when a container gets another host name."""
    path = root / INSTANCE
    with suppress(FileNotFoundError):
        if known := path.read_text().strip():
            return known
    made = root / f"{INSTANCE}.new"
    with made.open("w") as file:
        file.write(uuid.uuid4().hex)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
    return path.read_text()


def _file_names(root: Path, hour: Hour) -> list[str]:
    return [file.path.name for file in files(root, hour)[0]]


def _mark(root: Path, hour: Hour) -> str:
    try:
        return (root / hour.folder / MARK).read_text()
    except FileNotFoundError:
        return ""
