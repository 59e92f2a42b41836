"""`/metrics`: who may read it, and what it says."""

import ipaddress
from collections.abc import Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from cotraffic.ops.metrics.files import shared_directory
from offers.request import Scope
from offers.visitors.address import AddressReader


class MetricsPage:
    """The page of one worker, which tells of all. `own` holds what this worker counts.

    Raises `ValueError` for an entry of `allow` that is neither an address nor a network.
    """

    def __init__(
        self,
        own: CollectorRegistry,
        instance: Collector,
        allow: Sequence[str],
        trusted_proxies: Sequence[str],
    ) -> None:
        self._own = own
        self._instance = instance
        self._allow = [ipaddress.ip_network(entry.strip(), strict=False) for entry in allow]
        self._addresses = AddressReader(trusted_proxies)

    def admits(self, scope: Scope) -> bool:
        """Whether whoever asks may read it; a client behind a trusted proxy counts by its own address."""
        peer = scope["client"][0] if scope["client"] else ""
        # Several headers are one list, as everywhere in HTTP.
        forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        address = self._addresses.client_address(peer, forwarded.decode("latin-1"))
        return bool(address) and any(ipaddress.ip_address(address) in network for network in self._allow)

    def render(self, scope: Scope) -> tuple[bytes, bytes]:
        """Content type and body in the format that is asked for; waits for Redis."""
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        encode, content_type = choose_encoder(accept)
        registry = CollectorRegistry()
        directory = shared_directory()
        if directory is None:
            registry.register(self._own)
        else:
            MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
        registry.register(self._instance)
        return content_type.encode(), encode(registry)
