"""A client's connection with a queue of its own, bounded in bytes and in time.

Data goes to the socket at once while the client keeps up; for one that does not, the rest waits here, and who leaves
data unread too long or lets too much pile up is cut off with a line in the log. Nobody else notices.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger
from zope.interface import implementer

from pbx.clock import Clock, cancel_timer
from pbx.security_events import SecurityAddress
from pbx.sockets import host_port, listen_tcp

if TYPE_CHECKING:
    from OpenSSL import crypto

log = Logger()

#: Bytes kept for a client that reads slowly: some 8,000 events.
MAX_QUEUED_BYTES = 4 << 20
#: Seconds a client may leave its data unread, unless it is told otherwise.
WRITE_TIMEOUT = 30.0
#: Seconds for the last words of a connection to go out, and for the client to hear them.
CLOSE_TIMEOUT = 5.0


@implementer(IPushProducer)
class ClientConnection(Protocol):
    """The writing half of a connection; a subclass reads, and calls `opened` and `ended` when Twisted tells it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: list[bytes] = []
        self._queued = 0
        #: Whether the transport holds data it could not write yet.
        self._stuck = False
        self._closing = False
        self._gone = False
        self._write_timeout = WRITE_TIMEOUT
        self._write_timer: IDelayedCall | None = None
        self._aborting: IDelayedCall | None = None
        self.local = self.peer = SecurityAddress("TCP", "", 0)

    def opened(self) -> None:
        """The connection is there: its addresses are known and it can be written to."""
        transport: Any = self.transport
        secure = hasattr(transport, "getPeerCertificate")
        kind = "TLS" if secure else "TCP"
        self.local = SecurityAddress(kind, *host_port(transport.getHost()))
        self.peer = SecurityAddress(kind, *host_port(transport.getPeer()))
        transport.setTcpNoDelay(True)
        # A client may listen in silence for hours; one that is gone without a word is found by the kernel.
        transport.setTcpKeepAlive(True)
        self._write_some = None if secure else getattr(transport, "writeSomeData", None)
        transport.registerProducer(self, True)

    def ended(self) -> None:
        """The connection has gone."""
        self._gone = True
        cancel_timer(self._write_timer)
        cancel_timer(self._aborting)
        self._queue.clear()
        self._queued = 0

    def client_name(self) -> str:
        """How the log names the client."""
        return "client"

    def drained(self) -> None:
        """The client has taken all there was. For subclasses that wait for it."""

    # Writing

    @property
    def queued(self) -> int:
        """Bytes that wait here for the client."""
        return self._queued

    def set_write_timeout(self, seconds: float) -> None:
        """How long the client may leave data unread."""
        self._write_timeout = seconds

    def write(self, data: bytes) -> None:
        """Send ``data``: at once if the client keeps up."""
        if self._gone or not data:
            return
        if self._stuck:
            self._queue.append(data)
            self._queued += len(data)
            if self._queued > MAX_QUEUED_BYTES:
                self._cut(f"it left {self._queued} bytes unread")
            return
        if self._write_some is not None:
            # Past Twisted's buffer: that costs two calls of epoll_ctl for each write.
            sent = self._write_some(data)
            if not isinstance(sent, int):
                # Twisted will notice too.
                self.abort()
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

    def pauseProducing(self) -> None:
        """The transport holds data that the client has not taken."""
        self._stuck = True
        self._arm(CLOSE_TIMEOUT if self._closing else self._write_timeout)

    def resumeProducing(self) -> None:
        """The transport has written everything."""
        if self._gone:
            return
        self._stuck = False
        cancel_timer(self._write_timer)
        if self._queue:
            data = b"".join(self._queue)
            self._queue, self._queued = [], 0
            self.write(data)
        if self._stuck:
            return
        if self._closing:
            self._finish()
        else:
            self.drained()

    def stopProducing(self) -> None:
        """The transport is going; `connectionLost` follows."""

    # Ending

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
        cancel_timer(self._write_timer)
        self._write_timer = self._clock.call_later(seconds, self._too_slow, seconds)

    def _too_slow(self, seconds: float) -> None:
        if self._closing:
            self.abort()
        else:
            self._cut(f"it read nothing for {seconds:g} s")

    def _cut(self, reason: str) -> None:
        if not self._gone:
            log.warn(
                "{who} from {peer} was cut off: {reason}", who=self.client_name(), peer=self.peer.host, reason=reason
            )
            self.abort()

    def abort(self) -> None:
        """End the connection now."""
        if self._gone:
            return
        self._gone = True
        cancel_timer(self._write_timer)
        self._queue.clear()
        transport: Any = self.transport
        if transport is not None:
            # In a turn of its own: the loss must not reach anybody while events are being handed out.
            # TLS that has gone by then cannot be aborted any more.
            self._aborting = self._clock.call_later(0, transport.abortConnection)


def listen_tls(reactor: Any, factory: ServerFactory, address: str, port: int, certificate: str, key: str) -> Any:
    """Listen on TLS 1.2 or later with a certificate chain and key in PEM files (``key`` empty: in the same file).

    Raises CannotListenError, OSError, ValueError where there is no certificate, or OpenSSL's Error.
    """
    from OpenSSL import SSL, crypto
    from twisted.internet import ssl
    from twisted.protocols.tls import TLSMemoryBIOFactory

    chain = _load_chain(certificate)
    options = ssl.CertificateOptions(
        privateKey=crypto.load_privatekey(crypto.FILETYPE_PEM, Path(key or certificate).read_bytes()),
        certificate=chain[0],
        extraCertChain=chain[1:],
        raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
    )
    context: SSL.Context = options.getContext()
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    secure: Any = TLSMemoryBIOFactory(options, isClient=False, wrappedFactory=factory)
    return listen_tcp(reactor, port, secure, address)


def _load_chain(path: str) -> list[crypto.X509]:
    from OpenSSL import crypto

    marker = b"-----END CERTIFICATE-----"
    chain = [
        crypto.load_certificate(crypto.FILETYPE_PEM, part + marker)
        for part in Path(path).read_bytes().split(marker)
        if b"-----BEGIN CERTIFICATE-----" in part
    ]
    if not chain:
        raise ValueError(f"{path} holds no certificate")
    return chain
