"""Where an address is: country, region, city and ISP from MaxMind's databases."""

import os
import time
from pathlib import Path
from typing import Any

import maxminddb
import msgspec

LOOK_AT_FILE_SECONDS = 5.0


class Geo(msgspec.Struct, frozen=True, gc=False):
    """What is known of an address; None is unknown, which equals nothing."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    isp: str | None = None


UNKNOWN_GEO = Geo()


class GeoReader:
    """Looks addresses up in the City and ISP databases, and opens a file again when it changes on disk."""

    def __init__(self, city_path: str, isp_path: str) -> None:
        self._city = Database(city_path)
        self._isp = Database(isp_path)
        self.databases = (self._city, self._isp)
        self._look_again_at = time.monotonic() + LOOK_AT_FILE_SECONDS

    def reopened(self) -> bool:
        """Look at the files every few seconds; gives whether one had changed, and the new one is in use."""
        now = time.monotonic()
        if now < self._look_again_at:
            return False
        self._look_again_at = now + LOOK_AT_FILE_SECONDS
        # Both must look: `or` would leave the second database as it was.
        return self._city.reopen_if_changed() | self._isp.reopen_if_changed()

    def lookup(self, address: str) -> Geo:
        """What is known of `address`; for a private, unknown or missing one, nothing, and never an error."""
        city, isp = self._city.get(address), self._isp.get(address)
        subdivisions = city.get("subdivisions")
        region = subdivisions[0] if isinstance(subdivisions, list) and subdivisions else {}
        return Geo(
            country=_text(_object(city.get("country")).get("iso_code")),
            region=_text(_object(region).get("iso_code")),
            city=_name(_object(_object(city.get("city")).get("names"))),
            isp=_text(isp.get("isp")),
        )


class Database:
    """One MaxMind file, held open.

    Raises `OSError` or `maxminddb.InvalidDatabaseError` when it is opened for the first time and cannot be
    read; a file that is replaced by an unreadable one leaves the good one in use.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._seen = self._signature()
        self._reader = maxminddb.open_database(self.path, maxminddb.MODE_AUTO)

    @property
    def database_type(self) -> str:
        """What the file says it is, such as GeoIP2-City."""
        return self._reader.metadata().database_type

    @property
    def built_at_seconds(self) -> int:
        """When the file was built, in seconds since the epoch."""
        return self._reader.metadata().build_epoch

    @property
    def is_open(self) -> bool:
        """Whether addresses can be looked up."""
        return not self._reader.closed

    def close(self) -> None:
        """Let go of the file; nothing can be looked up any more."""
        self._reader.close()

    @property
    def is_on_disk(self) -> bool:
        """Whether a worker that starts now would find the file."""
        return self.path.is_file()

    def get(self, address: str) -> dict[str, Any]:
        """The record of `address`, empty where there is none."""
        try:
            found = self._reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return {}
        return _object(found)

    def reopen_if_changed(self) -> bool:
        """Whether the file had changed on disk, and the new one is now in use."""
        try:
            signature = self._signature()
            if signature == self._seen:
                return False
            self._seen = signature
            self._reader = maxminddb.open_database(self.path, maxminddb.MODE_AUTO)
        except (OSError, maxminddb.InvalidDatabaseError):
            return False
        return True

    def _signature(self) -> tuple[int, int, int]:
        status = os.stat(self.path)
        return status.st_ino, status.st_mtime_ns, status.st_size


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _name(names: dict[str, Any]) -> str | None:
    """English, else French, else any."""
    return (
        _text(names.get("en"))
        or _text(names.get("fr"))
        or next(filter(None, map(_text, names.values())), None)
    )
