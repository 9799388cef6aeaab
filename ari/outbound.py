"""Sockets that the exchange opens to applications (ari.conf's ``outbound_websocket``; res/ari/ari_websockets.c).

A *persistent* socket is connected from the start and again whenever it breaks; its applications stay registered
meanwhile and what happens is kept for them, up to a bound. A *per call* socket is opened when Stasis() names one of its
applications, serves ``<application>:<channel>`` and is closed some seconds after the call has left.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ari.websocket import EventSocket
from pbx.clock import cancel_timer
from pbx.errors import ObeliskError
from pbx.http.websocket_client import ConnectionKind, WebSocketClients, WebSocketError
from pbx.stasis.applications import StasisApplications
from pbx.stasis.errors import BadName
from pbx.stasis.events import StasisEvent
from pbx.stasis.service import Stasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.internet.interfaces import IDelayedCall

    from ari.config import OutboundWebSocket, User
    from ari.server import AriServer
    from pbx.core.channel import Channel
    from pbx.http.websocket_client import WebSocketLink, WebSocketServer

log = Logger()

#: Bytes of events kept for a server that is not connected; the oldest go first.
MAX_KEPT_BYTES = 1 << 20
#: Seconds a socket of one call stays after the call has left: for the last events of its channel.
AFTER_SECONDS = 3.0


class OutboundSocket(EventSocket):
    """One socket to a server; `EventSink` of its applications, connected or not."""

    def __init__(self, ari: AriServer, user: User, conf: OutboundWebSocket, server: WebSocketServer) -> None:
        super().__init__(ari, user, server.address[0])
        self.conf = conf
        self.server = server
        self._link: WebSocketLink | None = None
        self._ended: Deferred[None] | None = None
        #: What happened while there was no connection.
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0

    def serve(self, link: WebSocketLink) -> Deferred[None]:
        """Speak on a connection; fires when it has gone."""
        ended = self._ended = Deferred()
        self._link = link
        self.address = link.peer.host
        link.describe(f"ARI application server '{self.conf.id}'")
        self._ari.sockets.append(self)
        self._socket = link.put(self._request, self._connection_lost)
        kept, self._kept, self._kept_bytes = self._kept, deque(), 0
        for application in list(self.applications):
            self.deliver(application, StasisEvent("ApplicationRegistered", self._ari.server.clock.now()))
        for payload in kept:
            self._put(payload)
        return ended

    def _connection_lost(self) -> None:
        self._link = self._socket = None
        self._pending.clear()
        self._pending_bytes = 0
        if self in self._ari.sockets:
            self._ari.sockets.remove(self)
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.callback(None)

    def _framed(self, payload: bytes) -> bytes:
        return b"" if self._link is None else self._link.frame(payload)

    def _put(self, payload: bytes) -> None:
        if self._link is not None:
            super()._put(payload)
            return
        self._kept.append(payload)
        self._kept_bytes += len(payload)
        while self._kept_bytes > MAX_KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft())

    @property
    def connected(self) -> bool:
        return self._link is not None

    def shut_down(self) -> None:
        self.flush()
        if self._socket is not None:
            self._socket.close()

    def end(self) -> None:
        """Close the connection, if there is one, and give up the applications."""
        for application in list(self.applications):
            if self._link is not None:
                self.deliver(application, StasisEvent("ApplicationUnregistered", self._ari.server.clock.now()))
        self.close()
        self._kept.clear()


class OutboundSockets:
    """All of them: persistent ones are kept connected, those of calls are opened on demand (`PerCall`)."""

    def __init__(self, ari: AriServer, clients: WebSocketClients) -> None:
        self._ari = ari
        self._clients = clients
        self._persistent: dict[str, tuple[OutboundSocket, Deferred[None]]] = {}
        self._of_calls: dict[str, tuple[OutboundSocket, Deferred[None]]] = {}
        self._timers: dict[str, IDelayedCall] = {}
        self._reserved: set[str] = set()
        clients.observers.append(self.refresh)

    def __iter__(self) -> Iterator[OutboundSocket]:
        return iter([socket for socket, _ in (*self._persistent.values(), *self._of_calls.values())])

    # Configuration

    def refresh(self) -> None:
        """Open and close what the configuration says now; sockets whose settings are as before go on."""
        config = self._ari.config
        wanted: dict[str, tuple[OutboundWebSocket, WebSocketServer, User]] = {}
        per_call: set[str] = set()
        for conf in config.outbound.values():
            server = self._clients.servers.get(conf.websocket_client_id)
            if server is None:
                log.error(
                    "ari.conf: [{id}] is not opened: there is no [{client}] in websocket_client.conf",
                    id=conf.id,
                    client=conf.websocket_client_id,
                )
            elif server.connection_type is ConnectionKind.PER_CALL:
                per_call.update(conf.apps)
            else:
                wanted[conf.id] = (conf, server, config.users[conf.local_ari_user])
        for name, (socket, running) in list(self._persistent.items()):
            if name not in wanted or wanted[name] != (socket.conf, socket.server, socket.user):
                del self._persistent[name]
                running.cancel()
                socket.end()
        for name, (conf, server, user) in wanted.items():
            if name not in self._persistent:
                self._start(conf, server, user)
        registry = self._ari.server.require(StasisApplications)
        for app in self._reserved - per_call:
            registry.unreserve(app)
        for app in per_call - self._reserved:
            registry.reserve(app)
        self._reserved = per_call

    def stop(self) -> None:
        """Close every socket."""
        self._clients.observers.remove(self.refresh)
        for socket, running in self._persistent.values():
            running.cancel()
            socket.end()
        self._persistent.clear()
        for name in list(self._of_calls):
            self._close(name)
        registry = self._ari.server.find(StasisApplications)
        if registry is not None:
            for app in self._reserved:
                registry.unreserve(app)
        self._reserved = set()

    # Persistent

    def _start(self, conf: OutboundWebSocket, server: WebSocketServer, user: User) -> None:
        socket = OutboundSocket(self._ari, user, conf, server)
        try:
            socket.register(list(conf.apps), subscribe_all=conf.subscribe_all)
        except BadName as error:
            log.error("ari.conf: [{id}] is not opened: {error}", id=conf.id, error=str(error))
            return
        running = Deferred.fromCoroutine(self._run(socket))
        running.addErrback(_cancelled)
        self._persistent[conf.id] = (socket, running)

    async def _run(self, socket: OutboundSocket) -> None:
        """Connect, again and again."""
        server, failures = socket.server, 0
        while True:
            try:
                link = await self._clients.connect(server)
            except WebSocketError as error:
                if failures % server.reconnect_attempts == 0:
                    log.warn("{uri}: not connected: {error}", uri=server.uri, error=str(error))
                failures += 1
            else:
                failures = 0
                log.info("{id}: Outbound websocket connected to {uri}", id=socket.conf.id, uri=server.uri)
                await socket.serve(link)
                log.warn("{id}: Websocket disconnected.  Reconnecting", id=socket.conf.id)
            await self._ari.server.clock.sleep(server.reconnect_interval / 1000)

    # For calls

    def _conf_of(self, application: str) -> tuple[OutboundWebSocket, WebSocketServer] | None:
        for conf in self._ari.config.outbound.values():
            server = self._clients.servers.get(conf.websocket_client_id)
            if application in conf.apps and server is not None and server.connection_type is ConnectionKind.PER_CALL:
                return conf, server
        return None

    def serves(self, application: str) -> bool:
        """Whether a socket is opened for a call to this application."""
        return self._conf_of(application) is not None

    async def open(self, channel: Channel, application: str) -> str:
        """Open a socket for a call; the application's name for it, or an empty text when the server does not answer."""
        found = self._conf_of(application)
        if found is None:
            return ""
        conf, server = found
        name = f"{application}:{channel.name}"
        socket = OutboundSocket(self._ari, self._ari.config.users[conf.local_ari_user], conf, server)
        link = await self._connect(server, name)
        if link is None:
            return ""
        try:
            socket.register([name], subscribe_all=conf.subscribe_all, of_channel=True)
        except ObeliskError as error:
            log.warn("{name}: {error}", name=name, error=str(error))
            link.abort()
            return ""
        running = Deferred.fromCoroutine(self._serve_call(name, socket, channel, link))
        running.addErrback(_cancelled)
        self._of_calls[name] = (socket, running)
        return name

    async def _serve_call(self, name: str, socket: OutboundSocket, channel: Channel, link: WebSocketLink) -> None:
        """Keep a call's socket connected until the call has left; where that fails the call goes on in the dialplan."""
        connected: WebSocketLink | None = link
        while connected is not None:
            await socket.serve(connected)
            if name in self._timers:
                return
            connected = await self._connect(socket.server, name)
        control = self._ari.server.require(Stasis).control(channel)
        if control is not None:
            control.leave(None)

    async def _connect(self, server: WebSocketServer, name: str) -> WebSocketLink | None:
        for attempt in range(server.reconnect_attempts):
            if attempt:
                await self._ari.server.clock.sleep(server.reconnect_interval / 1000)
            try:
                return await self._clients.connect(server)
            except WebSocketError as error:
                log.warn("{name}: {uri}: not connected: {error}", name=name, uri=server.uri, error=str(error))
        return None

    def over(self, name: str) -> None:
        """A call has left its application: the socket is closed soon."""
        if name in self._of_calls and name not in self._timers:
            self._timers[name] = self._ari.server.clock.call_later(AFTER_SECONDS, self._close, name)

    def _close(self, name: str) -> None:
        cancel_timer(self._timers.pop(name, None))
        found = self._of_calls.pop(name, None)
        if found is not None:
            socket, running = found
            running.cancel()
            socket.end()


def _cancelled(failure: Failure) -> None:
    if not isinstance(failure.value, CancelledError):
        log.failure("an outbound websocket failed", failure=failure)
