"""What the Dockerfile and docker-compose.yml say: read and linted, which needs no Docker engine."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import PROJECT

DOCKERFILE = (PROJECT / "Dockerfile").read_text()
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
FINAL = STAGES[-1]
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())


def program(name: str) -> configparser.SectionProxy:
    config = configparser.RawConfigParser(inline_comment_prefixes=None)
    config.read(PROJECT / "deploy" / "supervisord.conf")
    return config[f"program:{name}"]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, PROJECT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_base_is_slim_and_pinned_to_a_release_of_debian() -> None:
    bases = {stage.split()[0] for stage in STAGES}
    assert bases == {"python:3.13-slim-trixie"}


def test_the_final_image_holds_no_tools_to_build_with() -> None:
    assert len(STAGES) == 2
    installed = re.findall(r"apt-get install -y --no-install-recommends ([^\\&]+)", FINAL)
    assert [packages.split() for packages in installed] == [["valkey-server"]]
    assert "pip install" not in FINAL
    assert "/var/lib/apt/lists" in FINAL


def test_it_runs_as_an_ordinary_user_who_can_change_nothing_but_the_data() -> None:
    users = re.findall(r"^USER (\S+)", FINAL, re.MULTILINE)
    assert users == ["10001"]
    assert "--chown" not in DOCKERFILE
    assert re.findall(r"^VOLUME (.+)", FINAL, re.MULTILINE) == ["/data"]


def test_docker_can_ask_for_its_health_and_stop_it() -> None:
    assert 'CMD ["deploy/healthcheck"]' in FINAL
    assert 'ENTRYPOINT ["deploy/entrypoint"]' in FINAL
    assert "STOPSIGNAL SIGTERM" in FINAL


def test_no_secret_and_no_local_state_gets_into_the_image() -> None:
    allowed = [
        line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    ]
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == set(allowed)
    assert not {".env", "var", "tests", "devstack"} & copied


def test_static_files_are_collected_from_what_is_copied(tmp_path: Path) -> None:
    for source in ("manage.py", "cotraffic", "lib", "offers", "recipes"):
        origin = PROJECT / source
        shutil.copytree(origin, tmp_path / source) if origin.is_dir() else shutil.copy(origin, tmp_path)
    (command,) = re.findall(r"^RUN (ENV=production .*collectstatic.*)$", DOCKERFILE, re.MULTILINE)
    command = command.replace(".venv/bin/python", shlex.quote(sys.executable))
    subprocess.run(["/usr/bin/env", "-i", "/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "var" / "static" / "staticfiles.json").is_file()


def test_every_script_can_be_run() -> None:
    scripts = [path for path in (PROJECT / "deploy").iterdir() if path.read_text().startswith("#!")]
    assert len(scripts) == 6
    for script in scripts:
        assert os.access(script, os.X_OK), script
        subprocess.run(["/bin/bash", "-n", script], check=True)


@pytest.mark.parametrize("name", ["web", "listener", "worker", "beat", "drain"])
def test_a_container_of_its_own_runs_what_the_one_container_runs(name: str) -> None:
    command = shlex.split(program(name)["command"].replace("%(ENV_CELERY_CONCURRENCY)s", "4"))
    composed = [Path(word).name for word in COMPOSE["services"][name]["command"]]
    assert composed == [Path(word).name for word in command[2:]]


def test_there_is_a_container_for_every_process() -> None:
    assert COMPOSE["services"].keys() == {"redis", "migrate", "web", "listener", "worker", "beat", "drain"}
    for name, service in COMPOSE["services"].items():
        assert service["restart"] in ("unless-stopped", "on-failure"), name
        assert "data:/data" in service["volumes"], name


def test_the_containers_share_one_redis_that_only_they_can_reach() -> None:
    services = COMPOSE["services"]
    assert "ports" not in services["redis"]
    urls = {service["environment"].get("REDIS_URL") for name, service in services.items() if name != "redis"}
    assert urls == {"redis://redis:6379/0"}


def test_containers_stop_as_programs_do_first_web_then_drain_then_redis() -> None:
    # Compose stops a service before those that it depends on.
    waits = {name: service.get("depends_on", []) for name, service in COMPOSE["services"].items()}
    assert waits["drain"] == ["redis"]
    for name in ("web", "listener", "worker", "beat"):
        assert "drain" in waits[name]
        assert int(program(name).get("priority", "40")) > int(program("drain")["priority"])
    assert int(program("drain")["priority"]) > int(program("redis")["priority"])


def test_a_container_has_as_long_to_stop_as_its_program_takes() -> None:
    for name in ("web", "worker", "drain"):
        assert int(COMPOSE["services"][name]["stop_grace_period"].rstrip("s")) >= int(
            program(name)["stopwaitsecs"]
        )
