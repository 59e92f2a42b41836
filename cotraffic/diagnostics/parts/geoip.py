"""The GeoIP databases, as the web workers have them open, or as they lie on the disk."""

from collections.abc import Iterable

import maxminddb
from django.conf import settings

from cotraffic.diagnostics.parts.part import ERROR, OK, WARNING, Fact, Part, Sources
from cotraffic.diagnostics.wording import duration
from offers.geo import Database
from offers.pulse import OpenDatabase

# MaxMind publishes twice a week.
OLD_SECONDS = 30 * 24 * 3600.0
NAMES = ("City", "ISP")


def parts(sources: Sources) -> Iterable[Part]:
    """Both databases of the workers. Raises `RedisError`."""
    workers = [worker for worker in sources.pulse.workers(sources.now) if worker.databases]
    if not workers:
        yield from parts_of_files(sources.now)
        return
    for at, name in enumerate(NAMES):
        opened = [worker.databases[at] for worker in workers if at < len(worker.databases)]
        newest = max(opened, key=lambda database: database.built_s)
        behind = sum(database.built_s != newest.built_s for database in opened)
        yield _part(name, newest, sources.now, behind)


def parts_of_files(now: float) -> Iterable[Part]:
    """Both files on this machine's disk, where no worker tells of them."""
    for name, path in zip(NAMES, (settings.MAXMIND_PATH, settings.MAXMIND_PATH_ISP), strict=True):
        try:
            database = Database(path)
        except (OSError, maxminddb.InvalidDatabaseError) as problem:
            hint = f"Put a GeoIP2 or GeoLite2 {name} database there; `manage.py check` says more."
            yield Part(_key(name), _title(name), ERROR, f"{path} cannot be read: {problem}.", hint)
            continue
        yield _part(name, OpenDatabase(path, database.database_type, database.built_at_seconds), now, 0)


def _part(name: str, database: OpenDatabase, now: float, behind: int) -> Part:
    age = max(0.0, now - database.built_s)
    facts = (
        Fact("Type", database.database_type),
        Fact("Built", at_s=database.built_s),
        Fact("Age", duration(age)),
        Fact("File", database.path),
    )
    if age > OLD_SECONDS:
        hint = "Put a newer file in its place; it is opened within seconds, and nothing has to be restarted."
        sentence = f"{database.database_type} is {duration(age)} old: visitors' places may be wrong."
        return Part(_key(name), _title(name), WARNING, sentence, hint, facts)
    if behind:
        sentence = f"{behind} of the workers still have an older file open."
        return Part(
            _key(name), _title(name), WARNING, sentence, "They open the new one within seconds.", facts
        )
    return Part(
        _key(name), _title(name), OK, f"{database.database_type}, built {duration(age)} ago.", facts=facts
    )


def _key(name: str) -> str:
    return f"geoip-{name.lower()}"


def _title(name: str) -> str:
    return f"GeoIP {name}"
