"""What we know of the person clicking: address, geo, device."""

from collections.abc import Callable
from functools import lru_cache

import msgspec

from offers.visitors.address import AddressReader
from offers.visitors.device import ClientHints, Device, DeviceReader
from offers.visitors.geoip import Geo, GeoReader

# Of all that a browser tells of its visitor, and of its hints once more.
USUAL_CHARACTERS = 1024


class Clues(msgspec.Struct, frozen=True, gc=False):
    """What came with a request and tells of the visitor; `peer` is the socket's address."""

    peer: str
    forwarded_for: str
    user_agent: str
    accept_language: str
    hints: ClientHints


class Visitor(msgspec.Struct, eq=False, gc=False):
    """The person clicking. `address` is "" where even that is unknown.

    `fingerprint` and `record_part` are worked out of the rest by `click_record` when they are first wanted.
    """

    address: str
    user_agent: str
    accept_language: str
    geo: Geo
    device: Device
    fingerprint: str = ""
    record_part: bytes = b""


class VisitorReader:
    """Makes a visitor of the clues, and remembers as many as `cache_entries` of usual size."""

    def __init__(
        self, addresses: AddressReader, geo: GeoReader, devices: DeviceReader, cache_entries: int
    ) -> None:
        self.addresses = addresses
        self.geo = geo
        self.devices = devices
        self._geo_version = geo.version
        self.remembered = lru_cache(cache_entries)(self._usual)

    def read(self, clues: Clues) -> Visitor:
        """The visitor behind the clues; never raises."""
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
    """Whether the clues are as long as those of browsers; what else comes is too large to remember."""
    hints = clues.hints
    return (
        len(clues.user_agent) + len(clues.accept_language) + len(clues.forwarded_for) <= USUAL_CHARACTERS
        and len(hints.full_version_list) + len(hints.model) + len(hints.platform) <= USUAL_CHARACTERS
        and len(hints.platform_version) + len(hints.mobile) <= USUAL_CHARACTERS
    )
