"""Requests and responses of the HTTP server as values, and how a response is written. No I/O here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol

from pbx.client_link import ClientLink
from pbx.security_events import SecurityAddress

#: What Asterisk's HTTP server says of every reply: none of it may be kept.
CACHE_CONTROL = b"Cache-Control: no-cache, no-store\r\n"
JSON = b"application/json"

_REASONS: dict[int, bytes] = {each.value: each.phrase.encode("ascii") for each in HTTPStatus}
_STATUS_LINES: dict[int, bytes] = {code: b"HTTP/1.1 %d %s\r\n" % (code, phrase) for code, phrase in _REASONS.items()}


def reason_phrase(status: int) -> str:
    """The words of a status code, such as ``Not Found``."""
    return _REASONS.get(status, b"Unknown").decode("ascii")


class HttpRequest:
    """One request. ``path`` and ``query`` are as sent, not decoded; header names are in lower case."""

    __slots__ = ("body", "headers", "local", "method", "path", "peer", "query", "upgrade")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[bytes, bytes],
        body: bytes,
        peer: SecurityAddress,
        local: SecurityAddress,
        *,
        upgrade: bool = False,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.local = local
        #: Whether the client asks for another protocol on this connection (RFC 9110 section 7.8).
        self.upgrade = upgrade

    def header(self, name: bytes) -> str:
        """A header's value as text, empty where it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")

    def __repr__(self) -> str:
        # Without the query: it may hold an api_key.
        return f"<HttpRequest {self.method} {self.path}>"


class HttpResponse:
    """One response; ``headers`` are complete lines. ``upgrade`` takes the connection over once it was written."""

    __slots__ = ("body", "close", "content_type", "headers", "status", "upgrade")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: bytes = JSON,
        headers: bytes = b"",
        *,
        close: bool = False,
        upgrade: Callable[[Link], Upgraded] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.close = close
        self.upgrade = upgrade


class Link(ClientLink, Protocol):
    """A connection as whoever took it over sees it."""

    def describe(self, who: str) -> None:
        """The words by which the log names the client."""


class Upgraded(Protocol):
    """What takes a connection over."""

    def receive(self, data: bytes) -> None:
        """Bytes came."""

    def lost(self) -> None:
        """The connection has gone. Called once."""


class ResponseWriter:
    """Writes responses; the lines that all share are made once a second."""

    def __init__(self, server_name: str, now: Callable[[], float] = time.time) -> None:
        self._server = f"Server: {server_name}\r\n".encode("latin-1", "replace") if server_name else b""
        self._now = now
        self._second = -1
        self._shared = b""

    def _shared_lines(self) -> bytes:
        second = int(self._now())
        if second != self._second:
            self._second = second
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second)).encode("ascii")
            self._shared = self._server + b"Date: " + date + b"\r\n" + CACHE_CONTROL
        return self._shared

    def head(self, response: HttpResponse, *, close: bool) -> bytes:
        """Everything before the body."""
        status = response.status
        line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
        if status == 101:
            return line + self._shared_lines() + response.headers + b"\r\n"
        parts = [line, self._shared_lines(), response.headers]
        if close:
            parts.append(b"Connection: close\r\n")
        if response.body:
            parts.append(b"Content-Type: %s\r\n" % response.content_type)
        # RFC 9110 section 8.6 forbids a length in a 204, but Asterisk sends 0 and clients of it read it.
        parts.append(b"Content-Length: %d\r\n\r\n" % len(response.body))
        return b"".join(parts)

    def render(self, response: HttpResponse, *, close: bool = False, head_only: bool = False) -> bytes:
        """The response as bytes; without its body where the request was a HEAD."""
        head = self.head(response, close=close)
        return head if head_only else head + response.body
