"""Every Lua script is found, says what its keys and arguments are, and is one that Redis takes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from lib.lua import read_lua
from offers.click_log import scripts as click_scripts
from recipes.store import scripts as store_scripts
from tests.processes import PROJECT

PACKAGES = ("lib", "recipes", "offers", "cotraffic")
FILES = [path for package in PACKAGES for path in sorted((PROJECT / package).rglob("*.lua"))]
SCRIPTS = {
    f"{module.__name__}.{name}": text
    for module in (click_scripts, store_scripts)
    for name, text in vars(module).items()
    if name.isupper()
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_script_documents_its_keys_and_arguments_at_its_top(path: Path) -> None:
    lines = path.read_text().removeprefix("#!lua flags=allow-oom\n").splitlines()
    top = "\n".join(lines[: next(at for at, line in enumerate(lines) if not line.startswith("--"))])
    assert re.search(r"^-- KEYS: ", top, re.MULTILINE)
    assert re.search(r"^-- ARGV: ", top, re.MULTILINE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_redis_takes_a_script(redis_client: Redis, name: str) -> None:
    assert redis_client.script_load(SCRIPTS[name])


def test_every_file_is_part_of_a_script() -> None:
    assert FILES
    assert [path for path in FILES if not any(path.read_text() in text for text in SCRIPTS.values())] == []


def test_scripts_are_found_from_any_directory(tmp_path: Path) -> None:
    code = "from offers.click_log.scripts import APPEND; print(len(APPEND))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == len(click_scripts.APPEND)


def test_a_script_that_is_missing_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        read_lua(click_scripts.__file__, "nothing")
