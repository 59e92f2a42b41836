"""One instance, run outside a container exactly as inside: it starts from nothing, heals, and drains."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from devstack.services import port_answers
from tests.deploy.instance import CLICK, Instance, clean, running_instance
from tests.environment import ENCRYPTION_KEY
from tests.processes import DEADLINE_SECONDS, PROJECT, wait_until

PROGRAMS = {"redis", "web", "listener", "worker", "beat", "drain", "migrate"}
KILLED = ["listener", "beat", "worker", "redis", "web"]


@pytest.fixture(scope="module")
def instance(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running_instance(tmp_path_factory.mktemp("instance"), variables) as instance:
        instance.wait_until_ready()
        yield instance


def delivered(table: Any) -> int:
    return int(table.scan(Select="COUNT")["Count"])


def test_it_starts_from_nothing_until_a_click_is_redirected_and_delivered(
    instance: Instance, table: Any
) -> None:
    before = delivered(table)
    assert instance.answer(CLICK) == 302
    wait_until(lambda: delivered(table) == before + 1, what="delivery")


def test_its_accounts_database_is_up_to_date(instance: Instance) -> None:
    wait_until(lambda: "migrate (exit status 0; expected)" in instance.log.read_text(), what="the migration")
    assert instance.run("python", "manage.py", "migrate", "--check").returncode == 0


def test_its_settings_pass_the_checks(instance: Instance) -> None:
    checked = instance.run("python", "manage.py", "check", "--fail-level", "ERROR")
    assert checked.returncode == 0, checked.stderr


def test_its_health_check_tells_alive_from_dead(instance: Instance, tmp_path: Path) -> None:
    assert instance.run("deploy/healthcheck").returncode == 0
    nobody = tmp_path / "environment"
    nobody.write_text("HOST=127.0.0.1\nPORT=9\n")
    assert subprocess.run(clean(nobody, tmp_path, "deploy/healthcheck"), check=False).returncode == 1


@pytest.mark.parametrize("program", KILLED)
def test_a_program_that_is_killed_returns(instance: Instance, program: str) -> None:
    before = {name: instance.pid(name) for name in KILLED}
    os.kill(before[program], signal.SIGKILL)
    wait_until(lambda: instance.pid(program) != before[program], what=f"another {program}")
    instance.wait_until_ready()
    wait_until(lambda: instance.answer(CLICK) == 302, what="a redirect")
    assert {name for name in KILLED if instance.pid(name) != before[name]} == {program}


def test_every_line_is_json_and_says_whose_it_is(instance: Instance) -> None:
    lines = instance.lines
    assert {line["program"] for line in lines} >= {"supervisord", "web", "listener", "worker", "redis"}
    assert {line["program"] for line in lines} <= PROGRAMS | {"supervisord"}
    assert all(line["event"] for line in lines)
    assert ENCRYPTION_KEY not in instance.log.read_text()


def test_sigterm_answers_the_click_under_way_delivers_all_and_ends_well(
    instance: Instance, table: Any
) -> None:
    redis_pid = instance.pid("redis")
    lids: list[str] = []
    # A worker that a test before has killed must know the records: without Redis it could only answer 503.
    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(lambda _: instance.answer(CLICK), range(60))) == {302}
    os.kill(redis_pid, signal.SIGSTOP)
    clicks = [threading.Thread(target=lambda: lids.append(instance.click(CLICK))) for _ in range(10)]
    for click in clicks:
        click.start()
    # They wait for Redis now, but for those of a worker that still takes it for away since a test before.
    wait_until(lambda: instance.under_way() + len(lids) == 10, what="the clicks")
    instance.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not port_answers(instance.port), what="the end of new connections")
    os.kill(redis_pid, signal.SIGCONT)
    for click in clicks:
        click.join()
    assert len(lids) == 10
    assert instance.process.wait(DEADLINE_SECONDS) == 0
    # What a worker spooled because it takes Redis for away is among them.
    assert set(lids) <= {item["lid"] for item in table.scan()["Items"]}
    assert "0 are left." in instance.log.read_text()
    order = [
        line["event"].split("stopped: ")[1].split()[0]
        for line in instance.lines
        if "stopped: " in line["event"]
    ]
    assert (order[0], order[-2:]) == ("web", ["redis", "keep_trying"])
    assert set(order) == (PROGRAMS - {"migrate"}) | {"keep_trying"}
    wait_until(lambda: instance.left_behind() == [], what="the end of all processes")


def test_programs_end_with_a_supervisord_that_is_killed_and_the_next_start_works(
    variables: dict[str, str], tmp_path: Path
) -> None:
    with running_instance(tmp_path, variables) as killed:
        killed.wait_until_ready()
        supervisord = int((killed.data / "run" / "supervisord.pid").read_text())
        os.kill(supervisord, signal.SIGKILL)
        wait_until(lambda: killed.left_behind() == [], what="the end of all programs")


def test_zeros_at_the_end_of_the_append_only_file_do_not_keep_redis_away(
    variables: dict[str, str], table: Any, tmp_path: Path
) -> None:
    with running_instance(tmp_path, variables | {"AWS_DYNAMODB_ENDPOINT": "http://127.0.0.1:9"}) as instance:
        instance.wait_until_ready()
        lids = {instance.click(CLICK) for _ in range(5)}
        assert instance.stop() == 0
        (file,) = (instance.data / "redis" / "appendonlydir").glob("*.incr.aof")
        with file.open("ab") as end:
            end.write(bytes(5000))
    with running_instance(tmp_path, variables) as instance:
        instance.wait_until_ready()
        wait_until(lambda: lids <= {item["lid"] for item in table.scan()["Items"]}, what="delivery")
        assert any("5000 zero bytes" in line["event"] for line in instance.lines)
        assert list(file.parent.glob("*.cut-*"))


def test_a_broken_environment_file_is_refused_without_being_shown(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    environment.write_text("# fine\n\nexport HOST=localhost\nSECRET KEY hunter2\n")
    done = subprocess.run(clean(environment, tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert f"{environment}: line 4 is not NAME=value" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_values_of_the_environment_file_are_taken_as_they_are(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    environment.write_text("A=$(touch /tmp/no) `no` $HOME\r\nB=\"in quotes\"\nexport C='a=b'\nD=\nE=last")
    printing = "import json, os; print(json.dumps([os.environ[name] for name in 'ABCDE']))"
    done = subprocess.run(
        clean(environment, tmp_path, sys.executable, "-c", printing), capture_output=True, check=True
    )
    assert json.loads(done.stdout) == ["$(touch /tmp/no) `no` $HOME", "in quotes", "a=b", "", "last"]


def test_a_program_that_was_given_up_is_tried_again_and_others_live_on(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(
        f"""
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile={tmp_path}/pid
[unix_http_server]
file={tmp_path}/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[eventlistener:keep_trying]
command={sys.executable} {PROJECT}/deploy/keep_trying.py
events=PROCESS_STATE_FATAL
stderr_logfile=/dev/fd/1
stderr_logfile_maxbytes=0
[program:broken]
command=/bin/sh -c "test -e {tmp_path}/mended && exec sleep 1000"
startretries=0
startsecs=1
[program:other]
command=sleep 1000
"""
    )
    log = tmp_path / "log"
    supervisord = Path(sys.executable).with_name("supervisord")
    with log.open("wb") as output:
        process = subprocess.Popen([supervisord, "-c", tmp_path / "conf"], stdout=output, stderr=output)
    try:
        wait_until(lambda: "gave up: broken" in log.read_text(), what="the end of patience")
        wait_until(lambda: "broken ends at once again and again" in log.read_text(), what="a word about it")
        (tmp_path / "mended").touch()
        wait_until(lambda: "success: broken entered RUNNING" in log.read_text(), what="another try")
        assert log.read_text().count("spawned: 'other'") == 1
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)
