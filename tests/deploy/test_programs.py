"""The one list of programs, and what is written from it for supervisord, systemd and Docker Compose."""

import configparser
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.programs import files, programs
from tests.processes import PROJECT

PROGRAMS = {program.name: program for program in programs()}
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SYSTEMD = PROJECT / "deploy" / "systemd"


def supervised(name: str) -> configparser.SectionProxy:
    config = configparser.RawConfigParser(inline_comment_prefixes=None)
    config.read(PROJECT / "deploy" / "supervisord.conf")
    return config[f"program:{name}"]


def unit(name: str) -> configparser.RawConfigParser:
    config = configparser.RawConfigParser(strict=False)
    config.optionxform = str  # type: ignore[assignment,method-assign]
    config.read(SYSTEMD / f"co-traffic-{name}.service")
    return config


def test_the_files_are_as_the_list_has_them() -> None:
    stale = [path.name for path, text in files().items() if path.read_text() != text]
    assert stale == [], "run `make deploy-files`"
    assert set(SYSTEMD.iterdir()) <= files().keys()


def test_every_program_has_a_section_a_unit_and_a_container() -> None:
    assert COMPOSE["services"].keys() == PROGRAMS.keys()
    for name in PROGRAMS:
        assert supervised(name)["command"].startswith(f"%(ENV_APP)s/deploy/labelled {name} ")
        assert (SYSTEMD / f"co-traffic-{name}.service").is_file()
        assert f"co-traffic-{name}.service" in (SYSTEMD / "co-traffic.target").read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_all_of_them_run_the_same_command(name: str) -> None:
    words = shlex.split(PROGRAMS[name].command)
    told = shlex.split(supervised(name)["command"].replace("%(ENV_APP)s/", ""))
    assert told == ["deploy/labelled", name, *words]
    assert COMPOSE["services"][name]["command"] == ["deploy/labelled", name, *words]
    assert shlex.split(unit(name)["Service"]["ExecStart"])[1:] == words


def test_web_stops_first_then_drain_and_redis_last() -> None:
    stages = {name: program.stop for name, program in PROGRAMS.items()}
    assert stages["web"] == max(stages.values())
    assert stages["redis"] == min(stages.values())
    for name in ("listener", "beat", "worker"):
        assert stages["web"] > stages[name] > stages["drain"] > stages["redis"]


@pytest.mark.parametrize("name", [name for name, program in PROGRAMS.items() if not program.once])
def test_everything_stops_a_program_before_those_of_later_stages(name: str) -> None:
    later = {other for other, program in PROGRAMS.items() if program.stop < PROGRAMS[name].stop}
    later -= {"migrate"}
    # Compose and systemd stop the one that waited for others before these.
    assert set(COMPOSE["services"][name].get("depends_on", {})) == later
    after = set(unit(name)["Unit"]["After"].split()) - {"network-online.target"}
    assert after == {f"co-traffic-{other}.service" for other in later}
    priorities = {other: int(supervised(other).get("priority", "40")) for other in (name, *later)}
    assert all(priorities[name] > priorities[other] for other in later)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_its_time_to_stop_everywhere(name: str) -> None:
    seconds = PROGRAMS[name].stop_seconds
    assert int(supervised(name)["stopwaitsecs"]) == seconds
    assert int(unit(name)["Service"]["TimeoutStopSec"]) == seconds
    assert int(COMPOSE["services"][name]["stop_grace_period"].rstrip("s")) >= seconds


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_ends_is_started_again(name: str) -> None:
    once = PROGRAMS[name].once
    assert supervised(name)["autorestart"] == ("unexpected" if once else "true")
    assert unit(name)["Service"]["Restart"] == ("on-failure" if once else "always")
    assert COMPOSE["services"][name]["restart"] == ("on-failure" if once else "unless-stopped")


def test_containers_wait_until_redis_answers() -> None:
    waits = [service.get("depends_on", {}).get("redis") for service in COMPOSE["services"].values()]
    assert {wait["condition"] for wait in waits if wait} == {"service_healthy"}


def test_the_containers_share_one_redis_that_only_they_can_reach() -> None:
    services = COMPOSE["services"]
    assert "ports" not in services["redis"]
    urls = {service["environment"].get("REDIS_URL") for name, service in services.items() if name != "redis"}
    assert urls == {"redis://redis:6379/0"}
    assert all("data:/data" in service["volumes"] for service in services.values())


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "install Debian's systemd"
    for path in SYSTEMD.iterdir():
        text = path.read_text().replace("/opt/co-traffic", str(PROJECT))
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    complaints = [line for line in done.stderr.splitlines() if "co-traffic" in line]
    assert (complaints, done.returncode) == ([], 0)


def test_units_can_reach_little_of_the_machine() -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "install Debian's systemd"
    # 10 is a service without any restriction; systemd calls less than 4.5 OK.
    done = subprocess.run(
        [analyze, "security", "--offline=yes", "--threshold=30", SYSTEMD / "co-traffic-web.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
