"""Who is asking: the client's address, believed from trusted proxies only."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

REMEMBERED_PEERS = 1000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressReader:
    """Finds the client's address behind the proxies that `trusted_proxies` (addresses or networks) names.

    With `private_stands_for`, a visitor from a private address is taken for that address, so that a browser
    on a developer's machine can try geo rules.
    """

    def __init__(self, trusted_proxies: Iterable[str], private_stands_for: str = "") -> None:
        self._trusted = tuple(ipaddress.ip_network(proxy.strip(), strict=False) for proxy in trusted_proxies)
        self._private_stands_for = private_stands_for
        # Of the same few proxies click after click comes.
        self._peer = lru_cache(REMEMBERED_PEERS)(self._read_peer)

    def client_address(self, peer: str, forwarded_for: str) -> str:
        """The address, in its canonical form, or "" when even the peer's is unknown (a Unix socket).

        `forwarded_for` is the whole X-Forwarded-For header. It is read from the right, because everything
        left of the first untrusted entry is the visitor's own writing. An entry that is no address is such
        an entry too: nobody can say who came to the proxy that wrote it, so the visitor is taken to be there.
        """
        address, is_trusted = self._peer(peer)
        if forwarded_for and is_trusted:
            for entry in reversed(forwarded_for.split(",")):
                if not entry.strip():
                    continue
                hop = parse_address(entry)
                if hop is None:
                    break
                address = hop
                if not self._trusts(hop):
                    break
        if address is None:
            return ""
        if self._private_stands_for and address.is_private:
            return self._private_stands_for
        return str(address)

    def is_trusted(self, peer: str) -> bool:
        """Whether what `peer` says of others is believed: it is a trusted proxy, or on a Unix socket."""
        return self._peer(peer)[1]

    def _read_peer(self, peer: str) -> tuple[Address | None, bool]:
        address = parse_address(peer)
        return address, address is None or self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def parse_address(text: str) -> Address | None:
    """The address in `text`, with or without port or brackets; an IPv4-mapped IPv6 address as IPv4."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
