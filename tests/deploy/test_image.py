"""What the Dockerfile says: read and linted, which needs no Docker engine."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from cotraffic import __version__
from tests.processes import PROJECT

DOCKERFILE = (PROJECT / "Dockerfile").read_text()
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
FINAL = STAGES[-1]


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


def test_the_label_has_the_version_of_the_project_and_the_commit_of_the_build() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert f"org.opencontainers.image.version={project['version']} " in FINAL
    assert "org.opencontainers.image.revision=$REVISION " in FINAL
    assert __version__ == project["version"]


def test_what_no_instance_reads_is_taken_out(tmp_path: Path) -> None:
    kept = ["botocore/data/s3/x.json.gz", "botocore/data/endpoints.json", "django/conf/locale/en/a.mo"]
    gone = ["botocore/data/ec2/x.json.gz", "django/conf/locale/de/a.mo", "csp/tests/test_a.py"]
    for name in (*kept, *gone):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    script = PROJECT / "deploy" / "slim_packages.py"
    subprocess.run([sys.executable, script, tmp_path], check=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(kept)


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
    (command,) = re.findall(r"(ENV=production .*collectstatic.*)$", DOCKERFILE, re.MULTILINE)
    command = command.replace(".venv/bin/python", shlex.quote(sys.executable))
    subprocess.run(["/usr/bin/env", "-i", "/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "var" / "static" / "staticfiles.json").is_file()


def test_every_module_is_compiled_in_the_image_whose_user_cannot_write_there() -> None:
    assert "UV_COMPILE_BYTECODE=1" in DOCKERFILE
    (compiled,) = re.findall(r"^RUN \S+python -m compileall -q ([a-z ]+)", DOCKERFILE, re.MULTILINE)
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"devstack", "tests"}
    assert set(compiled.split()) == packages


def test_every_script_can_be_run() -> None:
    scripts = [
        path
        for path in (PROJECT / "deploy").iterdir()
        if path.is_file() and path.read_text().startswith("#!")
    ]
    assert len(scripts) == 6
    for script in scripts:
        assert os.access(script, os.X_OK), script
        subprocess.run(["/bin/bash", "-n", script], check=True)
