"""Writes what starts the programs of an instance from deploy/programs.toml: `make deploy-files`.

supervisord runs them in one container, systemd on a machine, Docker Compose in a container each.
"""

import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LIST = PROJECT / "deploy" / "programs.toml"
TEMPLATES = PROJECT / "deploy" / "templates"
NOTE = "Written by `make deploy-files` from deploy/programs.toml; change that."
# Programs of this stage have a name together, so that `supervisorctl restart background:*` means all of them.
BACKGROUND_STAGE = 4
# What a service needs beside its command.
COMPOSE_EXTRAS = {
    "web": [
        "ports:",
        '  - "${PORT:-5000}:5000"',
        "healthcheck:",
        '  test: ["CMD", "deploy/healthcheck"]',
        "  interval: 10s",
        "  timeout: 5s",
        "  start_period: 120s",
    ],
    # Its own address is no other Redis: without REDIS_URL it is the instance's own.
    "redis": [
        "environment:",
        "  REDIS_BIND: 0.0.0.0",
        "healthcheck:",
        '  test: ["CMD", "valkey-cli", "ping"]',
        "  interval: 5s",
    ],
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program; the keys of programs.toml explain the fields."""

    name: str
    about: str
    command: str
    stop: int
    stop_seconds: int
    start_seconds: int
    once: bool = False
    own_redis: bool = False


def programs() -> list[Program]:
    """Read the list, in the order in which programs stop."""
    found = [Program(name=name, **keys) for name, keys in tomllib.loads(LIST.read_text()).items()]
    return sorted(found, key=lambda program: -program.stop)


def files() -> dict[Path, str]:
    """Return every file that is made from the list, with its content."""
    listed = programs()
    found = {
        PROJECT / "deploy" / "supervisord.conf": supervisord(listed),
        PROJECT / "docker-compose.yml": compose(listed),
        PROJECT / "deploy" / "systemd" / "co-traffic.target": target(listed),
    }
    for program in listed:
        found[PROJECT / "deploy" / "systemd" / f"co-traffic-{program.name}.service"] = unit(program, listed)
    return found


def supervisord(listed: list[Program]) -> str:
    """Return the configuration of supervisord: one section for each program."""
    parts = [_template("supervisord.conf")]
    for _, stage in groupby(listed, key=lambda program: program.stop):
        together = list(stage)
        if together[0].stop == BACKGROUND_STAGE:
            names = ",".join(program.name for program in together)
            parts.append(f"[group:background]\nprograms={names}\npriority={BACKGROUND_STAGE * 10}\n")
        parts += [_section(program) for program in together]
    return "\n".join(parts)


def _section(program: Program) -> str:
    first, _, rest = program.command.partition(" ")
    if first.startswith("deploy/"):
        first = f"%(ENV_APP)s/{first}"
    command = f"%(ENV_APP)s/deploy/labelled {program.name} {first} {rest}".rstrip()
    lines = [f"[program:{program.name}]", f"command={command}"]
    if program.stop != BACKGROUND_STAGE:
        lines.append(f"priority={program.stop * 10}")
    if program.own_redis:
        lines.append("autostart=%(ENV_OWN_REDIS)s")
    lines += [
        f"startsecs={program.start_seconds}",
        f"stopwaitsecs={program.stop_seconds}",
        f"autorestart={'unexpected' if program.once else 'true'}",
        *(["stopasgroup=true"] if program.once else []),
        "killasgroup=true",
        "redirect_stderr=true",
        "stdout_logfile=/dev/fd/1",
        "stdout_logfile_maxbytes=0",
    ]
    return "\n".join(lines) + "\n"


def _before(program: Program, listed: list[Program]) -> list[str]:
    """Return the programs that stop in the stage after this one: systemd and Compose start these first.

    `migrate` holds up nothing: clicks do not wait for the accounts database.
    """
    later = [other for other in listed if other.stop < program.stop and not other.once]
    return [other.name for other in later] if not program.once else []


def unit(program: Program, listed: list[Program]) -> str:
    """Return a program's systemd unit. systemd stops units in the reverse of the order that After= gives."""
    after = [f"co-traffic-{name}.service" for name in _before(program, listed)]
    restart = "on-failure" if program.once else "always"
    values = {
        "about": program.about,
        "after": " ".join(["network-online.target", *after]),
        "command": f"/opt/co-traffic/deploy/entrypoint {program.command}",
        "type": "oneshot\nRemainAfterExit=true" if program.once else "exec",
        "restart": restart,
        "start": "infinity" if program.once else "90",
        "stop": str(program.stop_seconds),
    }
    return _template("unit.service", **values)


def target(listed: list[Program]) -> str:
    """Return the unit that starts and stops all of them."""
    wanted = " ".join(f"co-traffic-{program.name}.service" for program in listed)
    return _template("co-traffic.target", wanted=wanted)


def compose(listed: list[Program]) -> str:
    """Return docker-compose.yml: a service for each program, that starts after those which stop later."""
    services = [_service(program, listed) for program in reversed(listed)]
    return _template("docker-compose.yml", services="\n".join(services))


def _service(program: Program, listed: list[Program]) -> str:
    command = ", ".join(
        f'"{word}"' for word in ["deploy/labelled", program.name, *shlex.split(program.command)]
    )
    lines = [f"{program.name}:", "  <<: *process", f"  command: [{command}]"]
    lines += [f"  {line}" for line in COMPOSE_EXTRAS.get(program.name, [])]
    if program.once:
        lines.append("  restart: on-failure")
    if waits := _before(program, listed):
        lines.append("  depends_on:")
        for name in waits:
            condition = "service_healthy" if name == "redis" else "service_started"
            lines.append(f"    {name}: {{condition: {condition}}}")
    # Compose may need a moment more than the program itself.
    lines.append(f"  stop_grace_period: {program.stop_seconds + 5}s")
    return "".join(f"  {line}\n" for line in lines)


def _template(name: str, **values: str) -> str:
    """Return a file of deploy/templates with its @names@ replaced."""
    text = (TEMPLATES / name).read_text()
    for key, value in {"note": NOTE, **values}.items():
        text = text.replace(f"@{key}@", value)
    return text


def write() -> Iterator[Path]:
    """Write each file that is not as it should be, and delete units of programs that are gone."""
    found = files()
    for path in (PROJECT / "deploy" / "systemd").glob("*"):
        if path not in found:
            path.unlink()
    for path, text in found.items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            yield path


if __name__ == "__main__":
    for written in write():
        print(f"wrote {written.relative_to(PROJECT)}")
