"""The manager over HTTP: each request is one action; a cookie says whose session it belongs to.

``/rawman`` answers as the manager does on TCP, ``/mxml`` in XML, ``/manager`` with a page. Events wait in the session
until WaitEvent asks for them. Asterisk: generic_http_callback; its paths with digest authentication are not served.
"""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ami.codec import MAX_LINES, TOO_MANY_LINES, BadMessage, Message
from ami.http_output import page, xml
from ami.session import REFUSAL_SECONDS, Session
from pbx.clock import cancel_timer
from pbx.http.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from ami.context import Context
    from ami.events.event import Event
    from ami.manager import Manager
    from pbx.http.server import HttpServer
    from pbx.security_events import SecurityAddress

log = Logger()

COOKIE = "mansession_id"
#: Seconds a session that has not logged in is kept: for a login by challenge.
LOGIN_SECONDS = 5.0
#: Bytes of events one session keeps for WaitEvent; the oldest go first.
MAX_EVENT_BYTES = 1 << 20
#: Sessions at one time, logged in or not.
MAX_SESSIONS = 1000
#: Requests of one session under way at one time.
MAX_REQUESTS = 16

_FORM = "application/x-www-form-urlencoded"
_COOKIE = re.compile(rf'(?:^|[;,\s]){COOKIE}="?([0-9a-f]{{32}})"?')
_LINE_BREAK = re.compile(r"[\r\n\0]")

#: Content type, and what makes the answer of the manager's text and the request's fields.
_FORMATS: dict[str, tuple[bytes, Callable[[str, dict[str, str]], str]]] = {
    "rawman": (b"text/plain", lambda text, _fields: text),
    "mxml": (b"text/xml", lambda text, fields: xml(text, fields.get("ajaxdest", ""), fields.get("ajaxobjtype", ""))),
    "manager": (b"text/html", lambda text, _fields: page(text)),
}


class HttpLink:
    """Where a connection would be: what is sent without being asked for has nowhere to go."""

    def __init__(self, request: HttpRequest) -> None:
        self.peer: SecurityAddress = request.peer
        self.local: SecurityAddress = request.local
        self.on_close: Callable[[], object] | None = None

    @property
    def queued(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        """Nobody reads."""

    def close(self) -> None:
        if self.on_close is not None:
            self.on_close()

    def pause(self) -> None:
        """Requests come one by one as it is."""

    def resume(self) -> None: ...

    def set_write_timeout(self, seconds: float) -> None:
        """The HTTP server has its own."""


class HttpSession(Session):
    """A session between requests; its events wait for WaitEvent."""

    def __init__(self, manager: Manager, link: HttpLink) -> None:
        super().__init__(manager, link)
        self.id = secrets.token_hex(16)
        self.expiry: IDelayedCall | None = None
        self.requests = 0
        #: Fires when a refused login has been answered.
        self.refusal: Deferred[None] | None = None
        self._events: deque[bytes] = deque()
        self._event_bytes = 0

    def send(self, data: bytes) -> None:
        """What is no reply waits with the events."""
        self._events.append(data)
        self._event_bytes += len(data)
        while self._event_bytes > MAX_EVENT_BYTES:
            self._event_bytes -= len(self._events.popleft())

    def deliver(self, event: Event) -> None:
        filters = self.filters
        if filters is not None and not filters.passes(event):
            return
        self.send(event.data)
        self.events_sent += 1
        self._wake()

    def take_events(self) -> bytes:
        events = b"".join(self._events)
        self._events.clear()
        self._event_bytes = 0
        return events

    def next_event(self) -> Deferred[None]:
        # Whoever waited before is answered: the client asks anew.
        self._wake()
        return super().next_event()

    def refuse(self, message: str, context: Context) -> None:
        self.refusal = Deferred()
        super().refuse(message, context)
        # After what `super` does then.
        self._manager.server.clock.call_later(REFUSAL_SECONDS, self.refusal.callback, None)


class ManagerHttp:
    """The sessions, and the handlers that the HTTP server calls."""

    def __init__(self, manager: Manager, http: HttpServer) -> None:
        self._manager = manager
        self._sessions: dict[str, HttpSession] = {}
        self._withdrawals = [
            http.mount(name, self._handler(name), "Manager event interface") for name in sorted(_FORMATS)
        ]

    def __len__(self) -> int:
        return len(self._sessions)

    def stop(self) -> None:
        """Serve no more; every session ends."""
        for withdraw in self._withdrawals:
            withdraw()
        for session in list(self._sessions.values()):
            self._end(session)

    def _handler(self, name: str) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
        def respond(request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
            if request.method not in {"GET", "HEAD", "POST"}:
                return _plain(501, "Attempt to use unimplemented / unsupported method")
            try:
                fields = _fields_of(request)
            except ValueError as error:
                return _plain(400, str(error))
            session = self._session(request)
            if session is None or session.requests >= MAX_REQUESTS:
                return _plain(503, "Too many sessions or requests")
            return self._respond(name, session, fields)

        return respond

    async def _respond(self, name: str, session: HttpSession, fields: list[tuple[str, str]]) -> HttpResponse:
        output: list[bytes] = []
        lines = [f"{key}: {value}" for key, value in fields]
        message = Message(lines) if len(lines) <= MAX_LINES else BadMessage(lines, TOO_MANY_LINES)
        cancel_timer(session.expiry)
        session.requests += 1
        try:
            waiting = session.take(message, output.append)
            if waiting is not None:
                await waiting
            if session.refusal is not None:
                await session.refusal
        finally:
            session.requests -= 1
            self._rearm(session)
        kind, make = _FORMATS[name]
        text = make(b"".join(output).decode("utf-8", "surrogateescape"), dict(fields))
        seconds = self._manager.general.httptimeout
        headers = f'Set-Cookie: {COOKIE}="{session.id}"; Version=1; Max-Age={seconds}\r\nPragma: SuppressEvents\r\n'
        return HttpResponse(200, text.encode("utf-8", "surrogateescape"), kind, headers.encode("ascii"))

    # Sessions

    def _session(self, request: HttpRequest) -> HttpSession | None:
        """The session of the request's cookie, or a new one; None where there are too many.

        A cookie that another host sends is not taken.
        """
        found = _COOKIE.search(request.header(b"cookie"))
        session = None if found is None else self._sessions.get(found[1])
        if session is not None and session.address == request.peer.host:
            return session
        sessions = self._manager.sessions
        waiting = sum(not each.authenticated for each in sessions)
        if waiting >= self._manager.general.authlimit or len(self._sessions) >= MAX_SESSIONS:
            log.warn("manager over HTTP: {peer} is refused: too many sessions", peer=request.peer.host)
            return None
        link = HttpLink(request)
        session = HttpSession(self._manager, link)
        link.on_close = lambda: self._end(session)
        self._sessions[session.id] = session
        sessions.append(session)
        return session

    def _rearm(self, session: HttpSession) -> None:
        cancel_timer(session.expiry)
        if session.id not in self._sessions or session.requests:
            return
        limit = float(self._manager.general.httptimeout)
        seconds = limit if session.authenticated else min(limit, LOGIN_SECONDS)
        session.expiry = self._manager.server.clock.call_later(seconds, self._end, session)

    def _end(self, session: HttpSession) -> None:
        if self._sessions.pop(session.id, None) is not None:
            cancel_timer(session.expiry)
            self._manager.lost(session)


def _fields_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of the query, or of a POST's form. Raises ValueError."""
    text = request.query
    if request.method == "POST":
        kind = request.header(b"content-type").partition(";")[0].strip().lower()
        if kind != _FORM:
            raise ValueError("The body must be a form")
        text = request.body.decode("latin-1")
    fields = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=4 * MAX_LINES)
    if any(_LINE_BREAK.search(name) or _LINE_BREAK.search(value) or ":" in name for name, value in fields):
        raise ValueError("A field holds a line break, or its name a colon")
    return fields


def _plain(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, f"{text}\n".encode(), b"text/plain")
