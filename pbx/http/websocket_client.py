"""res_websocket_client: the servers of websocket_client.conf, and connections to them (RFC 6455).

A connection has a deadline; what is written to it is bounded as for any client of ours (`pbx.client_connection`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from wsproto import ConnectionType as WsType
from wsproto import WSConnection
from wsproto.events import AcceptConnection, RejectConnection, Request, TextMessage
from wsproto.utilities import RemoteProtocolError

from pbx.client_connection import ClientConnection
from pbx.config import types
from pbx.config.errors import flatten, raise_if_any
from pbx.config.options import ConfigObject, OptionError, option, parse_section
from pbx.errors import ConfigError, ObeliskError
from pbx.http.tls import TlsSettings, connection_creator
from pbx.http.websocket import WebSocket
from pbx.modules import Module

if TYPE_CHECKING:
    from pbx.clock import Clock
    from pbx.config import ConfigLoader

log = Logger()

FILE = "websocket_client.conf"
_LATER = "accepted from Asterisk's file; changes nothing here"
#: Bytes of a server's answer to the handshake.
MAX_HANDSHAKE_BYTES = 16 << 10


class ConnectionKind(Enum):
    """Whether a connection is there all the time, or made for each call that needs it."""

    PERSISTENT = "persistent"
    PER_CALL = "per_call_config"


class WebSocketError(ObeliskError):
    """No connection could be made; the text says why."""


@dataclass(frozen=True, slots=True)
class WebSocketServer(ConfigObject):
    """A server to connect to; ``id`` is the section's name."""

    type_name: ClassVar[str] = "websocket_client"

    type: str = option(types.STRING, "websocket_client", hidden=True, help="websocket_client")
    uri: str = option(types.STRING, "", help="ws://host[:port]/path, or wss:// with tls_enabled")
    protocols: tuple[str, ...] = option(types.COMMA_LIST, (), help="sub-protocols to offer")
    username: str = option(types.STRING, "", help="user to authenticate as")
    password: str = option(types.STRING, "", secret=True, help="the user's password")
    connection_type: ConnectionKind = option(
        types.enum(ConnectionKind), ConnectionKind.PERSISTENT, help="persistent, or per_call_config: one for each call"
    )
    connection_timeout: int = option(types.integer(1, 600_000), 500, help="milliseconds for a connection to be made")
    reconnect_interval: int = option(types.integer(1, 3_600_000), 500, help="milliseconds between attempts")
    reconnect_attempts: int = option(
        types.integer(1, 1000), 4, help="attempts for a call; a persistent connection tells of every so manieth failure"
    )
    tls_enabled: bool = option(types.YESNO, False, help="whether TLS is used (wss)")
    ca_list_file: str = option(types.STRING, "", help="certificates of authorities to trust, PEM; else the system's")
    cert_file: str = option(types.STRING, "", help="certificate to show to the server, PEM")
    priv_key_file: str = option(types.STRING, "", help="its private key, PEM; by default in cert_file")
    verify_server_cert: bool = option(types.YESNO, True, help="whether the server's certificate must be trusted")
    verify_server_hostname: bool = option(types.YESNO, True, help="whether it must be for the host of the URI")
    ca_list_path: str = option(types.STRING, "", hidden=True, help=_LATER)
    proxy_host: str = option(types.STRING, "", hidden=True, help="proxies are not supported")
    proxy_username: str = option(types.STRING, "", hidden=True, help=_LATER)
    proxy_password: str = option(types.STRING, "", hidden=True, secret=True, help=_LATER)
    keepalives: tuple[tuple[str, str], ...] = option(
        types.PREFIXED, (), prefix="tcp_keepalive", hidden=True, help=_LATER
    )
    enable_tcp_keepalives: bool = option(types.YESNO, True, hidden=True, help=_LATER)
    enable_pingpongs: bool = option(types.YESNO, False, hidden=True, help=_LATER)
    pingpongs: tuple[tuple[str, str], ...] = option(types.PREFIXED, (), prefix="pingpong", hidden=True, help=_LATER)

    def applied(self) -> WebSocketServer:
        """Check the options against each other. Raises OptionError."""
        parts = urlsplit(self.uri)
        if parts.scheme not in {"ws", "wss"} or not parts.hostname:
            raise OptionError("uri", "must be ws://host[:port]/path or wss://...")
        if (parts.scheme == "wss") is not self.tls_enabled:
            raise OptionError("tls_enabled", "is for wss, and wss needs it")
        if self.proxy_host:
            raise OptionError("proxy_host", "proxies are not supported")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.uri)
        return parts.hostname or "", parts.port or (443 if self.tls_enabled else 80)

    @property
    def target(self) -> str:
        """The path and query of the request."""
        parts = urlsplit(self.uri)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def read_websocket_client_conf(loader: ConfigLoader) -> dict[str, WebSocketServer]:
    """The servers by section name; none without the file. Raises ConfigErrors with everything that is wrong."""
    config = loader.load_optional(FILE)
    servers: dict[str, WebSocketServer] = {}
    errors: list[ConfigError] = []
    for section in () if config is None else config.sections:
        if section.get("type") != WebSocketServer.type_name:
            errors.append(ConfigError(f"[{section.name}]: type must be websocket_client", section.path, section.line))
            continue
        try:
            servers[section.name] = parse_section(WebSocketServer, section)
        except ConfigError as error:
            errors += flatten(error)
    raise_if_any(errors)
    return servers


class WebSocketLink(ClientConnection):
    """A connection to a server: the handshake, then the `WebSocket` that is put on it."""

    def __init__(self, clock: Clock, server: WebSocketServer, ready: Deferred[WebSocketLink]) -> None:
        super().__init__(clock)
        self._server = server
        self._ready = ready
        self._connection = WSConnection(WsType.CLIENT)
        self._socket: WebSocket | None = None
        self._received = 0
        self._who = f"WebSocket server '{server.id}'"

    def connectionMade(self) -> None:
        self.opened()
        server = self._server
        host, port = server.address
        headers = []
        if server.username:
            pair = f"{server.username}:{server.password}".encode()
            headers.append((b"Authorization", b"Basic " + base64.b64encode(pair)))
        request = Request(
            host=f"{host}:{port}", target=server.target, subprotocols=list(server.protocols), extra_headers=headers
        )
        self.write(self._connection.send(request))

    def dataReceived(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.receive(data)
        elif not self._ready.called:
            self._shake(data)

    def _shake(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_HANDSHAKE_BYTES:
            self._refused("its answer to the handshake is too long")
            return
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                if isinstance(event, AcceptConnection):
                    self._ready.callback(self)
                    return
                if isinstance(event, RejectConnection):
                    self._refused(f"it answered {event.status_code}")
                    return
        except RemoteProtocolError as error:
            self._refused(f"its answer is no handshake: {error}")

    def _refused(self, reason: str) -> None:
        if not self._ready.called:
            self._ready.errback(WebSocketError(reason))
        self.abort()

    def put(self, on_text: Callable[[str], None], on_lost: Callable[[], None]) -> WebSocket:
        """Speak on the connection from now on; what came with the handshake is given at once."""
        socket = self._socket = WebSocket(self, on_text, on_lost, self._connection)
        socket.receive(b"")
        return socket

    def frame(self, payload: bytes) -> bytes:
        """A text message as a client sends it: masked."""
        return self._connection.send(TextMessage(data=payload.decode("utf-8", "replace")))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended()
        if not self._ready.called:
            self._ready.errback(WebSocketError(f"the connection was lost: {reason.getErrorMessage()}"))
        if self._socket is not None:
            self._socket.lost()

    def describe(self, who: str) -> None:
        """The words by which the log names the server."""
        self._who = who

    def client_name(self) -> str:
        return self._who


class WebSocketClients:
    """The servers, and connections to them."""

    def __init__(self, reactor: Any, clock: Clock, servers: dict[str, WebSocketServer]) -> None:
        self._reactor = reactor
        self._clock = clock
        self.servers = servers
        #: Told after a reload.
        self.observers: list[Callable[[], object]] = []

    async def connect(self, server: WebSocketServer) -> WebSocketLink:
        """Connect and shake hands, within the server's ``connection_timeout``. Raises WebSocketError."""
        seconds = server.connection_timeout / 1000
        ready: Deferred[WebSocketLink] = Deferred()
        clock = self._clock

        class Connecting(Factory):
            noisy = False

            def buildProtocol(self, addr: object) -> WebSocketLink:
                return WebSocketLink(clock, server, ready)

        async def connected() -> WebSocketLink:
            link: WebSocketLink = await self._endpoint(server).connect(Connecting())
            try:
                return await ready
            except CancelledError:
                link.abort()
                raise

        waiting = Deferred.fromCoroutine(connected())
        timer = clock.call_later(seconds, waiting.cancel)
        try:
            return await waiting
        except WebSocketError:
            raise
        except CancelledError:
            if timer.active():
                raise  # our caller was cancelled
            raise WebSocketError(f"no answer within {seconds:g} seconds") from None
        except Exception as error:  # resolver, TCP and TLS each have errors of their own
            raise WebSocketError(str(error) or type(error).__name__) from error
        finally:
            if timer.active():
                timer.cancel()

    def _endpoint(self, server: WebSocketServer) -> Any:
        host, port = server.address
        # The deadline is `connect`'s.
        endpoint = HostnameEndpoint(self._reactor, host, port, timeout=server.connection_timeout / 1000 + 1)
        return wrapClientTLS(_tls(server, host), endpoint) if server.tls_enabled else endpoint


def _tls(server: WebSocketServer, host: str) -> Any:
    """Twisted's options for TLS to a server. Raises OSError or ValueError for files that cannot be used."""
    settings = TlsSettings(
        ca_file=server.ca_list_file,
        certificate=server.cert_file,
        key=server.priv_key_file,
        verify_peer=server.verify_server_cert,
        verify_name=server.verify_server_hostname,
    )
    return connection_creator(settings, host)


class WebSocketClientModule(Module):
    """Connections to WebSocket servers."""

    name = "res_websocket_client"
    description = "WebSocket Client Support"

    def check(self) -> None:
        read_websocket_client_conf(self.server.config)

    async def load(self) -> None:
        servers = read_websocket_client_conf(self.server.config)
        self._clients = WebSocketClients(self.server.reactor, self.server.clock, servers)
        self.server.provide(WebSocketClients, self._clients)

    async def unload(self) -> None:
        self.server.withdraw(WebSocketClients)

    async def reload(self) -> None:
        self._clients.servers = read_websocket_client_conf(self.server.config)
        for observer in list(self._clients.observers):
            observer()


MODULES: tuple[type[Module], ...] = (WebSocketClientModule,)
