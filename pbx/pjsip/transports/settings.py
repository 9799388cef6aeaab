"""What a listening transport is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from pbx.config.types import IPNetwork


@dataclass(frozen=True)
class Probes:
    """TCP keepalive: a connection idle for so many seconds is probed every ``interval`` seconds, ``count`` times.

    Where pjsip.conf asks for nothing, a dead peer is found within two minutes instead of the kernel's two hours.
    """

    idle: int = 60
    interval: int = 15
    count: int = 4


@dataclass(frozen=True)
class TransportSettings:
    """A transport section as far as sockets are concerned (pjsip.conf type=transport).

    ``port`` 0: any free port. ``external_address``/``external_port``: what Via and Contact show in place of the bound
    address; with ``local_net`` towards hosts outside those networks only. ``external_media_address``: what descriptions
    of media name there. ``max_connections`` and ``max_connections_per_source``: accepted connections at one time;
    beyond, new ones are closed at once. ``idle_timeout``: seconds without a byte after which an unused connection is
    closed; longer than a registration, because phones behind NAT are reached by theirs only. ``tos`` and ``cos``: how
    packets are marked. ``probes``: how the kernel finds out that the far end of a connection is dead.
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
    tos: int = 0
    cos: int = 0
    probes: Probes = field(default_factory=Probes)

    def is_local(self, host: str) -> bool:
        """Whether ``host``, a literal address, is in ``local_net``; a name is not."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.local_net if network.version == address.version)
