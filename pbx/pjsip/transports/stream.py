"""SIP over a Twisted stream: one protocol for connections accepted and opened, bounded in time, size and number."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pbx.clock import cancel_timer
from pbx.pjsip.transports.framing import PING, PONG, Framer, FramingError
from pbx.sockets import host_port, mark_traffic

if TYPE_CHECKING:
    from pbx.pjsip._native.transport import PjTransport
    from pbx.pjsip.transports.settings import TransportSettings

log = Logger()

#: A connection that has not brought one whole message by then is closed.
FIRST_MESSAGE_SECONDS = 30.0
#: A message begun must be whole by then, however slowly its bytes drip in.
MESSAGE_SECONDS = 10.0
#: Connecting takes this long at most.
CONNECT_SECONDS = 10.0
#: Bytes waiting for a peer that does not read; more, and the connection is given up.
MAX_UNSENT = 512 * 1024
#: A peer that has not read anything for so long is given up.
STALL_SECONDS = 32.0
#: Messages kept while a connection is being opened.
MAX_WAITING = 64

Completion = Callable[[int], None]


@implementer(IPushProducer)
class SipStream(Protocol):
    """One connection, and the wire of its PjTransport."""

    def __init__(
        self,
        reactor: Any,
        *,
        settings: TransportSettings,
        receive: Callable[[bytes, SipStream], object],
        lost: Callable[[SipStream, int], object],
        broken: Callable[[SipStream, FramingError], object],
        accepted: bool,
    ) -> None:
        """``accepted``: the peer opened it, so it must speak first. ``receive(message, self)``; ``lost(self, errno)``
        once; ``broken(self, error)`` before the connection is closed for bytes that are no SIP."""
        self._reactor = reactor
        self._settings = settings
        self._idle_timeout = settings.idle_timeout
        self._receive = receive
        self._lost = lost
        self._broken = broken
        self._framer = Framer()
        self._deadline: IDelayedCall | None = None
        self._idle: IDelayedCall | None = None
        self._stalled: IDelayedCall | None = None
        self._unsent = 0
        self._waiting: list[tuple[bytes, Completion]] = []
        self._open = False
        self._gone = False
        self._spoke = not accepted
        self.pj_transport: PjTransport | None = None
        self.peer: tuple[str, int] = ("", 0)
        self.reason = errno.ECONNRESET

    # -- Twisted -----------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        transport: Any = self.transport
        if self.is_gone:
            transport.abortConnection()
            return
        self._open = True
        self.peer = host_port(transport.getPeer())
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        self._prepare(transport.getHandle())
        transport.registerProducer(self, True)
        if not self._spoke:
            self._deadline = self._reactor.callLater(FIRST_MESSAGE_SECONDS, self.abort, "no message in time")
        self._idle = self._reactor.callLater(self._idle_timeout, self._idle_out)
        waiting, self._waiting = self._waiting, []
        for raw, completion in waiting:
            transport.write(raw)
            completion(len(raw))

    def _prepare(self, handle: object) -> None:
        """Mark what is sent, and let the kernel find dead peers."""
        if not isinstance(handle, socket.socket):
            return
        settings = self._settings
        probes = settings.probes
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probes.idle)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, probes.interval)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes.count)
        if settings.tos or settings.cos:
            try:
                mark_traffic(handle, settings.tos, settings.cos)
            except OSError as error:
                log.warn("transport {id}: packets are not marked: {error}", id=settings.id, error=error)

    @property
    def is_gone(self) -> bool:
        """Whether the connection has ended."""
        return self._gone

    def dataReceived(self, data: bytes) -> None:
        if self._gone:
            return
        if self._idle is not None and self._idle.active():
            self._idle.reset(self._idle_timeout)
        framer = self._framer
        try:
            for message in framer.feed(data):
                if not self._spoke:
                    self._spoke = True
                    cancel_timer(self._deadline)
                    self._deadline = None
                self._receive(message, self)
                if self.is_gone:
                    return
        except FramingError as error:
            self._broken(self, error)
            self.close()
            return
        if framer.pings:
            # one answer for however many pings came together: it is a sign of life, not a count
            framer.pings = 0
            if self._unsent == 0:
                self._write(PONG)
        self._watch_message()

    def _watch_message(self) -> None:
        if not self._spoke:
            return
        if self._framer.is_midway:
            if self._deadline is None:
                self._deadline = self._reactor.callLater(MESSAGE_SECONDS, self.abort, "a message was not completed")
        else:
            cancel_timer(self._deadline)
            self._deadline = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()

    def failed(self, code: int) -> None:
        """The connection could not be opened."""
        self.reason = code
        self._end()

    def _end(self) -> None:
        if self._gone:
            return
        self._gone = True
        self._open = False
        for timer in (self._deadline, self._idle, self._stalled):
            cancel_timer(timer)
        waiting, self._waiting = self._waiting, []
        for _, completion in waiting:
            completion(-(120_000 + self.reason))
        self._lost(self, self.reason)

    def _idle_out(self) -> None:
        in_use = self.pj_transport is not None and self.pj_transport.users > 0
        if in_use:
            self._idle = self._reactor.callLater(self._idle_timeout, self._idle_out)
        else:
            self._idle = None
            self.close()

    def abort(self, why: str) -> None:
        """Drop the connection without waiting for the peer."""
        log.info("SIP connection of {peer[0]}:{peer[1]} closed: {why}", peer=self.peer, why=why)
        transport: Any = self.transport
        if transport is not None and self._open:
            transport.abortConnection()

    def close(self) -> None:
        """Close after what was written."""
        transport: Any = self.transport
        if transport is not None and self._open:
            transport.unregisterProducer()
            transport.loseConnection()
            if self._stalled is None:
                self._stalled = self._reactor.callLater(STALL_SECONDS, self.abort, "closing took too long")

    # -- the wire ----------------------------------------------------------------------------------------------------

    def send(self, raw: bytes, destination: tuple[str, int], completion: Completion) -> bool:
        """See `pbx.pjsip._native.transport.Wire`."""
        if self._gone:
            raise OSError(errno.ENOTCONN, "the connection is closed")
        if not self._open:
            if len(self._waiting) >= MAX_WAITING:
                raise OSError(errno.ENOBUFS, "too many messages wait for the connection")
            self._waiting.append((raw, completion))
            return False
        self._write(raw)
        return True

    def _write(self, raw: bytes) -> None:
        transport: Any = self.transport
        if self._stalled is not None:
            self._unsent += len(raw)
            if self._unsent > MAX_UNSENT:
                self.abort("the peer does not read")
                raise OSError(errno.ENOBUFS, "the peer does not read")
        transport.write(raw)

    def ping(self) -> None:
        """Send a keep-alive (RFC 5626 4.4.1), unless the peer is slow to read anyway."""
        if self._open and not self._gone and self._stalled is None:
            self._write(PING)

    def shut(self) -> None:
        """PJSIP needs the connection no more."""
        self.close()

    # -- IPushProducer: the transport tells how full it is -------------------------------------------------------------

    def pauseProducing(self) -> None:
        if self._stalled is None:
            self._unsent = 1
            self._stalled = self._reactor.callLater(STALL_SECONDS, self.abort, "the peer does not read")

    def resumeProducing(self) -> None:
        cancel_timer(self._stalled)
        self._stalled = None
        self._unsent = 0

    def stopProducing(self) -> None:
        return


class AcceptingFactory(ServerFactory):
    """Builds a stream per accepted connection within the limits."""

    noisy = False

    def __init__(self, build: Callable[[tuple[str, int]], SipStream], limit: int, limit_per_source: int) -> None:
        self._build = build
        self._limit = limit
        self._limit_per_source = limit_per_source
        self._sources: Counter[str] = Counter()

    def buildProtocol(self, addr: IAddress | None) -> SipStream | None:
        peer = ("", 0) if addr is None else host_port(addr)
        if self._sources.total() >= self._limit or self._sources[peer[0]] >= self._limit_per_source:
            log.warn("SIP connection of {host} refused: too many connections", host=peer[0])
            return None
        self._sources[peer[0]] += 1
        return self._build(peer)

    def released(self, peer: tuple[str, int]) -> None:
        """An accepted connection is gone."""
        self._sources[peer[0]] -= 1
        if self._sources[peer[0]] <= 0:
            del self._sources[peer[0]]


class OpeningFactory(ClientFactory):
    """Carries one stream that already exists to its connection."""

    noisy = False

    def __init__(self, stream: SipStream) -> None:
        self._stream = stream

    def buildProtocol(self, addr: IAddress | None) -> SipStream:
        return self._stream

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        code = getattr(reason.value, "osError", None)
        self._stream.failed(code if isinstance(code, int) else errno.ETIMEDOUT)
