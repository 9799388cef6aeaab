"""What a listening transport is made of."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from pbx.config.types import IPNetwork


@dataclass(frozen=True)
class TransportSettings:
    """A transport section as far as sockets are concerned (pjsip.conf type=transport).

    ``port`` 0: any free port. ``external_address``/``external_port``: what Via and Contact show in place of the bound
    address; with ``local_net`` towards hosts outside those networks only. ``external_media_address``: what descriptions
    of media name there. ``max_connections`` and ``max_connections_per_source``: accepted connections at one time;
    beyond, new ones are closed at once. ``idle_timeout``: seconds without a byte after which an unused connection is
    closed; longer than a registration, because phones behind NAT are reached by theirs only.
    """

    id: str
    protocol: str = "udp"
    host: str = "127.0.0.1"
    port: int = 0
    external_address: str | None = None
    external_port: int | None = None
    external_media_address: str | None = None
    local_net: tuple[IPNetwork, ...] = ()
    max_connections: int = 10_000
    max_connections_per_source: int = 100
    idle_timeout: float = 3900.0

    def is_local(self, host: str) -> bool:
        """Whether ``host``, a literal address, is in ``local_net``; a name is not."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.local_net if network.version == address.version)
