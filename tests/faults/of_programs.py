"""What may go wrong with our own programs: killed, stopped or reloaded, one or all of them."""

import os
import signal
import time
from contextlib import suppress

from tests.faults.fault import Broken, Scale
from tests.faults.system import System

ORPHAN_SECONDS = 10.0


def kill_worker(system: System, scale: Scale) -> None:
    """SIGKILL for one web worker; gunicorn replaces it."""
    os.kill(system.web_workers()[0], signal.SIGKILL)
    time.sleep(scale.before)
    if len(system.web_workers()) < 2:
        raise Broken("gunicorn did not replace the worker")


def kill_master(system: System, scale: Scale) -> None:
    """SIGKILL for gunicorn's master; its orphans have to end, or none but them is ever reached again."""
    orphans = system.web_workers()
    system.web.signal(signal.SIGKILL)
    deadline = time.monotonic() + ORPHAN_SECONDS
    while alive := [pid for pid in orphans if _lives(pid)]:
        if time.monotonic() > deadline:
            raise Broken(f"{len(alive)} workers still run {ORPHAN_SECONDS:g} s after their master was killed")
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
    deadline = time.monotonic() + 30
    while any(_lives(pid) for pid in old) or len(system.web_workers()) < 2:
        if time.monotonic() > deadline:
            raise Broken("the workers were not replaced within 30 s")
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
    deadline = time.monotonic() + 30
    while system.celery.starts == starts:
        if time.monotonic() > deadline:
            raise Broken("the Celery worker did not end within 30 s of SIGTERM")
        time.sleep(0.05)


def _wait_for_workers(system: System) -> None:
    deadline = time.monotonic() + 30
    while len(system.web_workers()) < 2:
        if time.monotonic() > deadline:
            raise Broken("gunicorn does not come back")
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
