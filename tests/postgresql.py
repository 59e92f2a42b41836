"""A PostgreSQL server of Debian's package for tests, with an empty database."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.services import LOCALHOST, free_port

PLACES = Path("/usr/lib/postgresql")


class PostgreSQL:
    """One server; it refuses to run as root, and belongs to Debian's user `postgres` then."""

    def __init__(self, directory: Path) -> None:
        self._bin = programs()
        self._as = ["setpriv", *_identity(directory)] if os.geteuid() == 0 else []
        self._data = directory / "postgresql"
        self.port = free_port()
        self._run("initdb", "--auth=trust", "--username=staff", "--no-sync", "-D", str(self._data))

    @property
    def url(self) -> str:
        """The database, as `DATABASE_URL` names it."""
        return f"postgres://staff@{LOCALHOST}:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and return when it answers."""
        options = (
            f"-c listen_addresses={LOCALHOST} -c port={self.port} -c unix_socket_directories= -c fsync=off"
        )
        self._run(
            "pg_ctl",
            "start",
            "-w",
            "-t",
            "300",
            "-D",
            str(self._data),
            "-o",
            options,
            "-l",
            f"{self._data}/log",
        )

    def stop(self) -> None:
        """Stop it as a crash does, without waiting for anything."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-t", "300", "-D", str(self._data))

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as, self._bin / program, *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )


def programs() -> Path:
    """Where the newest of Debian's servers is. Raises `RuntimeError` where there is none."""
    found = sorted(PLACES.glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name))
    if not found:
        raise RuntimeError("there is no PostgreSQL: apt-get install postgresql")
    return found[-1].parent


def _identity(directory: Path) -> list[str]:
    """How to become Debian's user `postgres`, to whom the directory is given."""
    user = pwd.getpwnam("postgres")
    shutil.chown(directory, user.pw_uid, user.pw_gid)
    return [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """A server until the block ends. Its directory is none of pytest's, which are for root alone."""
    with tempfile.TemporaryDirectory(prefix="co-traffic-postgresql-") as directory:
        server = PostgreSQL(Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.stop()
