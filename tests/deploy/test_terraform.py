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
    """The blocks of each kind of resource, whose kinds occur once."""
    with (TERRAFORM / "main.tf").open() as file:
        content = hcl2.load(file)
    return {
        kind.strip('"'): next(iter(named.values()))
        for block in content["resource"]
        for kind, named in block.items()
    }


def plain(value: Any) -> Any:
    """A value without the quotes that the parser keeps around texts."""
    return value.strip('"') if isinstance(value, str) else value


def test_the_table_has_the_key_and_the_expiry_of_click_records() -> None:
    table = resources()["aws_dynamodb_table"]
    assert plain(table["hash_key"]) == "lid"
    assert plain(table["billing_mode"]) == "PAY_PER_REQUEST"
    (ttl,) = table["ttl"]
    assert (plain(ttl["attribute_name"]), ttl["enabled"]) == ("ttl", True)
    (attribute,) = table["attribute"]
    assert (plain(attribute["name"]), plain(attribute["type"])) == ("lid", "S")


def test_the_queue_is_one_that_takes_groups_and_deduplication_ids() -> None:
    assert resources()["aws_sqs_queue"]["fifo_queue"] is True


def test_the_role_has_the_policy_with_every_name_filled_in() -> None:
    policy = resources()["aws_iam_role_policy"]["policy"]
    names = set(string.Template((TERRAFORM / "iam-policy.json").read_text()).get_identifiers())
    assert "iam-policy.json" in str(policy)
    assert all(name in str(policy) for name in names)


def test_terraform_finds_the_files_in_order() -> None:
    terraform = shutil.which("terraform")
    if not terraform:
        pytest.skip("terraform is in no registry that this suite may use")
    done = subprocess.run(
        [terraform, "fmt", "-check", "-diff", TERRAFORM], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
