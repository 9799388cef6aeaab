"""Configured transports: a listening socket, what PJSIP sees of it, and for streams the way out."""

from __future__ import annotations

import itertools
import socket
from typing import Any, Protocol

from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall, deferLater

from pbx.errors import ObeliskError
from pbx.pjsip._native.incoming import TransportInfo
from pbx.pjsip._native.transport import PjTransport, TransportTable
from pbx.pjsip.transports.framing import FramingError
from pbx.pjsip.transports.ingress import Ingress
from pbx.pjsip.transports.settings import TransportSettings
from pbx.pjsip.transports.stream import CONNECT_SECONDS, AcceptingFactory, OpeningFactory, SipStream
from pbx.pjsip.transports.udp import UdpSocket
from pbx.sockets import HighPort, connect_tcp, listen_tcp


class Listener(Protocol):
    """A configured transport, open or not."""

    info: TransportInfo
    settings: TransportSettings

    async def open(self) -> None:
        """Bind and listen; raises OSError."""

    async def close(self) -> None:
        """Stop listening and close every connection."""

    def selector(self) -> Any:
        """Floor 2: the pjsip_tpselector * that binds a message to this transport."""

    def sent_by(self, remote_host: str | None = None) -> tuple[str, int]:
        """(host, port) for Via and Contact."""

    def local_host(self, remote_host: str | None = None) -> str:
        """Our own address towards a host."""

    def media_host(self, remote_host: str | None = None) -> str:
        """The address for descriptions of media."""

    def keep_alive(self, interval: float) -> None:
        """Send a keep-alive on each connection every ``interval`` seconds, 0 for never."""


class _Listener:
    """What all kinds share."""

    def __init__(self, reactor: Any, table: TransportTable, ingress: Ingress, settings: TransportSettings) -> None:
        self._reactor = reactor
        self._table = table
        self._ingress = ingress
        self.settings = settings
        self.info = TransportInfo(settings.id, settings.protocol, settings.host, settings.port)

    def sent_by(self, remote_host: str | None = None) -> tuple[str, int]:
        """The external address, the bound one, or, bound to all, the address the kernel would send from.

        With ``local_net`` it is ours: messages that leave those networks are rewritten when they are sent.
        """
        settings = self.settings
        if settings.local_net or not settings.external_address:
            return self.local_host(remote_host), self.info.port
        return settings.external_address, settings.external_port or self.info.port

    def local_host(self, remote_host: str | None = None) -> str:
        """Our own address towards ``remote_host``."""
        host = self.info.host
        if host in ("0.0.0.0", "::"):
            return local_address_towards(remote_host or ("2001:db8::1" if ":" in host else "192.0.2.1"))
        return host

    def media_host(self, remote_host: str | None = None) -> str:
        """The address that descriptions of media show to ``remote_host`` (Asterisk: res_pjsip_session's NAT hook)."""
        settings = self.settings
        ours = self.local_host(remote_host)
        external = settings.external_media_address
        if not external:
            return ours
        if settings.local_net and (settings.is_local(remote_host or "") or not settings.is_local(ours)):
            return ours
        return external


class UdpListener(_Listener):
    """A bound UDP socket and its pjsip_transport."""

    def __init__(self, reactor: Any, table: TransportTable, ingress: Ingress, settings: TransportSettings) -> None:
        super().__init__(reactor, table, ingress, settings)
        self._socket = UdpSocket(reactor, self._received)
        self._transport: PjTransport | None = None

    async def open(self) -> None:
        settings = self.settings
        self._socket.bind(settings.host, settings.port, tos=settings.tos, cos=settings.cos)
        self.info = TransportInfo(self.settings.id, "udp", self._socket.host, self._socket.port)
        try:
            self._transport = self._table.add(self._socket, self.info, sent_by=self.sent_by())
        except BaseException:
            self._socket.shut()
            raise
        self._transport.hold()
        self._socket.start()

    def _received(self, raw: bytes, source: tuple[str, int]) -> None:
        if self._transport is not None:
            self._ingress.receive(raw, self._transport, source)

    def keep_alive(self, interval: float) -> None:
        """A datagram socket has no connections to keep."""

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._socket.shut()

    def selector(self) -> Any:
        if self._transport is None:
            raise ObeliskError(f"transport {self.settings.id} is not open")
        return self._table.transport_selector(self._transport)


class StreamListener(_Listener):
    """A listening TCP port, its connections, and a pjsip_tpfactory for those we open."""

    def __init__(self, reactor: Any, table: TransportTable, ingress: Ingress, settings: TransportSettings) -> None:
        super().__init__(reactor, table, ingress, settings)
        self._port: HighPort | None = None
        self._factory: Any = None
        self._streams: set[SipStream] = set()
        self._numbers = itertools.count(1)
        self._accepting = AcceptingFactory(
            self._build_accepted, settings.max_connections, settings.max_connections_per_source
        )
        self._accepted: set[SipStream] = set()
        self._keeping: LoopingCall | None = None

    def keep_alive(self, interval: float) -> None:
        if self._keeping is not None:
            self._keeping.stop()
            self._keeping = None
        if interval > 0:
            self._keeping = LoopingCall(self._ping)
            self._keeping.clock = self._reactor
            self._keeping.start(interval, now=False)

    def _ping(self) -> None:
        for stream in list(self._streams):
            stream.ping()

    async def open(self) -> None:
        try:
            self._port = listen_tcp(self._reactor, self.settings.port, self._accepting, self.settings.host)
        except CannotListenError as error:
            raise OSError(getattr(error.socketError, "errno", 0), str(error)) from error
        address: Any = self._port.getHost()  # type: ignore[no-untyped-call]
        self.info = TransportInfo(self.settings.id, self.settings.protocol, address.host, address.port)
        self._factory = self._table.add_factory(self.info, self.sent_by(), self._connect)

    async def close(self) -> None:
        self.keep_alive(0)
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()  # type: ignore[no-untyped-call]
        for stream in list(self._streams):
            stream.abort("the transport is closed")
            stream.failed(stream.reason)
        # aborted connections end in the reactor's next turn
        await deferLater(self._reactor, 0)
        if self._factory is not None:
            factory, self._factory = self._factory, None
            self._table.remove_factory(factory)

    def selector(self) -> Any:
        if self._factory is None:
            raise ObeliskError(f"transport {self.settings.id} is not open")
        return self._table.listener_selector(self._factory)

    @property
    def connections(self) -> int:
        return len(self._streams)

    def _stream(self, *, accepted: bool) -> SipStream:
        stream = SipStream(
            self._reactor,
            settings=self.settings,
            receive=self._received,
            lost=self._lost,
            broken=self._broken,
            accepted=accepted,
        )
        self._streams.add(stream)
        return stream

    def _connection_info(self, host: str, port: int) -> TransportInfo:
        return TransportInfo(self.settings.id, self.settings.protocol, host, port, next(self._numbers))

    def _build_accepted(self, peer: tuple[str, int]) -> SipStream:
        stream = self._stream(accepted=True)
        stream.peer = peer
        self._accepted.add(stream)
        stream.pj_transport = self._table.add(
            stream,
            self._connection_info(self.info.host, self.info.port),
            sent_by=self.sent_by(peer[0]),
            remote=peer,
            factory=self._factory,
        )
        stream.pj_transport.hold()
        return stream

    def _connect(self, remote: tuple[str, int], name: str) -> PjTransport:
        """PJSIP wants a connection: it gets its transport now, the connection follows."""
        stream = self._stream(accepted=False)
        stream.peer = remote
        transport = self._table.add(
            stream,
            self._connection_info(self.info.host, self.info.port),
            sent_by=self.sent_by(remote[0]),
            remote=remote,
            remote_name=name,
            outgoing=True,
            factory=self._factory,
        )
        stream.pj_transport = transport
        transport.hold()
        bind = None if self.info.host in ("0.0.0.0", "::") else (self.info.host, 0)
        # in the next turn: PJSIP holds its locks, and a refusal at once would come before its send_msg
        self._reactor.callLater(
            0, connect_tcp, self._reactor, remote[0], remote[1], OpeningFactory(stream), CONNECT_SECONDS, bind
        )
        return transport

    def _received(self, message: bytes, stream: SipStream) -> None:
        if stream.pj_transport is not None:
            self._ingress.receive(message, stream.pj_transport, stream.peer)

    def _broken(self, stream: SipStream, error: FramingError) -> None:
        if stream.pj_transport is not None:
            self._ingress.refuse(error.head, stream.pj_transport, stream.peer, error.code, str(error))

    def _lost(self, stream: SipStream, code: int) -> None:
        self._streams.discard(stream)
        if stream in self._accepted:
            self._accepted.discard(stream)
            self._accepting.released(stream.peer)
        if stream.pj_transport is not None:
            stream.pj_transport.close(120_000 + code)
            for watcher in list(self._table.connection_watchers):
                watcher(stream.pj_transport.info)


def local_address_towards(remote: str) -> str:
    """The local address the kernel would send from to ``remote``; nothing is sent."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 5060))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
