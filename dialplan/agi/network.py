"""FastAGI: the program is a TCP server; one connection each (res_agi.c, launch_netscript and launch_ha_netscript)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from dialplan.agi.link import UNREAD_SECONDS, Link
from pbx.clock import cancel_timer
from pbx.errors import ObeliskError
from pbx.sockets import HighReactor

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.clock import Clock

log = Logger()

PORT = 4573
#: Seconds one address may take to accept (MAX_AGI_CONNECT), and everything together, names included.
CONNECT_SECONDS = 2.0
ALL_SECONDS = 10.0
SERVICE = "_agi._tcp."
SRV_SECONDS = (2, 3)
MAX_SERVERS = 16


class CannotConnect(ObeliskError):
    """No FastAGI server took the call; the text says why."""


class Target(NamedTuple):
    """Where to connect; port 0 where none was given. ``script`` is what stands behind the server's name."""

    host: str
    port: int
    script: str


def parse_url(url: str) -> Target:
    """``agi://host[:port][/script]``; the host may be an IPv6 address in brackets. Raises CannotConnect."""
    host, _, script = url.partition("://")[2].partition("/")
    name, number = host, ""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        number = rest.removeprefix(":")
    elif host.count(":") == 1:
        name, _, number = host.partition(":")
    if not name or (number and not (number.isdecimal() and 0 < int(number) < 65536)):
        raise CannotConnect(f"'{host}' is not a host with a port")
    return Target(name, int(number or 0), script)


class NetworkLink(Link, Protocol):
    """One connection."""

    def __init__(self, clock: Clock) -> None:
        Link.__init__(self, clock)
        self.name = "server"
        self._closing: IDelayedCall | None = None

    @property
    def _tcp(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        self._tcp.setTcpNoDelay(True)
        self._tcp.setTcpKeepAlive(True)
        self._tcp.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        self.received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        cancel_timer(self._closing)
        self.lost()

    def hung_up(self) -> None:
        """A line of its own among the answers."""
        self.send("HANGUP\n")

    def close(self) -> None:
        self._now_read()
        if self.transport is None or self._closing is not None:
            return
        if self.failed:
            self._tcp.abortConnection()
        elif not self.ended:
            # What was not read yet may still go out, but not for ever.
            self._closing = self._clock.call_later(UNREAD_SECONDS, self._tcp.abortConnection)
            self._tcp.unregisterProducer()
            self._tcp.loseConnection()

    def _write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def _pause(self) -> None:
        if not self.ended:
            self._tcp.pauseProducing()

    def _resume(self) -> None:
        if not self.ended:
            self._tcp.resumeProducing()


class FastAgi:
    """Connects to FastAGI servers."""

    def __init__(self, reactor: Any, clock: Clock) -> None:
        self._reactor = reactor
        self._clock = clock
        self._resolver: Any = None

    async def connect(self, url: str) -> tuple[NetworkLink, Target]:
        """A connection to the server of ``agi://`` or ``hagi://``. Raises CannotConnect."""
        target = parse_url(url)
        if not hasattr(self._reactor, "nameResolver"):
            raise CannotConnect("no connections are made in virtual time")
        if url[:7].lower() != "hagi://":
            return await self._connect(url, target), target
        if target.port:
            log.warn("Specifying a port number disables SRV lookups: {url}", url=url)
            return await self._connect(url, target), target
        for host, port in await self._servers(target.host):
            each = Target(host, port, target.script)
            try:
                return await self._connect(url, each), each
            except CannotConnect as error:
                log.warn("AGI request failed for {host}: {reason}", host=target.host, reason=str(error))
        raise CannotConnect(f"no server of {target.host} takes the call")

    async def _connect(self, url: str, target: Target) -> NetworkLink:
        port = target.port or PORT
        endpoint = HostnameEndpoint(HighReactor(self._reactor), target.host, port, CONNECT_SECONDS)
        factory = Factory.forProtocol(lambda: NetworkLink(self._clock))
        factory.noisy = False
        connecting: Deferred[Any] = endpoint.connect(factory)
        timer = self._clock.call_later(ALL_SECONDS, connecting.cancel)
        try:
            link: NetworkLink = await connecting
        except (ConnectError, ConnectingCancelledError, ValueError, OSError) as error:
            raise CannotConnect(f"{target.host}:{port}: {error}") from error
        finally:
            if timer.active():
                timer.cancel()
        link.name = url
        return link

    async def _servers(self, host: str) -> Sequence[tuple[str, int]]:
        """The servers a name's SRV records list, in the order to try them (RFC 2782). Raises CannotConnect."""
        from twisted.names import client, dns

        if self._resolver is None:
            self._resolver = client.createResolver()  # type: ignore[no-untyped-call]
        try:
            answers, _, _ = await self._resolver.lookupService(SERVICE + host, timeout=SRV_SECONDS)
        except Exception as error:
            # Twisted's resolver has errors of many classes, its own timeout being an Exception and nothing more.
            raise CannotConnect(f"SRV lookup failed for {SERVICE}{host}: {error!r}") from error
        records = [each.payload for each in answers if each.type == dns.SRV][:MAX_SERVERS]
        # Among servers of one priority a heavier one comes first more often.
        records.sort(key=lambda each: (each.priority, -(random.random() ** (1 / (each.weight or 0.01)))))
        found = [(str(each.target), int(each.port)) for each in records]
        if not found:
            raise CannotConnect(f"{SERVICE}{host} names no server")
        return found
