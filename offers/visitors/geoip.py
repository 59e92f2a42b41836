"""Looks up country, region, city and ISP of an address in MaxMind's databases."""

import time

import msgspec

from offers.visitors.geoip_file import GeoFile

LOOK_AT_FILE_SECONDS = 5.0
LOOK_WHILE_OPENING_SECONDS = 0.2
# These occur in the types of MaxMind's databases, and of other makers' in the same format.
CITY_KINDS = ("City", "Enterprise")
ISP_KINDS = ("ISP", "ASN")


class Geo(msgspec.Struct, frozen=True, gc=False):
    """The place and network of an address; None means unknown, which equals nothing."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    isp: str | None = None


UNKNOWN_GEO = Geo()


class GeoReader:
    """Looks addresses up in the City and the ISP database; a file that changes is in use within seconds.

    An ASN database can replace the ISP database; with the path "" there is none, and ISPs are unknown.
    """

    def __init__(self, city_path: str, isp_path: str) -> None:
        self._city = GeoFile(city_path, CITY_KINDS)
        self._isp = GeoFile(isp_path, ISP_KINDS)
        # Keyed by what the databases tell, in words for staff.
        self.databases = {"City": self._city, "ISP": self._isp}
        # Rises whenever another file is in use, so that caches of visitors know that their places are old.
        self.version = 0
        self._look_again_at = time.monotonic() + LOOK_AT_FILE_SECONDS

    def look(self) -> None:
        """Check every few seconds whether a file has changed; in between, this costs next to nothing."""
        now = time.monotonic()
        if now < self._look_again_at:
            return
        # Both must look: `or` would leave the second database as it was.
        if self._city.look() | self._isp.look():
            self.version += 1
        is_opening = self._city.is_opening or self._isp.is_opening
        self._look_again_at = now + (LOOK_WHILE_OPENING_SECONDS if is_opening else LOOK_AT_FILE_SECONDS)

    def lookup(self, address: str) -> Geo:
        """Return what is known of `address`, nothing for a private, unknown or missing one. Never raises."""
        city, isp = self._city.get(address), self._isp.get(address)
        subdivisions = city.get("subdivisions")
        region = subdivisions[0] if isinstance(subdivisions, list) and subdivisions else {}
        return Geo(
            country=_text(_object(city.get("country")).get("iso_code")),
            region=_text(_object(region).get("iso_code")),
            city=_name(_object(_object(city.get("city")).get("names"))),
            isp=_text(isp.get("isp")) or _text(isp.get("autonomous_system_organization")),
        )


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _name(names: dict[str, object]) -> str | None:
    """Return the English name, else the French one, else any."""
    return (
        _text(names.get("en"))
        or _text(names.get("fr"))
        or next(filter(None, map(_text, names.values())), None)
    )
