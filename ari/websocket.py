"""An event socket: the sink of its applications' events, and a way to make requests (REST over WebSocket).

Events are encoded once; each application's copy differs by its name only, which comes last. What a socket gets in one
turn of the reactor is written at once. Replies to requests over the socket overtake events that wait.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ari.models import quoted, to_bytes
from ari.parameters import JSON, parse_body, parse_fields
from ari.replies import AriError
from pbx.http.messages import HttpResponse, Link, reason_phrase
from pbx.http.parser import MAX_BODY_BYTES
from pbx.http.websocket import WebSocket, text_frame
from pbx.stasis.applications import StasisApplications
from pbx.stasis.events import StasisEvent

if TYPE_CHECKING:
    from ari.config import User
    from ari.server import AriServer
    from pbx.stasis.applications import StasisApplication

log = Logger()

#: Least seconds a client has to take what was written to it.
MIN_WRITE_TIMEOUT = 0.1
#: Requests of one socket that may wait for their answers.
MAX_REQUESTS = 64
#: Bytes of events kept until the end of a turn, or of a hold; beyond, they are written at once.
MAX_PENDING_BYTES = 1 << 20


class EventSocket:
    """One client's event socket; `EventSink` of its applications."""

    def __init__(self, ari: AriServer, user: User, address: str) -> None:
        self._ari = ari
        self.user = user
        self.address = address
        self.applications: dict[str, StasisApplication] = {}
        self._suffixes: dict[str, str] = {}
        self._socket: WebSocket | None = None
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._waiting = 0
        self._gone = False
        self.events_sent = 0
        self.started_at = ari.server.clock.now()
        self._first = ""

    def attach(self, link: Link) -> WebSocket:
        """Begin on a connection whose handshake is done."""
        timeout = max(self._ari.config.general.websocket_write_timeout / 1000, MIN_WRITE_TIMEOUT)
        link.set_write_timeout(timeout)
        link.describe(f"ARI client '{self.user.id}' ({','.join(self.applications)})")
        self._socket = WebSocket(link, self._request, self._lost)
        self._ari.sockets.append(self)
        return self._socket

    def register(self, names: list[str], *, subscribe_all: bool, of_channel: bool = False) -> None:
        """Take over applications. Raises what `StasisApplications.register` raises, having taken none."""
        registry = self._ari.server.require(StasisApplications)
        self._first = names[0]
        try:
            for name in names:
                self._suffixes[name] = f',"application":{quoted(name)}}}'
                self.applications[name] = registry.register(
                    name, self, subscribe_all=subscribe_all, of_channel=of_channel
                )
        except Exception:
            self._unregister()
            raise

    # Events

    def deliver(self, application: str, event: StasisEvent) -> None:
        """Queue an application's copy of an event."""
        suffix = self._suffixes.get(application)
        if suffix is None or self._gone:
            return
        text = event.text
        if not text:
            text = event.text = self._encoded(event)
        if self.applications[application].debug or self._ari.debug:
            log.info("Sending ARI event to {app}: {text}", app=application, text=text + suffix)
        self._put((text + suffix).encode("utf-8", "replace"))

    def _encoded(self, event: StasisEvent) -> str:
        """An event without its last member, the application."""
        models = self._ari.models
        text = f'{{"type":{quoted(event.type)},"timestamp":"{models.timestamp(event.time)}"'
        for name, value in event.fields:
            if value is not None:
                text += f',"{name}":{models.text(value)}'
        return f'{text},"asterisk_id":{quoted(self._ari.asterisk_id)}'

    def _framed(self, payload: bytes) -> bytes:
        return text_frame(payload)

    def _put(self, payload: bytes) -> None:
        self._queue(self._framed(payload))

    def _queue(self, frame: bytes) -> None:
        if not self._pending:
            self._ari.flush_soon(self)
        self._pending.append(frame)
        self._pending_bytes += len(frame)
        self.events_sent += 1
        if self._pending_bytes > MAX_PENDING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._pending and self._socket is not None:
            frames, self._pending, self._pending_bytes = self._pending, [], 0
            self._socket.send(frames[0] if len(frames) == 1 else b"".join(frames))

    def replaced(self, application: str) -> None:
        """Another socket has the application now: tell the client, the last it hears of it."""
        self.deliver(application, StasisEvent("ApplicationReplaced", self._ari.server.clock.now()))
        self.applications.pop(application, None)
        self._suffixes.pop(application, None)

    # Requests

    def _request(self, text: str) -> None:
        """A text message came: a RESTRequest, or it is answered as a bad one."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._reply({}, self._ari.error(400, "The message is no JSON object"))
            return
        kind, method, uri = (message.get(name) for name in ("type", "method", "uri"))
        if kind != "RESTRequest" or not isinstance(method, str) or not isinstance(uri, str) or not method or not uri:
            self._reply(message, self._ari.error(400, "The message is no RESTRequest with a method and a uri"))
            return
        if self._waiting >= MAX_REQUESTS:
            self._reply(message, self._ari.error(503, "Too many requests wait for their answers"))
            return
        try:
            path, fields, document = _parts(message, uri)
        except AriError as error:
            self._reply(message, self._ari.error(error.status, error.text))
            return
        # Whoever is removed from ari.conf, or made read only there, is so here as well.
        user = self._ari.config.users.get(self.user.id)
        answer = self._ari.perform(user, method.upper(), path, fields, document, None, address=self.address)
        if isinstance(answer, HttpResponse):
            self._reply(message, answer)
            return
        self._waiting += 1
        waiting = Deferred.fromCoroutine(_result(answer))
        waiting.addCallbacks(self._reply_late, self._failed, callbackArgs=(message,), errbackArgs=(message,))

    def _failed(self, failure: Failure, message: dict[str, object]) -> None:
        log.failure("a request over an event socket failed", failure=failure)
        self._reply_late(self._ari.error(500, "Internal error"), message)

    def _reply_late(self, response: HttpResponse, message: dict[str, object]) -> None:
        self._waiting -= 1
        self._reply(message, response)

    def _reply(self, message: dict[str, object], response: HttpResponse) -> None:
        if self._socket is None or self._gone:
            return
        if response.body and response.content_type != JSON.encode():
            response = self._ari.error(406, "Binary content cannot be sent over an event socket")
        uri = _text(message.get("uri")).partition("?")[0]
        members: dict[str, object] = {
            "type": "RESTResponse",
            "timestamp": self._ari.models.timestamp(self._ari.server.clock.now()),
            "transaction_id": _text(message.get("transaction_id")),
            "request_id": _text(message.get("request_id")),
            "status_code": response.status,
            "reason_phrase": reason_phrase(response.status),
            "uri": uri,
        }
        if response.body:
            members["content_type"] = JSON
            members["message_body"] = response.body.decode("utf-8", "replace")
        members["asterisk_id"] = self._ari.asterisk_id
        members["application"] = self._first
        self._socket.send(self._framed(to_bytes(self._ari.models.object(members))))

    # Ending

    def close(self) -> None:
        """End the socket, with what waits written."""
        self.flush()
        if self._socket is not None:
            self._socket.close()
        self._lost()

    def shut_down(self) -> None:
        """End the connection by the console's wish."""
        self.close()

    def _lost(self) -> None:
        if self._gone:
            return
        self._gone = True
        self._pending.clear()
        if self in self._ari.sockets:
            self._ari.sockets.remove(self)
        self._unregister()

    def _unregister(self) -> None:
        registry = self._ari.server.find(StasisApplications)
        names = list(self.applications)
        self.applications.clear()
        self._suffixes.clear()
        if registry is not None:
            for name in names:
                registry.unregister(name, self)


async def _result(answer: Awaitable[HttpResponse]) -> HttpResponse:
    return await answer


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _parts(message: dict[str, object], uri: str) -> tuple[str, dict[str, str], dict[str, object]]:
    """The path, fields and document of a RESTRequest. Raises AriError(400)."""
    path, _, query = uri.partition("?")
    fields = parse_fields(query)
    listed = message.get("query_strings") or []
    if not isinstance(listed, list):
        raise AriError(400, "query_strings must be a list")
    for each in listed:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise AriError(400, "query_strings must hold names and values")
        value = each.get("value")
        fields[each["name"]] = value if isinstance(value, str) else json.dumps(value)
    body = message.get("message_body")
    if body is None:
        return path, fields, {}
    if not isinstance(body, str):
        raise AriError(400, "message_body must be a text")
    kind = message.get("content_type")
    if not isinstance(kind, str) or not kind:
        raise AriError(400, "message_body needs a content_type")
    data = body.encode("utf-8", "replace")
    if len(data) > MAX_BODY_BYTES:
        raise AriError(413, "Request body too large")
    form, document = parse_body(kind, data)
    return path, {**fields, **form}, document
