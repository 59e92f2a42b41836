"""`.env.example` tells the whole truth: every variable that is read, none that is not."""

import re
from itertools import pairwise

from devstack.environment import PROJECT

READ_BY_BOTO3 = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"}
READ_BY_DEPLOY = {
    *("ENVIRONMENT_FILE", "DATA_DIR", "RUN_DIR"),
    *("REDIS_PORT", "REDIS_BIND", "REDIS_MEMORY_PERCENT"),
}
# Where the kernel tells of limits; other than usual in tests only.
OF_THE_SYSTEM = {"CGROUP"}

READ = re.compile(r"\benv(?:\.\w+)?\(\s*\"(\w+)\"(?:,\s*default=\"?([^\",)]*)\"?(?=,|\)))?")
EXPLAINED = re.compile(r"^(#?)(\w+)=(.*)$", re.MULTILINE)


def read_names() -> set[str]:
    return {name for name, _ in READ.findall((PROJECT / "cotraffic" / "settings.py").read_text())}


def explained() -> dict[str, str]:
    return {name: value for _, name, value in EXPLAINED.findall((PROJECT / ".env.example").read_text())}


def test_every_variable_that_is_read_is_explained() -> None:
    assert read_names() - explained().keys() == set()


def test_every_variable_that_is_explained_is_read() -> None:
    assert explained().keys() - read_names() == READ_BY_BOTO3 | READ_BY_DEPLOY


def test_the_containers_scripts_read_what_is_said_of_them() -> None:
    scripts = (PROJECT / "deploy" / "environment.sh", PROJECT / "deploy" / "redis")
    read = {name for script in scripts for name in re.findall(r"\$\{(\w+):-", script.read_text())}
    assert read - read_names() == READ_BY_DEPLOY | OF_THE_SYSTEM


def test_every_group_of_variables_has_a_comment() -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    before_a_group = [a for a, b in pairwise(lines) if EXPLAINED.match(b) and not EXPLAINED.match(a)]
    assert all(line.startswith("# ") for line in before_a_group)


def test_the_values_shown_are_the_defaults() -> None:
    shown = explained()
    defaults = dict(READ.findall((PROJECT / "cotraffic/settings.py").read_text()))
    plain = {
        name: value.replace("_", "") for name, value in defaults.items() if re.fullmatch(r"[\d_.]+", value)
    }
    assert plain
    assert {name: shown[name] for name in plain} == plain
