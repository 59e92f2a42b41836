"""Puts a visitor together from address, place and device, and caches visitors."""

from collections.abc import Callable
from functools import lru_cache

import msgspec

from offers.visitors.address import AddressReader
from offers.visitors.automated import FETCHED_AHEAD, AutomatedReason
from offers.visitors.device import NO_HINTS, ClientHints, Device, DeviceReader
from offers.visitors.geoip import Geo, GeoReader

# Maximum length of the headers of a cached visitor, and again of the client hints alone.
USUAL_CHARACTERS = 1024


class Clues(msgspec.Struct, frozen=True, gc=False):
    """The parts of a request that describe the visitor; `peer` is the socket's address.

    `purpose` is what the browser says that the request is for, if nobody has clicked.
    """

    peer: str
    forwarded_for: str
    user_agent: str
    accept_language: str
    hints: ClientHints
    purpose: AutomatedReason | None = None


class Visitor(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The person who clicks. `address` is "" if even that is unknown.

    `automated` says why it is no person; None if it may be one.
    """

    address: str
    user_agent: str
    accept_language: str
    geo: Geo
    device: Device
    automated: AutomatedReason | None = None


class VisitorPlan(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A visitor, with everything that their clicks share, made once.

    `fingerprint` marks them on a campaign; `record_part` is their half of the click record, as JSON.
    """

    visitor: Visitor
    fingerprint: str
    record_part: bytes


class VisitorReader:
    """Makes visitors of clues, plans their clicks, and caches up to `cache_entries` plans of usual size."""

    def __init__(
        self,
        plan: Callable[[Visitor], VisitorPlan],
        addresses: AddressReader,
        geo: GeoReader,
        devices: DeviceReader,
        cache_entries: int,
        *,
        recognizes_automated: bool = True,
    ) -> None:
        """Without `recognizes_automated` every visitor is taken for a person."""
        self._plan = plan
        self._recognizes_automated = recognizes_automated
        self.addresses = addresses
        self.geo = geo
        self.devices = devices
        self._geo_version = geo.version
        self.remembered = lru_cache(cache_entries)(self._usual)

    def read(self, clues: Clues) -> VisitorPlan:
        """Return the plan for the visitor behind the clues. Never raises."""
        self.geo.look()
        if self.geo.version != self._geo_version:
            self._geo_version = self.geo.version
            self.remembered.cache_clear()
        return self.remembered(clues) if _is_usual(clues) else self._visitor(clues, self.devices.read)

    def is_fetched_ahead(self, clues: Clues) -> bool:
        """Return whether a browser sent the request before any click, and will send another one then."""
        return clues.purpose in FETCHED_AHEAD and self._recognizes_automated

    def _usual(self, clues: Clues) -> VisitorPlan:
        return self._visitor(clues, self.devices.remembered)

    def _visitor(self, clues: Clues, device: Callable[[str, ClientHints], Device]) -> VisitorPlan:
        address = self.addresses.client_address(clues.peer, clues.forwarded_for)
        found = device(clues.user_agent, clues.hints)
        visitor = Visitor(
            address=address,
            user_agent=clues.user_agent,
            accept_language=clues.accept_language,
            geo=self.geo.lookup(address),
            device=found,
            automated=(clues.purpose or found.automated) if self._recognizes_automated else None,
        )
        return self._plan(visitor)


def _is_usual(clues: Clues) -> bool:
    """Return whether the clues are no longer than a browser's; longer ones would fill the cache."""
    if len(clues.user_agent) + len(clues.accept_language) + len(clues.forwarded_for) > USUAL_CHARACTERS:
        return False
    hints = clues.hints
    return hints is NO_HINTS or (
        len(hints.full_version_list) + len(hints.model) + len(hints.platform) <= USUAL_CHARACTERS
        and len(hints.platform_version) + len(hints.mobile) <= USUAL_CHARACTERS
    )
