"""The parts of the GeoIP databases, as the web workers have them open, or as they are on the disk."""

from collections.abc import Iterable

from django.conf import settings

from cotraffic.diagnostics.formatting import duration
from cotraffic.diagnostics.overview.component import Component, Fact, Light, Sources
from offers.stats.types import OpenDatabase
from offers.visitors.geoip import CITY_KINDS, ISP_KINDS
from offers.visitors.geoip_file import GeoFile

# MaxMind publishes twice a week.
OLD_SECONDS = 30 * 24 * 3600.0
NAMES = ("City", "ISP")
UNKNOWN = {
    "City": "every visitor's country, region and city are unknown.",
    "ISP": "every visitor's ISP is unknown.",
}
PUT_THERE = {
    "City": "Put a GeoIP2 or GeoLite2 City database there; it is used within seconds, without a restart.",
    "ISP": "Put a GeoIP2 ISP or GeoLite2 ASN database there, or leave MAXMIND_PATH_ISP empty to do without.",
}


def parts(sources: Sources) -> Iterable[Component]:
    """Describe both databases as the workers have them open. Raises `RedisError`."""
    workers = [worker for worker in sources.counters.workers(sources.now) if worker.databases]
    if not workers:
        yield from parts_of_files(sources.now)
        return
    for at, name in enumerate(NAMES):
        opened = [worker.databases[at] for worker in workers if at < len(worker.databases)]
        if not opened or not opened[0].path:
            continue
        newest = max(opened, key=lambda database: database.built_s)
        behind = sum(database.built_s != newest.built_s for database in opened)
        yield _part(name, newest, sources.now, behind)


def parts_of_files(now: float) -> Iterable[Component]:
    """Describe both files on this machine's disk, if no worker has reported."""
    wanted = ((settings.MAXMIND_PATH, CITY_KINDS), (settings.MAXMIND_PATH_ISP, ISP_KINDS))
    for name, (path, kinds) in zip(NAMES, wanted, strict=True):
        if path:
            file = GeoFile(path, kinds)
            database = OpenDatabase(path, file.database_type, file.built_at_seconds, file.error)
            yield _part(name, database, now, 0)


def _part(name: str, database: OpenDatabase, now: float, behind: int) -> Component:
    if not database.database_type:
        sentence = f"{database.error}: {UNKNOWN[name]}"
        return Component(_key(name), _title(name), Light.ERROR, sentence, PUT_THERE[name])
    age = max(0.0, now - database.built_s)
    facts = (
        Fact("Type", database.database_type),
        Fact("Built", at_s=database.built_s),
        Fact("Age", duration(age)),
        Fact("File", database.path),
    )
    state, hint = Light.OK, ""
    sentence = f"{database.database_type}, built {duration(age)} ago."
    if database.error:
        state, hint = Light.WARNING, PUT_THERE[name]
        sentence = f"{database.error}; the one before it stays in use, and is gone with a restart."
    elif age > OLD_SECONDS:
        state, hint = (
            Light.WARNING,
            "Put a newer file in its place; it is used within seconds, without a restart.",
        )
        sentence = f"{database.database_type} is {duration(age)} old: visitors' places may be wrong."
    elif behind:
        state, hint = Light.WARNING, "They open the new one within seconds."
        sentence = f"{behind} of the workers still have an older file open."
    return Component(_key(name), _title(name), state, sentence, hint, facts)


def _key(name: str) -> str:
    return f"geoip-{name.lower()}"


def _title(name: str) -> str:
    return f"GeoIP {name}"
