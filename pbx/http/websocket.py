"""WebSockets (RFC 6455) on the HTTP server: the handshake, and frames by wsproto. No transport is touched here."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from wsproto import WSConnection
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from pbx.errors import ObeliskError
from pbx.http.messages import HttpRequest, Link

#: Versions of the protocol that Asterisk takes; they do not differ in what is used here.
VERSIONS = ("13", "8", "7")
#: Bytes of one message from a client. Requests over the socket have bodies up to 40 KiB, as text in JSON.
MAX_MESSAGE_BYTES = 128 << 10

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION_LINE = b"Sec-WebSocket-Version: 7, 8, 13\r\n"


class HandshakeRefused(ObeliskError):
    """The request is no handshake that can be accepted: a status, a text and header lines."""

    def __init__(self, status: int, text: str, headers: bytes = b"") -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


def accept(request: HttpRequest, protocols: Sequence[str]) -> bytes:
    """Header lines of the 101 (RFC 6455 section 4.2.2). Raises HandshakeRefused."""
    if not request.upgrade or request.header(b"upgrade").strip().lower() != "websocket":
        raise HandshakeRefused(
            426, "This is a WebSocket", b"Upgrade: websocket\r\nConnection: Upgrade\r\n" + _VERSION_LINE
        )
    key = request.headers.get(b"sec-websocket-key", b"").strip()
    try:
        sound = len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        sound = False
    if not sound:
        raise HandshakeRefused(400, "Missing or wrong Sec-WebSocket-Key", _VERSION_LINE)
    if request.header(b"sec-websocket-version").strip() not in VERSIONS:
        raise HandshakeRefused(400, "Unknown version of WebSocket", _VERSION_LINE)
    lines = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    lines += base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()) + b"\r\n"
    asked = [each.strip() for each in request.header(b"sec-websocket-protocol").split(",") if each.strip()]
    if asked:
        chosen = next((each for each in asked if each.lower() in protocols), None)
        if chosen is None:
            raise HandshakeRefused(400, "None of the protocols asked for is spoken here", _VERSION_LINE)
        lines += f"Sec-WebSocket-Protocol: {chosen}\r\n".encode("latin-1", "replace")
    return lines


def text_frame(payload: bytes) -> bytes:
    """A message of one text frame from a server (RFC 6455 section 5.2): not masked, so it can be shared."""
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes((size,)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class WebSocket:
    """One WebSocket on a connection; `Upgraded` to the HTTP server.

    ``connection`` is given where we are the client: it has seen the handshake.
    """

    def __init__(
        self,
        link: Link,
        on_text: Callable[[str], None],
        on_lost: Callable[[], None],
        connection: Connection | WSConnection | None = None,
    ) -> None:
        self.link = link
        self._on_text = on_text
        self._on_lost = on_lost
        self._connection: Any = Connection(ConnectionType.SERVER) if connection is None else connection
        self._parts: list[str] = []
        self._size = 0
        self._ended = False

    def receive(self, data: bytes) -> None:
        """Bytes came."""
        if self._ended:
            return
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                if not self._ended:
                    self._event(event)
        except RemoteProtocolError as error:
            hint = error.event_hint
            code = hint.code if isinstance(hint, CloseConnection) else CloseReason.PROTOCOL_ERROR
            self.close(code)

    def _event(self, event: object) -> None:
        if isinstance(event, TextMessage):
            self._size += len(event.data)
            if self._size > MAX_MESSAGE_BYTES:
                self.close(CloseReason.MESSAGE_TOO_BIG)
                return
            self._parts.append(event.data)
            if event.message_finished:
                text = "".join(self._parts)
                self._parts, self._size = [], 0
                self._on_text(text)
        elif isinstance(event, Ping):
            self.link.write(self._connection.send(Pong(payload=event.payload)))
        elif isinstance(event, BytesMessage):
            self.close(CloseReason.UNSUPPORTED_DATA)
        elif isinstance(event, CloseConnection):
            if self._connection.state is not ConnectionState.REMOTE_CLOSING:
                # No frame of the client's: wsproto says that what came is none, and why.
                self.close(event.code)
                return
            self.link.write(self._connection.send(event.response()))
            self._end()

    def send(self, frames: bytes) -> None:
        """Send complete frames."""
        if not self._ended:
            self.link.write(frames)

    def close(self, code: int = CloseReason.NORMAL_CLOSURE) -> None:
        """Say goodbye and end the connection."""
        if self._ended:
            return
        # wsproto refuses where the connection was closing already.
        with contextlib.suppress(LocalProtocolError):
            self.link.write(self._connection.send(CloseConnection(code=int(code))))
        self._end()

    def _end(self) -> None:
        self._ended = True
        self.link.close()
        # Once both have said goodbye nobody listens any more, however long the connection takes to go.
        self._on_lost()

    def lost(self) -> None:
        """The connection has gone."""
        if not self._ended:
            self._ended = True
            self._on_lost()
