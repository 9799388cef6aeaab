"""UDP: datagrams in batches from the reactor's turn, straight to the screen; a bounded queue for a full kernel."""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from pbx.sockets import mark_traffic

log = Logger()

#: Datagrams read per turn of the reactor, so that a flood leaves time for everything else.
BATCH = 32
#: Turns closer together than this read until there is no more.
BURST_SECONDS = 0.0005
#: Largest datagram there is.
MAX_DATAGRAM = 65_535
#: Datagrams kept while the kernel's buffer is full; further ones are refused, as the network would drop them.
MAX_QUEUED = 1024
#: Wanted size of the kernel's receive buffer, in bytes; the kernel may give less.
RECEIVE_BUFFER = 4 * 1024 * 1024

#: Errors that concern an earlier datagram of ours (ICMP), not this socket.
_PASSING = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EINTR, errno.EMSGSIZE})


@implementer(IReadDescriptor, IWriteDescriptor)
class UdpSocket:
    """A bound UDP socket in the reactor. ``receive(raw, (host, port))`` gets every datagram."""

    def __init__(self, reactor: Any, receive: Callable[[bytes, tuple[str, int]], object]) -> None:
        self._reactor = reactor
        self._receive = receive
        self._socket: socket.socket | None = None
        self._queue: deque[tuple[bytes, tuple[str, int]]] = deque()
        #: One for all datagrams: to allocate the largest possible for each costs more than the copy.
        self._buffer = memoryview(bytearray(MAX_DATAGRAM))
        self._read_at = 0.0
        self.host = ""
        self.port = 0

    def bind(self, host: str, port: int, *, tos: int = 0, cos: int = 0) -> None:
        """Open, bind and mark what is sent; raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if tos or cos:
                mark_traffic(sock, tos, cos)
            sock.bind((host, port))
        except BaseException:
            sock.close()
            raise
        self._socket = sock
        self.host, self.port = sock.getsockname()[:2]

    def start(self) -> None:
        """Begin to read."""
        self._reactor.addReader(self)

    def shut(self) -> None:
        """Close; may be called twice."""
        sock, self._socket = self._socket, None
        if sock is None:
            return
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._queue.clear()
        sock.close()

    def send(self, raw: bytes, destination: tuple[str, int], completion: Callable[[int], None]) -> bool:
        """See `pbx.pjsip._native.transport.Wire`."""
        sock = self._socket
        if sock is None:
            raise OSError(errno.ENOTCONN, "the socket is closed")
        if not self._queue:
            try:
                sock.sendto(raw, destination)
                return True
            except (BlockingIOError, InterruptedError):
                self._reactor.addWriter(self)
        if len(self._queue) >= MAX_QUEUED:
            raise OSError(errno.ENOBUFS, "the send queue is full")
        self._queue.append((raw, destination))
        return True

    # -- IReadDescriptor, IWriteDescriptor ---------------------------------------------------------------------------

    def doRead(self) -> None:
        receive = self._receive
        # One read a turn while messages come singly: the second would only find that there is no more.
        now = monotonic()
        burst = now - self._read_at < BURST_SECONDS
        self._read_at = now
        for _ in range(BATCH if burst else 1):
            sock = self._socket
            if sock is None:
                return
            try:
                size, source = sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _PASSING:
                    continue
                log.error("reading UDP {host}:{port}: {error}", host=self.host, port=self.port, error=error)
                return
            receive(self._buffer[:size].tobytes(), source[:2])

    def doWrite(self) -> None:
        queue = self._queue
        while queue and self._socket is not None:
            raw, destination = queue[0]
            try:
                self._socket.sendto(raw, destination)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _PASSING:
                    log.warn("sending to {to[0]}:{to[1]}: {error}", to=destination, error=error)
            queue.popleft()
        self._reactor.removeWriter(self)

    def fileno(self) -> int:
        return -1 if self._socket is None else self._socket.fileno()

    def connectionLost(self, reason: object) -> None:
        self.shut()

    def logPrefix(self) -> str:
        return f"SIP UDP {self.host}:{self.port}"
