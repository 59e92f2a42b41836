"""The IAM policy for the archive's bucket allows what an instance asks of it, and nothing else."""

import json
import secrets
import string
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cotraffic.diagnostics.reports import fleet
from offers.archive.bucket import ArchiveBucket
from offers.archive.partitions import Hour
from tests.deploy.aws_recorder import AwsCall, recorded
from tests.processes import PROJECT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

POLICY = PROJECT / "deploy" / "terraform" / "iam-policy-archive.json"
BUCKET = "archive-with-permissions"
HOUR = Hour.of(1_795_615_200_000)
# boto3 sends larger files in parts.
IN_PARTS_BYTES = 9_000_000


def allowed() -> set[AwsCall]:
    """What the policy allows; keys may end in a wildcard."""
    policy = json.loads(string.Template(POLICY.read_text()).substitute(archive_bucket=BUCKET))
    found = set()
    for statement in policy["Statement"]:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            found.add(AwsCall(action, statement["Resource"]))
    return found


def test_the_policy_allows_exactly_what_the_archive_and_its_reports_ask_for(
    s3: "S3Client",
    aws_endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3.create_bucket(Bucket=BUCKET)
    folder = tmp_path / "archive" / HOUR.folder
    folder.mkdir(parents=True)
    with recorded(aws_endpoint) as (url, calls):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        for size in (1_000, IN_PARTS_BYTES):
            (folder / "1-0_2-0.parquet").write_bytes(secrets.token_bytes(size))
            ArchiveBucket(BUCKET).upload(tmp_path / "archive", HOUR)
        request = {
            **{"bucket": BUCKET, "region": "us-east-1", "directory": str(tmp_path / "cache")},
            **{"hours": [HOUR.folder], "fetch": True, "most_bytes": 10**9, "kept_seconds": 60},
        }
        fetch = [sys.executable, "-I", str(fleet.CHILD)]
        done = subprocess.run(fetch, input=json.dumps(request).encode(), capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    granted = {
        (permission, call)
        for call in calls
        for permission in allowed()
        if permission.action == call.action and fnmatchcase(call.resource, permission.resource)
    }
    assert {permission for permission, _ in granted} == allowed()
    assert {call for _, call in granted} == calls
