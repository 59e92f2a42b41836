"""deploy/terraform: it can be read, and the table and queue are as co-traffic needs them."""

import shutil
import string
import subprocess
from typing import Any

import hcl2
import pytest

from tests.processes import PROJECT

TERRAFORM = PROJECT / "deploy" / "terraform"


def resources() -> dict[str, dict[str, Any]]:
    """The resources by kind and name, such as "aws_s3_bucket.archive"."""
    with (TERRAFORM / "main.tf").open() as file:
        content = hcl2.load(file)
    return {
        f"{plain(kind)}.{plain(name)}": body
        for block in content["resource"]
        for kind, named in block.items()
        for name, body in named.items()
    }


def plain(value: Any) -> Any:
    """A value without the quotes that the parser keeps around texts."""
    return value.strip('"') if isinstance(value, str) else value


def test_the_table_has_the_key_and_the_expiry_of_click_records() -> None:
    table = resources()["aws_dynamodb_table.clicks"]
    assert plain(table["hash_key"]) == "lid"
    assert plain(table["billing_mode"]) == "PAY_PER_REQUEST"
    (ttl,) = table["ttl"]
    assert (plain(ttl["attribute_name"]), ttl["enabled"]) == ("ttl", True)
    (attribute,) = table["attribute"]
    assert (plain(attribute["name"]), plain(attribute["type"])) == ("lid", "S")


def test_the_queue_is_one_that_takes_groups_and_deduplication_ids() -> None:
    assert resources()["aws_sqs_queue.conversions"]["fifo_queue"] is True


@pytest.mark.parametrize(
    ("resource", "file"),
    [
        ("aws_iam_role_policy.instance", "iam-policy.json"),
        ("aws_iam_role_policy.archive", "iam-policy-archive.json"),
    ],
)
def test_the_role_has_the_policy_with_every_name_filled_in(resource: str, file: str) -> None:
    policy = resources()[resource]["policy"]
    names = set(string.Template((TERRAFORM / file).read_text()).get_identifiers())
    assert f"/{file}" in str(policy)
    assert names
    assert all(name in str(policy) for name in names)


@pytest.mark.parametrize(
    "resource",
    [
        "aws_s3_bucket.archive",
        "aws_s3_bucket_lifecycle_configuration.archive",
        "aws_s3_bucket_public_access_block.archive",
        "aws_iam_role_policy.archive",
    ],
)
def test_nothing_is_made_for_an_archive_that_nobody_wants(resource: str) -> None:
    assert "archive" in str(resources()[resource]["count"])


def test_terraform_finds_the_files_in_order() -> None:
    terraform = shutil.which("terraform")
    if not terraform:
        pytest.skip("terraform is in no registry that this suite may use")
    done = subprocess.run(
        [terraform, "fmt", "-check", "-diff", TERRAFORM], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
