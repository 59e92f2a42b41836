"""The devstack's environment: nothing has to be set, and whatever is set counts."""

from pathlib import Path

import pytest

from devstack import environment as module
from devstack import stack
from devstack.environment import BadEnvironment, Environment, read_environment
from offers.links.tokens import key_bytes


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment with nothing in it, and no `.env` beside it."""
    monkeypatch.setattr("os.environ", {})
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    return monkeypatch


def names(environment: Environment) -> set[str]:
    return {process.name for process in stack.processes(environment)}


@pytest.mark.usefixtures("shell")
def test_an_empty_environment_is_enough(tmp_path: Path) -> None:
    environment = read_environment(tmp_path)
    assert environment.ports == {"web": 5000, "aws": 5001, "pages": 5002, "redis": 5003, "corecipe": 5004}
    assert environment.site_url == "http://localhost:5000"
    assert key_bytes(environment.variables["ENCRYPTION_KEY"])
    assert names(environment) >= {"redis", "aws", "pages", "setup", "web"}


def test_a_redis_of_the_developer_is_used(shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shell.setenv("REDIS_URL", "redis://elsewhere:6379/3")
    environment = read_environment(tmp_path)
    assert environment.variables["REDIS_URL"] == "redis://elsewhere:6379/3"
    assert "redis" not in names(environment)


def test_an_aws_of_the_developer_is_used_with_its_keys(shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shell.setenv("AWS_ENDPOINT_URL", "http://elsewhere:4566")
    shell.setenv("AWS_ACCESS_KEY_ID", "own")
    environment = read_environment(tmp_path)
    assert environment.variables["AWS_ACCESS_KEY_ID"] == "own"
    assert "aws" not in names(environment)


def test_real_credentials_never_reach_our_own_aws(shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shell.setenv("AWS_ACCESS_KEY_ID", "real")
    shell.setenv("AWS_PROFILE", "work")
    variables = read_environment(tmp_path).variables
    assert variables["AWS_ACCESS_KEY_ID"] == "testing"
    assert "AWS_PROFILE" not in variables


def test_real_geoip_databases_are_preferred(shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MAXMIND_PATH", "MAXMIND_PATH_ISP"):
        (tmp_path / name).touch()
        shell.setenv(name, str(tmp_path / name))
    assert read_environment(tmp_path / "state").variables["MAXMIND_PATH"] == str(tmp_path / "MAXMIND_PATH")


@pytest.mark.parametrize("port", ["http", "0", "65535", "-1"])
def test_a_port_that_is_none_is_explained(shell: pytest.MonkeyPatch, tmp_path: Path, port: str) -> None:
    shell.setenv("PORT", port)
    with pytest.raises(BadEnvironment, match="it has to be a number"):
        read_environment(tmp_path)
