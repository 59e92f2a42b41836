"""Runs all processes side by side, their lines labelled, until one ends or somebody stops them."""

import fcntl
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Printer

from devstack.environment import PROJECT, BadEnvironment, Environment
from devstack.services import LOCALHOST, aws_command, valkey_command
from devstack.truth import FILE_NAME as TRUTH_FILE

SIGNAL_RETURN_CODES = {128 + signal.SIGINT, 128 + signal.SIGTERM}


class ProcessEnded(Exception):
    """One of the processes ended although nobody had asked it to; the message says which."""


@dataclass(frozen=True)
class Process:
    """One process of the stack; those of the site wait until everything is set up."""

    name: str
    command: list[str]
    of_the_site: bool = False


def processes(environment: Environment) -> list[Process]:
    """Return everything `make dev` runs, in the order it is shown."""
    python = sys.executable
    servers = [Process("pages", [python, "-m", "devstack.pages", str(environment.pages_port)])]
    if environment.redis_port:
        servers.append(Process("redis", valkey_command(environment.redis_port, environment.state / "valkey")))
    if environment.aws_port:
        servers.append(Process("aws", aws_command(environment.aws_port)))
    celery = [python, "-m", "celery", "-A", "cotraffic"]
    gunicorn = [python, "-m", "gunicorn", "--config", "gunicorn.conf.py", "cotraffic.asgi:application"]
    return [
        *servers,
        Process("setup", [python, "-m", "devstack", "--state", str(environment.state), "setup"]),
        Process("web", gunicorn, of_the_site=True),
        Process("listener", [python, "manage.py", "recipe_listen"], of_the_site=True),
        Process(
            "worker", [*celery, "worker", "--concurrency", "1", "--loglevel", "warning"], of_the_site=True
        ),
        Process("beat", [*celery, "beat", "--pidfile=", "--loglevel", "warning"], of_the_site=True),
        *_corecipe(environment),
    ]


def _corecipe(environment: Environment) -> list[Process]:
    """Return the process of the stand-in, none if a real co-recipe is configured."""
    if not environment.corecipe_port:
        return []
    options = ["--port", str(environment.corecipe_port), "--truth", str(environment.state / TRUTH_FILE)]
    command = [sys.executable, "-m", "devstack.corecipe", *options]
    return [Process("corecipe", command, of_the_site=True)]


def run(environment: Environment) -> None:
    """Run the stack until it is asked to stop.

    Raises BadEnvironment when it runs already or a port is taken, ProcessEnded when a process ends by itself.
    """
    (environment.state / "valkey").mkdir(parents=True, exist_ok=True)
    with _only_one(environment.state / "lock"):
        check_ports(environment)
        environment.ready.unlink(missing_ok=True)
        printer = _FirstStop()
        manager = Manager(printer)
        for process in processes(environment):
            # The set-up reads the environment anew, and has to find what this process found.
            variables = None if process.name == "setup" else environment.variables
            manager.add_process(process.name, _shell(process, environment), env=variables, cwd=str(PROJECT))
        # A terminal that is closed sends SIGHUP, which honcho does not know: its processes would live on.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
        manager.loop()
    if manager.returncode not in SIGNAL_RETURN_CODES:
        raise ProcessEnded(f"{printer.first} ended by itself, so all was stopped; its lines above say why")


def check_ports(environment: Environment) -> None:
    """Raise BadEnvironment when a port is taken, naming it and the way to choose another."""
    for name, port in environment.ports.items():
        host = environment.host if name == "web" else LOCALHOST
        with socket.socket() as probe:
            # A port whose last connections are still winding down counts as free: the servers do the same.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise BadEnvironment(
                    f"port {port} ({name}) cannot be used: {error.strerror}. "
                    f"Choose others with, for example, `PORT={environment.port + 100} make dev`"
                ) from None


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Hold the lock file, so that no second stack writes to the same state."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadEnvironment("the devstack is already running in this directory; stop it first") from None
        yield


def _shell(process: Process, environment: Environment) -> str:
    waiting = [sys.executable, "-m", "devstack.after_setup", str(environment.ready)]
    return "exec " + shlex.join([*waiting, *process.command] if process.of_the_site else process.command)


class _FirstStop(Printer):  # type: ignore[misc]
    """Prints like honcho, and remembers which process was the first to stop."""

    first: str | None = None

    def write(self, message: Any) -> None:
        # Stopping everything must not fail because nobody reads along any more.
        with suppress(OSError):
            super().write(message)
        if not self.first and message.name == SYSTEM_PRINTER_NAME and " stopped (rc=" in message.data:
            self.first = message.data.split()[0]
