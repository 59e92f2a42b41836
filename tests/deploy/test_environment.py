"""What a program of an instance finds in its environment, wherever it was written."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.processes import PROJECT


def environment(tmp_path: Path, written: str, **variables: str) -> dict[str, str]:
    """The environment of a program that `deploy/entrypoint` starts; `written` is the instance's file."""
    file = tmp_path / "environment"
    file.write_text(written)
    given = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "ENVIRONMENT_FILE": str(file)}
    command = [str(PROJECT / "deploy" / "entrypoint"), "env", "-0"]
    done = subprocess.run(command, env=given | variables, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


@pytest.mark.parametrize(
    ("written", "found"), [("", "production"), ("ENV=\n", ""), ("ENV=staging\n", "staging")]
)
def test_only_the_word_itself_makes_an_instance_one_of_development(
    tmp_path: Path, written: str, found: str
) -> None:
    assert environment(tmp_path, written, ENV="production")["ENV"] == found


def test_without_a_word_it_is_one_of_development(tmp_path: Path) -> None:
    assert environment(tmp_path, "")["ENV"] == "development"
