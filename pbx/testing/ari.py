"""An ARI client for tests: requests over HTTP, and event sockets.

ari = await AriClient.connect(reactor, server.host, "ari", "secret")
reply = await ari.get("/channels")
events = await AriEvents.connect(reactor, server.host, "ari", "secret", app="hello")
start = await events.event("StasisStart")
await ari.post(f"/channels/{start['channel']['id']}/answer")
"""

from __future__ import annotations

import base64
import json
import os
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httptools
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from pbx.testing._waiting import PATIENCE_SECONDS, Changes

PORT = 8088


def segment(text: str) -> str:
    """A path segment holding any text."""
    return quote(text, safe="")


class Reply:
    """A response: ``status``, ``headers`` by lower-case name, ``body``."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body as a value."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The text of an error."""
        text: str = self.json["message"]
        return text

    def __repr__(self) -> str:
        return f"<Reply {self.status} {self.body[:200]!r}>"


class HandshakeRefused(AssertionError):
    """The server did not open the event socket; ``reply`` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(repr(reply))
        self.reply = reply


class _Connection(Protocol):
    """Reads responses one after the other; after a 101 what comes goes to ``on_data``."""

    def __init__(self, reactor: Any) -> None:
        self.changes = Changes(reactor)
        self.replies: deque[Reply] = deque()
        self.closed = False
        self.on_data: Callable[[bytes], None] | None = None
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status != 100:
            self.replies.append(Reply(status, self._headers, self._body))
        self._headers, self._body = {}, b""

    def dataReceived(self, data: bytes) -> None:
        if self.on_data is not None:
            self.on_data(data)
        else:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # Kept until somebody reads: events may come with the handshake's last bytes.
                self.rest = data[upgrade.args[0] :]
        self.changes.changed()

    rest = b""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = True
        self.changes.changed()

    def send(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    async def reply(self, seconds: float = PATIENCE_SECONDS) -> Reply:
        """The next response. Raises ConnectionError where the server closed before it."""
        await self.changes.until(lambda: bool(self.replies) or self.closed, seconds, lambda: "no response came")
        if not self.replies:
            raise ConnectionError("the server closed the connection")
        return self.replies.popleft()

    async def close(self) -> None:
        transport: Any = self.transport
        if not self.closed:
            transport.loseConnection()
        await self.changes.until(lambda: self.closed, PATIENCE_SECONDS, lambda: "the connection did not close")


async def _connect(reactor: Any, host: str, port: int) -> _Connection:
    endpoint = HostnameEndpoint(reactor, host.encode(), port)
    connected: Deferred[Any] = endpoint.connect(Factory.forProtocol(lambda: _Connection(reactor)))
    connection: _Connection = await connected
    return connection


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class AriClient:
    """One keep-alive connection. Requests go out at once; replies come in their order."""

    def __init__(self, connection: _Connection, host: str, authorization: str) -> None:
        self.connection = connection
        self._host = host
        self._authorization = authorization

    @classmethod
    async def connect(
        cls, reactor: Any, host: str, user: str = "ari", password: str = "ari", *, port: int = PORT
    ) -> AriClient:
        """Connect; without ``user`` no credentials are sent."""
        return cls(await _connect(reactor, host, port), f"{host}:{port}", basic(user, password) if user else "")

    def bytes_of(
        self,
        method: str,
        path: str,
        *,
        document: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        **query: object,
    ) -> bytes:
        """A request as bytes; ``path`` is below /ari."""
        target = "/ari" + path
        if query:
            target += ("&" if "?" in path else "?") + urlencode({name: str(value) for name, value in query.items()})
        lines = {"Host": self._host}
        if self._authorization:
            lines["Authorization"] = self._authorization
        if document is not None:
            body = json.dumps(document).encode()
            lines["Content-Type"] = "application/json"
        elif form is not None:
            body = urlencode(form).encode()
            lines["Content-Type"] = "application/x-www-form-urlencoded"
        if body is not None or method in {"POST", "PUT"}:
            lines["Content-Length"] = str(len(body or b""))
        lines.update(headers or {})
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return head.encode() + b"\r\n" + (body or b"")

    async def request(self, method: str, path: str, *, seconds: float = PATIENCE_SECONDS, **options: Any) -> Reply:
        """Make a request; options as `bytes_of`, others are parameters of the query."""
        self.connection.send(self.bytes_of(method, path, **options))
        return await self.connection.reply(seconds)

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Reply:
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> Reply:
        return await self.request("PUT", path, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        return await self.request("DELETE", path, **options)

    async def close(self) -> None:
        await self.connection.close()


class AriEvents:
    """An event socket. ``messages`` is everything that came, in order."""

    def __init__(self, connection: _Connection) -> None:
        self.connection = connection
        self.messages: list[dict[str, Any]] = []
        self._taken: set[int] = set()
        self._frames = Connection(ConnectionType.CLIENT)
        self._text = ""
        self._number = 0
        self.close_code: int | None = None
        self.handshake = Reply(0, {}, b"")

    @classmethod
    async def connect(
        cls,
        reactor: Any,
        host: str,
        user: str = "ari",
        password: str = "ari",
        *,
        app: str,
        port: int = PORT,
        subscribe_all: bool = False,
        protocols: str = "",
        headers: Mapping[str, str] | None = None,
        api_key: bool = False,
    ) -> AriEvents:
        """Open an event socket for ``app``, or several with commas. Raises HandshakeRefused."""
        query = {"app": app}
        if subscribe_all:
            query["subscribeAll"] = "true"
        lines = {
            "Host": f"{host}:{port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        }
        if api_key:
            query["api_key"] = f"{user}:{password}"
        else:
            lines["Authorization"] = basic(user, password)
        if protocols:
            lines["Sec-WebSocket-Protocol"] = protocols
        lines.update(headers or {})
        connection = await _connect(reactor, host, port)
        head = f"GET /ari/events?{urlencode(query)} HTTP/1.1\r\n"
        connection.send((head + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode())
        reply = await connection.reply()
        if reply.status != 101:
            await connection.close()
            raise HandshakeRefused(reply)
        events = cls(connection)
        events.handshake = reply
        connection.on_data = events._received
        events._received(connection.rest)
        return events

    def _received(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for event in self._frames.events():
            if isinstance(event, TextMessage):
                self._text += event.data
                if event.message_finished:
                    self.messages.append(json.loads(self._text))
                    self._text = ""
            elif isinstance(event, Ping):
                self.connection.send(self._frames.send(Pong(payload=event.payload)))
            elif isinstance(event, CloseConnection):
                self.close_code = int(event.code)

    @property
    def closed(self) -> bool:
        return self.connection.closed

    def send_frame(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.connection.send(data)

    def send(self, text: str) -> None:
        """Send a text message."""
        self.connection.send(self._frames.send(TextMessage(data=text)))

    async def event(
        self, kind: str, where: Callable[[dict[str, Any]], bool] | None = None, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """The next event of a type that was not given yet and for which ``where`` holds."""

        def find() -> int | None:
            for index, message in enumerate(self.messages):
                if index not in self._taken and message["type"] == kind and (where is None or where(message)):
                    return index
            if self.closed:
                raise AssertionError(f"the socket closed ({self.close_code}) without {kind}; {self.types()}")
            return None

        await self.connection.changes.until(lambda: find() is not None, seconds, lambda: f"no {kind}; {self.types()}")
        index = find()
        assert index is not None
        self._taken.add(index)
        return self.messages[index]

    def types(self) -> list[str]:
        """The types of all that came."""
        return [message["type"] for message in self.messages]

    async def rest(self, method: str, uri: str, **members: object) -> dict[str, Any]:
        """Make a request over the socket; the RESTResponse."""
        self._number += 1
        request_id = f"request-{self._number}"
        document = {"type": "RESTRequest", "request_id": request_id, "method": method, "uri": uri, **members}
        self.send(json.dumps(document))
        return await self.event("RESTResponse", lambda message: message["request_id"] == request_id)

    async def wait_closed(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Until the server has closed the socket."""
        await self.connection.changes.until(lambda: self.closed, seconds, lambda: "the socket did not close")

    async def close(self) -> None:
        """Say goodbye, wait for the answer (RFC 6455 section 7.1.1), and leave."""
        if not self.closed and self.close_code is None:
            self.connection.send(self._frames.send(CloseConnection(code=1000)))
            await self.connection.changes.until(
                lambda: self.closed or self.close_code is not None, PATIENCE_SECONDS, lambda: "no goodbye came"
            )
        await self.connection.close()
