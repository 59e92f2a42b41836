"""GeoIP2 City and ISP databases, written from a list of networks."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet


@dataclass(frozen=True)
class Network:
    """The place and provider of a network (CIDR, or a single address); None means unknown."""

    cidr: str
    country: str | None = None
    region: str | None = None
    city: str | None = None
    isp: str | None = None

    def city_record(self) -> dict[str, object]:
        """Return the City database's record; empty when not even the country is known."""
        record: dict[str, object] = {}
        if self.country:
            record["country"] = {"iso_code": self.country}
        if self.region:
            record["subdivisions"] = [{"iso_code": self.region}]
        if self.city:
            record["city"] = {"names": {"en": self.city}}
        return record

    def isp_record(self) -> dict[str, object]:
        """Return the ISP database's record; empty when the ISP is unknown."""
        return {"isp": self.isp} if self.isp else {}


def write_databases(networks: Iterable[Network], city_path: Path, isp_path: Path) -> None:
    """Write both databases for IPv4 and IPv6, replacing files that are there.

    A network inside another one has to come after it.
    """
    city, isp = _writer("GeoIP2-City"), _writer("GeoIP2-ISP")
    for network in networks:
        addresses = IPSet([network.cidr])
        if record := network.city_record():
            city.insert_network(addresses, record)
        if record := network.isp_record():
            isp.insert_network(addresses, record)
    for writer, path in ((city, city_path), (isp, isp_path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        # A running server has the old file mapped into memory: it must be replaced, never overwritten.
        draft = path.with_name(path.name + ".new")
        writer.to_db_file(str(draft))
        draft.replace(path)


def _writer(database_type: str) -> MMDBWriter:
    return MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=database_type)
