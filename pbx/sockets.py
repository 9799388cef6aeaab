"""TCP sockets of the whole exchange live at high file descriptors.

pjmedia waits for its RTP sockets by select(), which takes descriptors below 1024 only. So every accepted or opened TCP
connection moves to 2048 or above, and the low numbers stay free for calls. The process must be allowed that many
(`pbx.cli.process.set_limits`); where it is not, the sockets stay where they are.
"""

from __future__ import annotations

import errno
import fcntl
import socket
from typing import Any

from twisted.internet import main, tcp
from twisted.internet.interfaces import IAddress, IReactorPluggableNameResolver
from twisted.internet.protocol import ClientFactory, ServerFactory
from zope.interface import directlyProvides

#: First descriptor given to TCP connections.
FIRST_HIGH = 2048


def moved_up(sock: socket.socket) -> socket.socket:
    """``sock`` at a high descriptor; itself where the process may not have one."""
    if sock.fileno() >= FIRST_HIGH:
        return sock
    try:
        descriptor = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, FIRST_HIGH)
    except OSError:
        return sock
    high = socket.socket(fileno=descriptor)
    sock.close()
    high.setblocking(False)
    return high


def mark_traffic(sock: socket.socket, tos: int, cos: int) -> None:
    """Let all that ``sock`` sends carry ``tos`` in its IP header and have 802.1p priority ``cos``. Raises OSError."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    # After the type of service, from which the kernel derives a priority of its own.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, cos)


class HighServer(tcp.Server):
    """An accepted connection."""

    def __init__(self, sock: socket.socket, *args: Any) -> None:
        super().__init__(moved_up(sock), *args)

    def writeSomeData(self, data: bytes) -> Any:  # noqa: N802  # Twisted's name
        """As Twisted's, without its view of the data and its retry of interrupted calls: an eighth of a small send."""
        try:
            return self.socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            return 0 if error.errno == errno.ENOBUFS else main.CONNECTION_LOST


class HighPort(tcp.Port):
    """A listening port whose connections are `HighServer`."""

    transport = HighServer  # type: ignore[assignment]  # Twisted's stubs name the base class


class HighClient(tcp.Client):
    """An outgoing connection."""

    def createInternetSocket(self) -> socket.socket:  # noqa: N802  # Twisted's name
        return moved_up(super().createInternetSocket())  # type: ignore[no-untyped-call]


class HighConnector(tcp.Connector):
    """Makes `HighClient`."""

    def _makeTransport(self) -> HighClient:  # noqa: N802  # Twisted's name
        return HighClient(self.host, self.port, self.bindAddress, self, self.reactor)  # type: ignore[no-untyped-call]


def listen_tcp(reactor: Any, port: int, factory: ServerFactory, interface: str, backlog: int = 512) -> HighPort:
    """As reactor.listenTCP; raises CannotListenError."""
    listening = HighPort(port, factory, backlog, interface, reactor)
    listening.startListening()
    return listening


def connect_tcp(
    reactor: Any,
    host: str,
    port: int,
    factory: ClientFactory,
    timeout: float,
    bind_address: tuple[str, int] | None = None,
) -> HighConnector:
    """As reactor.connectTCP."""
    connector = HighConnector(host, port, factory, timeout, bind_address, reactor)
    connector.connect()
    return connector


class HighReactor:
    """A reactor as endpoints see it, whose outgoing TCP connections are `HighClient`."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        directlyProvides(self, IReactorPluggableNameResolver)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def connectTCP(  # noqa: N802  # Twisted's name
        self,
        host: str,
        port: int,
        factory: ClientFactory,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,  # noqa: N803  # Twisted's name
    ) -> HighConnector:
        return connect_tcp(self._reactor, host, port, factory, timeout, bindAddress)


def host_port(address: IAddress) -> tuple[str, int]:
    """(host, port) of a TCP address of Twisted's."""
    return str(getattr(address, "host", "")), int(getattr(address, "port", 0))
