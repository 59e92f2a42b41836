"""What may go wrong with our own programs: killed, stopped or reloaded, one or all of them."""

import os
import signal
import time
from contextlib import suppress

from tests.faults.fault import Broken, Scale
from tests.faults.system import System
from tests.processes import DEADLINE_SECONDS


def kill_worker(system: System, scale: Scale) -> None:
    """SIGKILL for one web worker; gunicorn replaces it."""
    os.kill(system.web_workers()[0], signal.SIGKILL)
    _wait_for_workers(system)


def kill_master(system: System, scale: Scale) -> None:
    """SIGKILL for gunicorn's master; its orphans have to end, or none but them is ever reached again."""
    orphans = system.web_workers()
    system.web.signal(signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while alive := [pid for pid in orphans if _lives(pid)]:
        if time.monotonic() > deadline:
            raise Broken(f"{len(alive)} workers still run, although their master was killed")
        time.sleep(0.05)
    _wait_for_workers(system)


def kill_celery(system: System, scale: Scale) -> None:
    """SIGKILL for the worker and its children."""
    system.celery.kill()
    time.sleep(scale.after)


def kill_beat(system: System, scale: Scale) -> None:
    """SIGKILL for beat."""
    system.beat.kill()
    time.sleep(scale.after)


def kill_everything(system: System, scale: Scale) -> None:
    """SIGKILL for everything of ours at once."""
    for program in (system.web, system.redis, system.celery, system.beat):
        program.kill()
    time.sleep(1)
    _wait_for_workers(system)


def reload_web(system: System, scale: Scale) -> None:
    """SIGHUP: gunicorn replaces its workers, the old ones finish."""
    old = system.web_workers()
    system.web.signal(signal.SIGHUP)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while any(_lives(pid) for pid in old) or len(system.web_workers()) < 2:
        if time.monotonic() > deadline:
            raise Broken("the workers were not replaced")
        time.sleep(0.05)


def stop_web(system: System, scale: Scale) -> None:
    """SIGTERM, and a new start: what was accepted is answered first."""
    starts = system.web.starts
    system.web.signal(signal.SIGTERM)
    while system.web.starts == starts:
        time.sleep(0.05)
    _wait_for_workers(system)


def stop_celery(system: System, scale: Scale) -> None:
    """SIGTERM for the Celery worker, and a new start, as when a new version is rolled out."""
    starts = system.celery.starts
    system.celery.signal(signal.SIGTERM)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while system.celery.starts == starts:
        if time.monotonic() > deadline:
            raise Broken("the Celery worker did not end after SIGTERM")
        time.sleep(0.05)


def _wait_for_workers(system: System) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(system.web_workers()) < 2:
        if time.monotonic() > deadline:
            raise Broken("gunicorn does not replace what was killed")
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def overwrite_geoip(system: System, scale: Scale) -> None:
    """The City file is truncated and written anew in place, over and over, while addresses are looked up."""
    before = set(system.web_workers())
    city = system.directory / "City.mmdb"
    good = city.read_bytes()
    until = time.monotonic() + scale.before + scale.after
    while time.monotonic() < until:
        with city.open("r+b", buffering=0) as file:
            file.truncate(0)
            time.sleep(0.05)
            file.write(good[: len(good) // 2])
            time.sleep(0.05)
            file.write(good[len(good) // 2 :])
        time.sleep(0.05)
    if set(system.web_workers()) != before:
        raise Broken("a worker ended by a GeoIP file that was overwritten")


def take_archive_away(system: System, scale: Scale) -> None:
    """Something else stands where the archive was; clicks and delivery have to go on meanwhile."""
    kept = system.archive.with_name("kept")
    system.archive.rename(kept)
    system.archive.write_text("not a directory")
    deadline = time.monotonic() + scale.heal
    while not _archive_fails(system):
        if time.monotonic() > deadline:
            raise Broken("nobody says that the archive cannot be written")
    if (status := system.status()) is None or status["backlog"] > status["archive"]["backlog"]:
        raise Broken(f"delivery is behind an archive that is away: {status}")
    system.archive.unlink()
    kept.rename(system.archive)


def _archive_fails(system: System) -> bool:
    archive = (system.status() or {}).get("archive") or {}
    return bool((archive.get("write") or {}).get("error"))
