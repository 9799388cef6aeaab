"""The manager on TCP and TLS: the only file of the interface that touches transports.

Each client has a queue of its own, bounded in bytes and in time. Data goes to the socket at once while the client keeps
up; for one that does not, the rest waits here, and who leaves data unread too long or lets too much pile up is cut off
with a line in the log. Nobody else notices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import ssl
from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pbx.clock import cancel_timer
from pbx.security_events import SecurityAddress
from pbx.sockets import host_port, listen_tcp

if TYPE_CHECKING:
    from ami.manager import Manager
    from ami.session import Session

log = Logger()

#: Bytes kept for a client that reads slowly: some 8,000 events.
MAX_QUEUED_BYTES = 4 << 20
#: Seconds a client has to leave its data unread, until its user's ``writetimeout`` says otherwise.
WRITE_TIMEOUT = 30.0
#: Seconds for the last words of a session to go out.
CLOSE_TIMEOUT = 5.0


@implementer(IPushProducer)
class ManagerProtocol(Protocol):
    """One connection: the `Link` of one session."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._session: Session | None = None
        self._queue: list[bytes] = []
        self._queued = 0
        #: Whether the transport holds data it could not write yet.
        self._stuck = False
        self._closing = False
        self._gone = False
        self._write_timeout = WRITE_TIMEOUT
        self._timer: IDelayedCall | None = None
        self.local = self.remote = SecurityAddress("TCP", "", 0)

    # Twisted's side

    def connectionMade(self) -> None:
        transport: Any = self.transport
        secure = hasattr(transport, "getPeerCertificate")
        kind = "TLS" if secure else "TCP"
        self.local = SecurityAddress(kind, *host_port(transport.getHost()))
        self.remote = SecurityAddress(kind, *host_port(transport.getPeer()))
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        self._write_some = None if secure else getattr(transport, "writeSomeData", None)
        transport.registerProducer(self, True)
        self._session = self._manager.connected(self)
        if self._session is None:
            self._gone = True
            transport.unregisterProducer()
            transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        if self._session is not None:
            self._session.receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._gone = True
        cancel_timer(self._timer)
        self._queue.clear()
        self._queued = 0
        session, self._session = self._session, None
        if session is not None:
            self._manager.lost(session)

    # The session's side

    @property
    def queued(self) -> int:
        """Bytes that wait here for the client."""
        return self._queued

    def write(self, data: bytes) -> None:
        """Send ``data``: at once if the client keeps up."""
        if self._gone or not data:
            return
        if self._stuck:
            self._enqueue(data)
            return
        if self._write_some is not None:
            # Past Twisted's buffer: that costs two calls of epoll_ctl for each write.
            sent = self._write_some(data)
            if not isinstance(sent, int):
                self._cut("the connection broke")
                return
            if sent == len(data):
                return
            data = data[sent:]
        transport: Any = self.transport
        transport.write(data)
        if self._write_some is not None and not self._stuck:
            # The transport pauses its producer from 64 KB on; we want to know whenever it has written what it holds.
            transport.producerPaused = True
            self.pauseProducing()

    def _enqueue(self, data: bytes) -> None:
        self._queue.append(data)
        self._queued += len(data)
        if self._queued > MAX_QUEUED_BYTES:
            self._cut(f"it left {self._queued} bytes unread")

    def pauseProducing(self) -> None:
        """The transport holds data that the client has not taken."""
        self._stuck = True
        self._arm(CLOSE_TIMEOUT if self._closing else self._write_timeout)

    def resumeProducing(self) -> None:
        """The transport has written everything."""
        if self._gone:
            return
        self._stuck = False
        cancel_timer(self._timer)
        if self._queue:
            data = b"".join(self._queue)
            self._queue, self._queued = [], 0
            self.write(data)
        if self._closing and not self._stuck:
            self._finish()

    def stopProducing(self) -> None:
        """The transport is going; `connectionLost` follows."""

    def pause(self) -> None:
        """Read no more until `resume`."""
        transport: Any = self.transport
        if not self._gone:
            transport.pauseProducing()

    def resume(self) -> None:
        transport: Any = self.transport
        if not self._gone:
            transport.resumeProducing()

    def set_write_timeout(self, seconds: float) -> None:
        """How long the client may leave data unread."""
        self._write_timeout = seconds

    def close(self) -> None:
        """End the connection once everything is written, in any case after `CLOSE_TIMEOUT`."""
        if self._gone or self._closing:
            return
        self._closing = True
        if not self._stuck:
            self._finish()
        else:
            self._arm(CLOSE_TIMEOUT)

    def _finish(self) -> None:
        transport: Any = self.transport
        # TLS says goodbye only once no producer can have more to say.
        transport.unregisterProducer()
        transport.loseConnection()
        self._arm(CLOSE_TIMEOUT)

    def _arm(self, seconds: float) -> None:
        cancel_timer(self._timer)
        self._timer = self._manager.server.clock.call_later(seconds, self._too_slow, seconds)

    def _too_slow(self, seconds: float) -> None:
        if self._closing:
            self._abort()
        else:
            self._cut(f"it read nothing for {seconds:g} s")

    def _cut(self, reason: str) -> None:
        if self._gone:
            return
        user = "" if self._session is None else self._session.username
        log.warn(
            "manager client '{user}' from {peer} was cut off: {reason}", user=user, peer=self.remote.host, reason=reason
        )
        self._abort()

    def _abort(self) -> None:
        self._gone = True
        cancel_timer(self._timer)
        self._queue.clear()
        transport: Any = self.transport
        if transport is not None:
            # In a turn of its own: the loss must not reach the sessions while events are being handed out.
            self._manager.server.clock.call_later(0, transport.abortConnection)


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
    """Listen on TLS 1.2 or later with a certificate chain and key in PEM files.

    Raises CannotListenError, OSError or OpenSSL's Error.
    """
    from OpenSSL import SSL
    from twisted.protocols.tls import TLSMemoryBIOFactory

    options = ssl.CertificateOptions(
        privateKey=_load_key(key or certificate),
        certificate=_load_chain(certificate)[0],
        extraCertChain=_load_chain(certificate)[1:],
        raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
    )
    context: SSL.Context = options.getContext()
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    factory: Any = TLSMemoryBIOFactory(options, isClient=False, wrappedFactory=ManagerFactory(manager))
    return listen_tcp(reactor, port, factory, address)


def _load_chain(path: str) -> list[Any]:
    from pathlib import Path

    from OpenSSL import crypto

    text = Path(path).read_bytes()
    marker = b"-----END CERTIFICATE-----"
    return [
        crypto.load_certificate(crypto.FILETYPE_PEM, part + marker)
        for part in text.split(marker)
        if b"-----BEGIN CERTIFICATE-----" in part
    ]


def _load_key(path: str) -> Any:
    from pathlib import Path

    from OpenSSL import crypto

    return crypto.load_privatekey(crypto.FILETYPE_PEM, Path(path).read_bytes())
