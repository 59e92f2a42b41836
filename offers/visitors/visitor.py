"""Puts a visitor together from address, place and device, and caches visitors."""

from collections.abc import Callable
from functools import lru_cache

import msgspec

from offers.visitors.address import AddressReader
from offers.visitors.device import ClientHints, Device, DeviceReader
from offers.visitors.geoip import Geo, GeoReader

# Maximum length of the headers of a cached visitor, and again of the client hints alone.
USUAL_CHARACTERS = 1024


class Clues(msgspec.Struct, frozen=True, gc=False):
    """The parts of a request that describe the visitor; `peer` is the socket's address."""

    peer: str
    forwarded_for: str
    user_agent: str
    accept_language: str
    hints: ClientHints


class Visitor(msgspec.Struct, eq=False, gc=False):
    """The person who clicks. `address` is "" if even that is unknown.

    `fingerprint` and `record_part` are derived from the rest by `offers.click_log.record` at the first click
    and kept here, because a cached visitor serves many clicks.
    """

    address: str
    user_agent: str
    accept_language: str
    geo: Geo
    device: Device
    fingerprint: str = ""
    record_part: bytes = b""


class VisitorReader:
    """Makes visitors of clues, and caches up to `cache_entries` of usual size."""

    def __init__(
        self, addresses: AddressReader, geo: GeoReader, devices: DeviceReader, cache_entries: int
    ) -> None:
        self.addresses = addresses
        self.geo = geo
        self.devices = devices
        self._geo_version = geo.version
        self.remembered = lru_cache(cache_entries)(self._usual)

    def read(self, clues: Clues) -> Visitor:
        """Return the visitor behind the clues. Never raises."""
        self.geo.look()
        if self.geo.version != self._geo_version:
            self._geo_version = self.geo.version
            self.remembered.cache_clear()
        return self.remembered(clues) if _is_usual(clues) else self._visitor(clues, self.devices.read)

    def _usual(self, clues: Clues) -> Visitor:
        return self._visitor(clues, self.devices.remembered)

    def _visitor(self, clues: Clues, device: Callable[[str, ClientHints], Device]) -> Visitor:
        address = self.addresses.client_address(clues.peer, clues.forwarded_for)
        return Visitor(
            address=address,
            user_agent=clues.user_agent,
            accept_language=clues.accept_language,
            geo=self.geo.lookup(address),
            device=device(clues.user_agent, clues.hints),
        )


def _is_usual(clues: Clues) -> bool:
    """Return whether the clues are no longer than a browser's; longer ones would fill the cache."""
    hints = clues.hints
    return (
        len(clues.user_agent) + len(clues.accept_language) + len(clues.forwarded_for) <= USUAL_CHARACTERS
        and len(hints.full_version_list) + len(hints.model) + len(hints.platform) <= USUAL_CHARACTERS
        and len(hints.platform_version) + len(hints.mobile) <= USUAL_CHARACTERS
    )
