"""What we know of the person clicking: address, geo, device."""

from functools import lru_cache

import msgspec

from offers.addresses import AddressReader
from offers.devices import ClientHints, Device, DeviceReader
from offers.geo import Geo, GeoReader


class Clues(msgspec.Struct, frozen=True, gc=False):
    """What came with a request and tells of the visitor; `peer` is the socket's address."""

    peer: str
    forwarded_for: str
    user_agent: str
    accept_language: str
    hints: ClientHints


class Visitor(msgspec.Struct, frozen=True, eq=False):
    """The person clicking. `address` is "" where even that is unknown."""

    address: str
    user_agent: str
    accept_language: str
    geo: Geo
    device: Device


class VisitorReader:
    """Makes a visitor of the clues, and remembers as many as `cache_entries`."""

    def __init__(
        self, addresses: AddressReader, geo: GeoReader, devices: DeviceReader, cache_entries: int
    ) -> None:
        self.addresses = addresses
        self.geo = geo
        self.devices = devices
        self.remembered = lru_cache(cache_entries)(self._read)

    def read(self, clues: Clues) -> Visitor:
        """The visitor behind the clues; never raises."""
        if self.geo.reopened():
            self.remembered.cache_clear()
        return self.remembered(clues)

    def _read(self, clues: Clues) -> Visitor:
        address = self.addresses.client_address(clues.peer, clues.forwarded_for)
        return Visitor(
            address=address,
            user_agent=clues.user_agent,
            accept_language=clues.accept_language,
            geo=self.geo.lookup(address),
            device=self.devices.read(clues.user_agent, clues.hints),
        )
