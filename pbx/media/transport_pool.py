"""RTP ports: socket pairs of rtp.conf's range, opened when first needed, then lent to one call after the other.

A pair stays open after its call, because PJLIB keeps a closed socket's place for half a second and has 64 places. What
the kernel gathered for a pair between two calls is thrown away when it is lent again; a pair that strangers still send
to is passed over, and taken only when nothing else is left, with a kernel filter against those senders. So a new call
never hears the previous one's late packets.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.media._native.endpoint import PAIRS_PER_ENDPOINT, MediaEndpoint
from pbx.media._native.library import PjLibrary
from pbx.media._native.udp_transport import UdpTransport, open_pair
from pbx.media.errors import MediaError, NoMediaPorts
from pbx.media.source_learner import StrictMode
from pbx.media.strict_rtp import StrictRtp, guard
from pbx.sockets import mark_traffic

if TYPE_CHECKING:
    from pbx.media.leg import Leg

log = Logger()

#: A phone sends until the BYE has reached it: a pair rests this long before it is lent again.
REST_SECONDS = 0.25
#: Pairs of a busy hour are closed again, an endpoint's all at once, when none of them was needed for so long.
UNUSED_SECONDS = 60.0
#: PJLIB keeps a closed socket's place in the ioqueue for 500 ms.
CLOSING_SECONDS = 0.75
#: Endpoints beyond those the limit needs: places of pairs being closed.
SPARE_ENDPOINTS = 2
#: Ports tried when opening one pair, so that a range full of other programs' sockets cannot hold up the reactor.
MAX_TRIES = 256

#: Type of service and 802.1p priority of packets that nobody asked to mark.
UNMARKED = (0, 0)

#: Bind address, and whether packets go to where packets come from.
_Kind = tuple[str, bool]


class RtpTransport:
    """An RTP/RTCP socket pair lent to one call. Give it back with `release`."""

    def __init__(self, pool: TransportPool, native: UdpTransport, kind: _Kind) -> None:
        self._pool = pool
        self.native = native
        self.kind = kind
        self.address: str = kind[0]
        self.rtp_port: int = native.rtp.getsockname()[1]
        self.rtcp_port: int = native.rtcp.getsockname()[1]
        self.lent = False
        self._marking = UNMARKED
        #: The leg whose stream uses the pair.
        self.leg: Leg | None = None
        #: Whether a stream has used the pair since it was lent.
        self.used = False
        self.rests_until = 0.0
        #: Who keeps other senders' RTP out; None where nobody does.
        self.strict: StrictRtp | None = None

    @property
    def symmetric(self) -> bool:
        """Whether packets go to where packets come from (``rtp_symmetric``)."""
        return self.kind[1]

    @property
    def follows_codecs(self) -> bool:
        """Whether a stream here turns to another agreed codec when the far end sends it."""
        return self.strict is not None

    @property
    def source(self) -> tuple[str, int] | None:
        """Address and port the last RTP packet of the current stream came from."""
        return self.native.source() if self.leg is not None else None

    def mark(self, marking: tuple[int, int]) -> None:
        """Mark what the pair sends; where the kernel will not, say so in the log."""
        if marking == self._marking:
            return
        self._marking = marking
        try:
            for sock in (self.native.rtp, self.native.rtcp):
                mark_traffic(sock, *marking)
        except OSError as error:
            log.warn("RTP port {port}: packets are not marked: {error}", port=self.rtp_port, error=error)

    def release(self) -> None:
        """Give the pair back, taking a stream that still uses it off its leg. Idempotent."""
        self._pool.give_back(self)

    def close(self) -> None:
        """Close the sockets; for the pool."""
        if self.strict is not None:
            self.strict.close()
            self.strict = None
        self.native.destroy()

    def __repr__(self) -> str:
        return f"<RtpTransport {self.address}:{self.rtp_port}{' lent' if self.lent else ''}>"


class TransportPool:
    """All pairs of the process, and the pjmedia endpoints whose worker threads serve them."""

    def __init__(
        self,
        library: PjLibrary,
        reactor: Any,
        first_endpoint: MediaEndpoint,
        *,
        rtp_start: int,
        rtp_end: int,
        address: str,
        limit: int,
        strict: StrictMode = StrictMode.YES,
        probation: int = 4,
    ) -> None:
        self._library = library
        self._reactor = reactor
        self._strict = strict
        self._probation = probation
        self._endpoints = [first_endpoint]
        self._address = address
        self._limit = limit
        self._first_port = rtp_start + rtp_start % 2
        self._port_count = max(0, (rtp_end - self._first_port + 1) // 2)
        self._next = secrets.randbelow(self._port_count) if self._port_count else 0
        self._idle: dict[_Kind, deque[RtpTransport]] = {}
        self._all: set[RtpTransport] = set()
        self._closing: deque[tuple[float, MediaEndpoint]] = deque()
        self._tidying: IDelayedCall | None = None
        #: Set by the engine: takes the stream off a leg.
        self.detach: Callable[[Leg], object] | None = None

    @property
    def lent(self) -> int:
        return sum(transport.lent for transport in self._all)

    @property
    def open_pairs(self) -> int:
        return len(self._all)

    def lend(self, *, symmetric: bool, address: str | None, marking: tuple[int, int] = UNMARKED) -> RtpTransport:
        """A quiet pair whose packets carry ``marking``: type of service and 802.1p priority.

        Raises NoMediaPorts when ports, places or descriptors are used up.
        """
        kind = (address or self._address, symmetric)
        transport = self._quiet(kind) or self._open(kind) or self._last_resort(kind)
        if transport is None:
            raise NoMediaPorts(
                f"no RTP port is left on {kind[0]}: {self.lent} pairs of "
                f"{self._first_port}-{self._first_port + 2 * self._port_count - 1} are in use, "
                f"and the limit is {self._limit} legs"
            )
        transport.lent = True
        transport.used = False
        transport.mark(marking)
        if transport.strict is not None:
            transport.strict.renew()
        return transport

    def give_back(self, transport: RtpTransport) -> None:
        if not transport.lent:
            return
        if transport.leg is not None and self.detach is not None:
            self.detach(transport.leg)
        transport.lent = False
        idle = self._idle.setdefault(transport.kind, deque())
        if transport.used:
            transport.rests_until = self._reactor.seconds() + REST_SECONDS
            idle.append(transport)
        else:  # nobody was told that it listens long enough to send: the check before it is lent again will do
            transport.rests_until = self._reactor.seconds()
            idle.appendleft(transport)

    def close(self) -> None:
        """Close every pair and stop the workers of all endpoints but the first."""
        cancel_timer(self._tidying)
        self._tidying = None
        for transport in self._all:
            transport.lent = False
            transport.close()
        self._all.clear()
        self._idle.clear()
        for endpoint in self._endpoints[1:]:
            endpoint.destroy()
        del self._endpoints[1:]

    def _quiet(self, kind: _Kind) -> RtpTransport | None:
        """The idle pair that rested longest, unless somebody still sends to it: then it goes to rest again."""
        idle = self._idle.get(kind)
        now = self._reactor.seconds()
        for _ in range(len(idle) if idle else 0):
            assert idle is not None  # noqa: S101  (for the type checker)
            if idle[0].rests_until > now:
                return None
            transport = idle.popleft()
            if not transport.native.drain():
                transport.native.refuse(set())
                return transport
            transport.rests_until = now + REST_SECONDS
            idle.append(transport)
        return None

    def _last_resort(self, kind: _Kind) -> RtpTransport | None:
        """The idle pair that rested longest, deaf to whoever still sends to it."""
        idle = self._idle.get(kind)
        if not idle:
            return None
        transport = idle.popleft()
        strangers = transport.native.drain()
        if strangers:
            log.info(
                "RTP port {port} is lent again while {count} old senders still send to it",
                port=transport.rtp_port,
                count=len(strangers),
            )
        transport.native.refuse(strangers)
        return transport

    def _open(self, kind: _Kind) -> RtpTransport | None:
        """A new pair from the range, or None when there is no room for one."""
        self._forget_closed()
        if len(self._all) >= self._limit and not self._close_one_of_another(kind):
            return None
        endpoint = self._roomy_endpoint()
        if endpoint is None:
            return None
        mine = {transport.rtp_port for transport in self._all if transport.address == kind[0]}
        for _ in range(min(self._port_count, MAX_TRIES + len(mine))):
            port = self._first_port + 2 * self._next
            self._next = (self._next + 1) % self._port_count
            if port in mine:
                continue
            try:
                pair = open_pair(kind[0], port)
            except MediaError as error:
                log.warn("{error}", error=error)
                return None
            if pair is not None:
                transport = RtpTransport(self, UdpTransport(self._library, endpoint, pair, symmetric=kind[1]), kind)
                transport.strict = guard(transport, self._reactor, self._strict, self._probation)
                self._all.add(transport)
                return transport
        return None

    def _close_one_of_another(self, kind: _Kind) -> bool:
        """Close an idle pair of another kind to make room; its places in the ioqueue count until PJLIB frees them."""
        for other, idle in self._idle.items():
            if other != kind and idle:
                transport = idle.popleft()
                self._all.discard(transport)
                transport.close()
                self._closing.append((self._reactor.seconds() + CLOSING_SECONDS, transport.native.endpoint))
                return True
        return False

    def _forget_closed(self) -> None:
        now = self._reactor.seconds()
        while self._closing and self._closing[0][0] <= now:
            self._closing.popleft()[1].pairs -= 1

    def _roomy_endpoint(self) -> MediaEndpoint | None:
        for endpoint in self._endpoints:
            if not endpoint.full:
                return endpoint
        if (len(self._endpoints) - SPARE_ENDPOINTS) * PAIRS_PER_ENDPOINT >= self._limit:
            return None
        endpoint = MediaEndpoint(self._library)
        self._endpoints.append(endpoint)
        if self._tidying is None:
            self._tidying = self._reactor.callLater(UNUSED_SECONDS, self._tidy)
        return endpoint

    def _tidy(self) -> None:
        """End the workers that nobody needs: each wakes up a hundred times a second."""
        unused_since = self._reactor.seconds() - UNUSED_SECONDS
        for endpoint in self._endpoints[:0:-1]:
            pairs = [transport for transport in self._all if transport.native.endpoint is endpoint]
            if endpoint.pairs == len(pairs) and all(
                not transport.lent and transport.rests_until <= unused_since for transport in pairs
            ):
                for transport in pairs:
                    self._idle[transport.kind].remove(transport)
                    self._all.discard(transport)
                    transport.close()
                endpoint.destroy()
                self._endpoints.remove(endpoint)
        busy = len(self._endpoints) > 1
        self._tidying = self._reactor.callLater(UNUSED_SECONDS, self._tidy) if busy else None
