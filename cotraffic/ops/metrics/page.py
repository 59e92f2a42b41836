"""The page `/metrics`: who may read it, and its content."""

import ipaddress
from collections.abc import Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from cotraffic.ops.metrics.files import WorkersCollector, shared_directory
from offers.request import Scope
from offers.visitors.address import AddressReader, parse_address


class MetricsPage:
    """Renders the metrics of all workers, from any of them.

    `own` has this worker's metrics, `collectors` read those of the instance. Raises `ValueError` for
    an entry of `allow` that is neither an address nor a network.
    """

    def __init__(
        self,
        own: CollectorRegistry,
        collectors: Sequence[Collector],
        allow: Sequence[str],
        trusted_proxies: Sequence[str],
    ) -> None:
        self._own = own
        self._collectors = collectors
        self._allow = [ipaddress.ip_network(entry.strip(), strict=False) for entry in allow]
        self._addresses = AddressReader(trusted_proxies)

    def admits(self, scope: Scope) -> bool:
        """Return whether the client may read it; behind a trusted proxy its own address counts.

        A client that a proxy names by no address may not: it would be taken for the proxy, which is often
        this machine.
        """
        peer = scope["client"][0] if scope["client"] else ""
        headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        # In HTTP several headers of one name are one list.
        forwarded = ",".join(headers)
        hops = [entry for entry in forwarded.split(",") if entry.strip()]
        if headers and not (hops and all(map(parse_address, hops))):
            return False
        address = self._addresses.client_address(peer, forwarded)
        return bool(address) and any(ipaddress.ip_address(address) in network for network in self._allow)

    def render(self, scope: Scope) -> tuple[bytes, bytes]:
        """Return content type and body in the requested format. Waits for Redis."""
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        encode, content_type = choose_encoder(accept)
        registry = CollectorRegistry()
        directory = shared_directory()
        if directory is None:
            registry.register(self._own)
        else:
            registry.register(WorkersCollector(directory))
        for collector in self._collectors:
            registry.register(collector)
        return content_type.encode(), encode(registry)
