"""What we know of the person clicking: address, geo, device."""

import msgspec

from offers.addresses import AddressReader
from offers.devices import ClientHints, Device, DeviceReader
from offers.geo import Geo, GeoReader


class Visitor(msgspec.Struct, frozen=True):
    """The person clicking. `address` is "" where even that is unknown."""

    address: str
    user_agent: str
    accept_language: str
    geo: Geo
    device: Device


class VisitorReader:
    """Makes a visitor of what came with a request."""

    def __init__(self, addresses: AddressReader, geo: GeoReader, devices: DeviceReader) -> None:
        self.addresses = addresses
        self.geo = geo
        self.devices = devices

    def read(
        self, peer: str, forwarded_for: str, user_agent: str, accept_language: str, hints: ClientHints
    ) -> Visitor:
        """The visitor behind a peer address and the headers of a request; never raises."""
        address = self.addresses.client_address(peer, forwarded_for)
        return Visitor(
            address=address,
            user_agent=user_agent,
            accept_language=accept_language,
            geo=self.geo.lookup(address),
            device=self.devices.read(user_agent, hints),
        )
