"""Downloads a recipe file from S3 to a verified file on disk, beside the last good one."""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError, NoCredentialsError
from django.conf import settings
from urllib3.exceptions import HTTPError

from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, GetObjectRequestTypeDef

CONNECT_SECONDS = 5
READ_SECONDS = 20
ATTEMPTS = 2
CHUNK_BYTES = 256 * 1024
# Temporary files older than this were left by a killed process: no download and no preview takes so long.
ABANDONED_SECONDS = 3600
# Of every answer that has a file.
DEMANDED = ("ETag", "LastModified", "ContentLength")

Progress = Callable[[int, int], object]


class CannotReachS3(Exception):
    """S3 did not return the file; the message says why, and what to do."""


class FileChanged(RecipeRejected):
    """S3 has another file than the one with the requested tag."""


class CannotKeepFile(OSError):
    """The file cannot be written to this machine's disk; the message says why, and what to check."""


class RecipeFile(msgspec.Struct, frozen=True):
    """A complete file on disk: `digest` is its MD5, `last_modified_ms` its time in S3 (since the epoch)."""

    path: Path
    size_bytes: int
    etag: str
    digest: str
    last_modified_ms: int


def local_path(kind: RecipeKind) -> Path:
    """Return the place of the last good file of a kind."""
    offers = kind is RecipeKind.OFFERS
    return Path(settings.OFFERS_RECIPE_PATH if offers else settings.CAMPAIGNS_RECIPE_PATH)


def s3_key(kind: RecipeKind) -> str:
    """Return the key of the object in S3 that holds a kind."""
    return str(
        settings.S3_OFFERS_RECIPE_PATH if kind is RecipeKind.OFFERS else settings.S3_CAMPAIGNS_RECIPE_PATH
    )


def s3_client() -> "S3Client":
    """Make a client that gives up within half a minute rather than hang."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )
    return boto3.client("s3", region_name=settings.AWS_REGION, config=config)


def etag_in_s3(kind: RecipeKind) -> str:
    """Return the tag of the file that S3 has now. Raises `CannotReachS3`."""
    bucket, key = settings.S3_BUCKET_NAME, s3_key(kind)
    try:
        answer = s3_client().head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError, ValueError) as error:
        raise CannotReachS3(_explained(error, bucket, key)) from error
    _demand(answer, ("ETag",), bucket, key)
    return answer["ETag"]


@contextmanager
def downloaded(
    kind: RecipeKind, known_etag: str | None, progress: Progress, wanted_etag: str | None = None
) -> Iterator[RecipeFile | None]:
    """Download the file in S3, verified, under a temporary name; None if it is still `known_etag`.

    The file is deleted afterwards unless `keep` has given it its lasting name. With `wanted_etag` it must be
    that very file. `progress` is called with the bytes done and the bytes in all. Raises `CannotReachS3`,
    `CannotKeepFile`, `FileChanged`, and `RecipeRejected` for a download that is not what S3 announced.
    """
    answer = _answer(kind, known_etag, wanted_etag)
    if answer is None:
        yield None
        return
    with closing(answer["Body"]):
        file = _stored(kind, answer, progress)
    try:
        yield file
    finally:
        file.path.unlink(missing_ok=True)


def _answer(
    kind: RecipeKind, known_etag: str | None, wanted_etag: str | None
) -> "GetObjectOutputTypeDef | None":
    """Ask S3 for a file; None if it is still `known_etag`. Raises `CannotReachS3` and `FileChanged`."""
    bucket, key = settings.S3_BUCKET_NAME, s3_key(kind)
    request: GetObjectRequestTypeDef = {"Bucket": bucket, "Key": key, "ChecksumMode": "ENABLED"}
    if known_etag:
        request["IfNoneMatch"] = known_etag
    if wanted_etag:
        request["IfMatch"] = wanted_etag
    try:
        return s3_client().get_object(**request)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 304:
            return None
        if status == 412:
            raise FileChanged(f"{kind}: S3 has another file than the one that was previewed") from error
        raise CannotReachS3(_explained(error, bucket, key)) from error
    except (BotoCoreError, ValueError) as error:
        raise CannotReachS3(_explained(error, bucket, key)) from error


def _stored(kind: RecipeKind, answer: "GetObjectOutputTypeDef", progress: Progress) -> RecipeFile:
    """Write S3's file, verified, to a temporary name. Whatever it raises, no file is left."""
    bucket, key = settings.S3_BUCKET_NAME, s3_key(kind)
    _demand(answer, DEMANDED, bucket, key)
    path = local_path(kind)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget_abandoned(path)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        modified_ms = int(answer["LastModified"].timestamp() * 1000)
        with _writing(path):
            with os.fdopen(handle, "wb") as file:
                digest = _stream(answer, file, bucket, key, progress)
            # The file keeps its time in S3, so that a load from disk knows which updates are newer than it.
            os.utime(temporary, ns=(modified_ms * 1_000_000,) * 2)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    return RecipeFile(Path(temporary), answer["ContentLength"], answer["ETag"], digest, modified_ms)


def _forget_abandoned(path: Path) -> None:
    """Delete temporary files that killed downloads have left beside `path`."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with suppress(FileNotFoundError):
            # The time of its last status change counts: its modification time is that of the file in S3.
            if time.time() - part.stat().st_ctime > ABANDONED_SECONDS:
                part.unlink()


def keep(file: RecipeFile, kind: RecipeKind) -> None:
    """Replace the last good file by a downloaded one, atomically: a crash leaves one or the other.

    Raises `CannotKeepFile`.
    """
    path = local_path(kind)
    with _writing(path):
        os.replace(file.path, path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def on_disk(kind: RecipeKind) -> RecipeFile:
    """Return the last good file. Raises `RecipeRejected` if there is none, saying how to get one."""
    path = local_path(kind)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, _md5).hexdigest()
            status = os.fstat(file.fileno())
    except OSError as error:
        hint = f"run `recipe_sync {kind}` without --from-file to download it"
        raise RecipeRejected(f"there is no file to load at {path} ({error.strerror}); {hint}") from None
    # The MD5 serves as the tag, as in S3 for an upload in one part: the next look at S3 finds nothing new.
    return RecipeFile(path, status.st_size, f'"{digest}"', digest, status.st_mtime_ns // 1_000_000)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the disk into `CannotKeepFile`."""
    try:
        yield
    except OSError as error:
        hint = "check the space and the rights there, or OFFERS_RECIPE_PATH and CAMPAIGNS_RECIPE_PATH"
        raise CannotKeepFile(f"cannot write {path}: {error.strerror or error}; {hint}") from error


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)


def _stream(
    answer: "GetObjectOutputTypeDef", file: BinaryIO, bucket: str, key: str, progress: Progress
) -> str:
    """Write the answer's body to `file`, verified and synced to disk. Returns its MD5."""
    expected, etag = int(answer["ContentLength"]), answer["ETag"].strip('"')
    digest, done = _md5(), 0
    for chunk in _received(answer, f"s3://{bucket}/{key}"):
        file.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        progress(done, expected)
    if done != expected:
        raise RecipeRejected(f"the download has {done:,} bytes, S3 announced {expected:,}")
    # Tags of uploads in parts and of some encryption are not MD5s; they contain a dash or are longer.
    encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256"
    if len(etag) == 32 and not encrypted and digest.hexdigest() != etag:
        raise RecipeRejected(f"the download has the MD5 {digest.hexdigest()}, S3 announced {etag}")
    file.flush()
    os.fsync(file.fileno())
    return digest.hexdigest()


def _received(answer: "GetObjectOutputTypeDef", where: str) -> Iterator[bytes]:
    """Read the answer's body; apart from the writing, so that a full disk does not look like a lost line."""
    expected, done = int(answer["ContentLength"]), 0
    try:
        for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
            done += len(chunk)
            yield chunk
    except FlexibleChecksumError as error:
        raise RecipeRejected(f"the download does not have the checksum that S3 names: {error}") from None
    except (BotoCoreError, HTTPError, OSError) as error:
        raise CannotReachS3(
            f"the download of {where} broke off after {done:,} of {expected:,} bytes: {error}"
        ) from error


def _demand(answer: Mapping[str, object], names: Sequence[str], bucket: str, key: str) -> None:
    """Raise `CannotReachS3` if an answer lacks what S3 sends with each: something else has answered."""
    if missing := [name for name in names if name not in answer]:
        raise CannotReachS3(
            f"what answers for s3://{bucket}/{key} is not S3, it sends no {' and no '.join(missing)}; check "
            "AWS_ENDPOINT_URL and what stands between"
        )


def _explained(problem: Exception, bucket: str, key: str) -> str:
    """Explain why S3 returned nothing, and what to do about it."""
    where = f"s3://{bucket}/{key}"
    code = problem.response.get("Error", {}).get("Code", "") if isinstance(problem, ClientError) else ""
    if code in ("NoSuchKey", "404"):
        return f"there is no object {where}; check S3_OFFERS_RECIPE_PATH and S3_CAMPAIGNS_RECIPE_PATH"
    if code == "NoSuchBucket":
        return f"there is no bucket {bucket}; check S3_BUCKET_NAME and AWS_REGION"
    if isinstance(problem, NoCredentialsError):
        return f"no credentials for {where}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role"
    if code in ("AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return f"S3 refuses us {where} ({code}); check the AWS credentials and their policy"
    return f"cannot get {where}: {problem}; check the network, AWS_REGION and AWS_ENDPOINT_URL"
