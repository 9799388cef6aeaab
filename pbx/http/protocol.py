"""HTTP on TCP and TLS: the only file of the server that touches transports.

Requests of a connection are answered in the order they came, one at a time. A connection that sends slowly, idles, or
does not take its answers meets a deadline; what waits for a client is bounded, and nobody else notices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbx import client_connection
from pbx.client_connection import CLOSE_TIMEOUT, ClientConnection
from pbx.clock import cancel_timer
from pbx.http.messages import HttpRequest, HttpResponse, Upgraded
from pbx.http.parser import Refused, RequestParser
from pbx.sockets import listen_tcp

if TYPE_CHECKING:
    from pbx.http.server import HttpServer

log = Logger()

#: Requests of one connection that wait for their turn before it is read no further.
MAX_WAITING = 16

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_INTERNAL_ERROR = HttpResponse(500, b'{"message":"Internal error"}', close=True)
_TOO_MANY = HttpResponse(503, b'{"message":"Too many connections"}', headers=b"Retry-After: 1\r\n", close=True)


class HttpProtocol(ClientConnection):
    """One connection: reads requests until an upgrade hands it over, and is the `Link` of whoever got it."""

    def __init__(self, server: HttpServer) -> None:
        super().__init__(server.clock)
        self._server = server
        self._waiting: deque[tuple[HttpRequest, bool]] = deque()
        self._busy = False
        self._reading = True
        self._upgraded: Upgraded | None = None
        self._half_closed = False
        self._read_timer: IDelayedCall | None = None
        self._deadline = 0.0
        self._who = "HTTP client"
        self.requests = 0

    # Twisted's side

    def connectionMade(self) -> None:
        self.opened()
        self._parser = RequestParser(self.peer, self.local)
        if not self._server.admit(self, self.peer.host):
            self._respond(_TOO_MANY, keep_alive=False)
            return
        self._set_deadline(self._server.settings.session_inactivity)
        self._check_deadline()

    def dataReceived(self, data: bytes) -> None:
        if self._upgraded is not None:
            self._upgraded.receive(data)
            return
        if self._closing or self._half_closed:
            return
        parser = self._parser
        was_idle = parser.idle
        try:
            requests = parser.feed(data)
        except Refused as refused:
            self._refuse(refused)
            return
        if requests:
            self._waiting.extend(requests)
            self._work()
        elif was_idle:
            self._set_deadline(self._server.settings.session_inactivity)
        if not self._busy and not self._waiting:
            if parser.refused is not None:
                self._refuse(parser.refused)
            elif parser.continue_wanted:
                parser.continue_wanted = False
                self.write(_CONTINUE)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended()
        cancel_timer(self._read_timer)
        self._waiting.clear()
        self._server.gone(self, self.peer.host)
        upgraded, self._upgraded = self._upgraded, None
        if upgraded is not None:
            upgraded.lost()

    # Requests

    def _work(self) -> None:
        """Answer what waits, in order, until one has to wait for its answer."""
        while self._waiting and not self._busy and not self._gone and not self._closing and not self._half_closed:
            request, keep_alive = self._waiting.popleft()
            self.requests += 1
            try:
                answer = self._server.respond(request)
            except Exception:  # a defect in a handler ends this request, not the server
                log.failure("the answer to {request} failed", request=request)
                answer = _INTERNAL_ERROR
            if isinstance(answer, HttpResponse):
                self._answered(request, answer, keep_alive)
                continue
            self._busy = True
            self._deadline = 0.0
            waited = Deferred.fromCoroutine(_result(answer))
            waited.addErrback(self._failed, request)
            waited.addCallback(self._answered_late, request, keep_alive)
        self._regulate()

    def _failed(self, failure: Failure, request: HttpRequest) -> HttpResponse:
        log.failure("the answer to {request} failed", failure=failure, request=request)
        return _INTERNAL_ERROR

    def _answered_late(self, response: HttpResponse, request: HttpRequest, keep_alive: bool) -> None:
        self._busy = False
        self._answered(request, response, keep_alive)
        self._work()

    def _answered(self, request: HttpRequest, response: HttpResponse, keep_alive: bool) -> None:
        if self._gone:
            return
        if response.upgrade is not None:
            self._hand_over(response)
            return
        if request.upgrade and (request.method != "GET" or b"content-length" in request.headers):
            # llhttp reads no body where an upgrade is asked for, so nothing behind this can be trusted.
            keep_alive = False
        self._respond(response, keep_alive=keep_alive, head_only=request.method == "HEAD")
        if request.upgrade and not self._closing and not self._half_closed:
            try:
                self._waiting.extend(self._parser.resume())
            except Refused as refused:
                self._refuse(refused)
        elif self._parser.refused is not None and not self._waiting and not self._busy:
            self._refuse(self._parser.refused)

    def _respond(self, response: HttpResponse, *, keep_alive: bool, head_only: bool = False) -> None:
        settings = self._server.settings
        close = response.close or not keep_alive or not settings.session_keep_alive
        self.write(self._server.writer.render(response, close=close, head_only=head_only))
        if close:
            self._half_close()
        else:
            self._set_deadline(settings.session_keep_alive)

    def _refuse(self, refused: Refused) -> None:
        body = f'{{"message":"{refused}"}}'.encode()
        self._respond(HttpResponse(refused.status, body, close=True), keep_alive=False)

    def _hand_over(self, response: HttpResponse) -> None:
        make = response.upgrade
        if make is None:
            return
        cancel_timer(self._read_timer)
        self.write(self._server.writer.render(response))
        self._waiting.clear()
        self._upgraded = make(self)
        trailing, self._parser.trailing = self._parser.trailing, b""
        if trailing:
            self._upgraded.receive(trailing)

    # Deadlines of reading

    def _set_deadline(self, milliseconds: int) -> None:
        self._deadline = self._server.clock.monotonic() + milliseconds / 1000

    def _check_deadline(self) -> None:
        """One timer for the life of the connection: setting a deadline costs no timer."""
        self._read_timer = None
        if self._gone or self._upgraded is not None:
            return
        now = self._server.clock.monotonic()
        if self._deadline and now >= self._deadline:
            if self._parser.idle or self._half_closed:
                self.close()
            else:
                self._refuse(Refused(408, "Request timeout"))
            return
        left = self._deadline - now if self._deadline else 1.0
        self._read_timer = self._server.clock.call_later(max(left, 0.05), self._check_deadline)

    def _regulate(self) -> None:
        """Read no further while too much waits here for an answer or for the client."""
        wanted = len(self._waiting) < MAX_WAITING and not (self._stuck and self._upgraded is None)
        if wanted is self._reading or self._gone:
            return
        self._reading = wanted
        transport: Any = self.transport
        if wanted:
            transport.resumeProducing()
        else:
            transport.pauseProducing()

    # Writing

    def describe(self, who: str) -> None:
        """The words by which the log names the client."""
        self._who = who

    def client_name(self) -> str:
        return self._who

    def drained(self) -> None:
        if self._half_closed:
            self._end_writing()
        else:
            self._work()

    # Ending

    def _half_close(self) -> None:
        """Write no more but go on reading for a while: an immediate close could take the answer from the client."""
        if self._half_closed or self._gone:
            return
        self._half_closed = True
        self._waiting.clear()
        self._set_deadline(int(CLOSE_TIMEOUT * 1000))
        if self._read_timer is None:
            self._check_deadline()
        if not self._stuck:
            self._end_writing()

    def _end_writing(self) -> None:
        transport: Any = self.transport
        transport.unregisterProducer()
        half = getattr(transport, "loseWriteConnection", None)
        if half is None or self._write_some is None:
            transport.loseConnection()
        else:
            half()


async def _result(answer: Awaitable[HttpResponse]) -> HttpResponse:
    return await answer


class HttpFactory(ServerFactory):
    """Makes an `HttpProtocol` for each connection."""

    noisy = False

    def __init__(self, server: HttpServer) -> None:
        self._server = server

    def buildProtocol(self, addr: IAddress | None) -> HttpProtocol:
        return HttpProtocol(self._server)


def listen(reactor: Any, server: HttpServer, address: str, port: int) -> Any:
    """Listen on TCP; gives Twisted's port. Raises CannotListenError."""
    return listen_tcp(reactor, port, HttpFactory(server), address)


def listen_tls(reactor: Any, server: HttpServer, address: str, port: int, certificate: str, key: str) -> Any:
    """Listen on TLS; raises as `pbx.client_connection.listen_tls`."""
    return client_connection.listen_tls(reactor, HttpFactory(server), address, port, certificate, key)
