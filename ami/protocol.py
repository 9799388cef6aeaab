"""The manager on TCP and TLS: the only file of the interface that touches transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.python.failure import Failure

from pbx import client_connection
from pbx.client_connection import ClientConnection
from pbx.sockets import listen_tcp

if TYPE_CHECKING:
    from ami.manager import Manager
    from ami.session import Session


class ManagerProtocol(ClientConnection):
    """One connection: the `Link` of one session."""

    def __init__(self, manager: Manager) -> None:
        super().__init__(manager.server.clock)
        self._manager = manager
        self._session: Session | None = None

    def connectionMade(self) -> None:
        self.opened()
        self._session = self._manager.connected(self)
        if self._session is None:
            self._gone = True
            transport: Any = self.transport
            transport.unregisterProducer()
            transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        if self._session is not None:
            self._session.receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended()
        session, self._session = self._session, None
        if session is not None:
            self._manager.lost(session)

    def client_name(self) -> str:
        return f"manager client '{'' if self._session is None else self._session.username}'"

    def pause(self) -> None:
        """Read no more until `resume`."""
        transport: Any = self.transport
        if not self._gone:
            transport.pauseProducing()

    def resume(self) -> None:
        transport: Any = self.transport
        if not self._gone:
            transport.resumeProducing()


class ManagerFactory(ServerFactory):
    """Makes a `ManagerProtocol` for each connection."""

    noisy = False

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def buildProtocol(self, addr: IAddress | None) -> ManagerProtocol:
        return ManagerProtocol(self._manager)


def listen(reactor: Any, manager: Manager, address: str, port: int) -> Any:
    """Listen on TCP; gives Twisted's port. Raises CannotListenError."""
    return listen_tcp(reactor, port, ManagerFactory(manager), address)


def listen_tls(reactor: Any, manager: Manager, address: str, port: int, certificate: str, key: str) -> Any:
    """Listen on TLS; raises as `pbx.client_connection.listen_tls`."""
    return client_connection.listen_tls(reactor, ManagerFactory(manager), address, port, certificate, key)
