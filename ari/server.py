"""ARI: from a request to its answer, for every transport, and the event sockets.

Order of checks as in Asterisk: credentials, access list, boot, read only, trailing slash, documents, route, OPTIONS,
method, upgrade, parameters, handler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from ari.authorisation import Gate, Slow, refusal
from ari.documents import Documents
from ari.models import Models, pretty, to_bytes
from ari.parameters import FORM, bind, parse_body, parse_fields
from ari.replies import Accepted, AriError, Binary, Created
from ari.request import Request
from ari.router import Node, Router
from ari.table import Operation, Resource
from pbx.clock import cancel_timer
from pbx.core.snapshot import ChannelSnapshot
from pbx.errors import ObeliskError
from pbx.http.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from ari.config import AriConfig, User
    from ari.websocket import EventSocket
    from pbx.http.server import HttpServer
    from pbx.server import Server

log = Logger()
T = TypeVar("T")

Answer = HttpResponse | Awaitable[HttpResponse]

#: Authorisations by hashing that may wait for a thread at one time; beyond, clients are told to come again.
MAX_HASHING = 32


class AriServer:
    """One for the exchange; modules add resources, the HTTP server brings requests."""

    def __init__(self, server: Server, http: HttpServer, config: AriConfig) -> None:
        self.server = server
        self.http = http
        self.resources: list[Resource] = []
        self.sockets: list[EventSocket] = []
        self.gate = Gate(config, server.bus, server.clock)
        self.debug = False
        self.asterisk_id = server.options.entity_id
        self._router = Router()
        self._documents = Documents(())
        self._hashing = 0
        self._unflushed: list[EventSocket] = []
        self._flush_timer: IDelayedCall | None = None
        self._last_values: dict[str, dict[str, str]] = {}
        self.configure(config)

    @property
    def base(self) -> str:
        """The path under which ARI is reached."""
        return f"{self.http.root}/ari"

    # Configuration

    def configure(self, config: AriConfig) -> None:
        """Take settings and users; requests and sockets that are open go on."""
        self.config = config
        self.gate.configure(config)
        self._last_values.clear()
        self.models = Models(config.general.channelvars, self._channel_variable)
        self._any_origin = "*" in config.general.allowed_origins
        realm = config.general.auth_realm.replace('"', "'")
        self._challenge = f'WWW-Authenticate: Basic realm="{realm}"\r\n'.encode("latin-1", "replace")

    def add(self, resource: Resource) -> Callable[[], None]:
        """Serve a resource's operations; the result withdraws them."""
        self.resources.append(resource)
        self._changed()

        def withdraw() -> None:
            if resource in self.resources:
                self.resources.remove(resource)
                self._changed()

        return withdraw

    def _changed(self) -> None:
        self._router = Router(each for resource in self.resources for each in resource.operations)
        self._documents = Documents(self.resources)

    def operations(self) -> Iterable[Operation]:
        """All that are served now."""
        for resource in self.resources:
            yield from resource.operations

    def _channel_variable(self, snapshot: ChannelSnapshot, name: str) -> str:
        """One of ``channelvars``. A channel that has just gone shows what it had at its last event."""
        channel = self.server.channels.find_id(snapshot.uniqueid)
        if channel is None:
            names = self.config.general.channelvars
            kept = self._last_values.get(snapshot.uniqueid, {})
            if name == names[-1]:
                self._last_values.pop(snapshot.uniqueid, None)
            return kept.get(name, "")
        value: object = None
        if name.endswith(")"):
            try:
                value = self.server.dialplan.read_function(channel, name)
            except (ObeliskError, LookupError, ValueError):
                value = None
            if close := getattr(value, "close", None):
                close()
        else:
            value = channel.get_variable(name)
        text = value if isinstance(value, str) else ""
        self._last_values.setdefault(snapshot.uniqueid, {})[name] = text
        return text

    # Requests over HTTP

    def respond(self, http: HttpRequest) -> Answer:
        """The answer to a request under ``/ari``."""
        path = http.path[len(self.http.root) + 1 :].partition("/")[2]
        broken: AriError | None = None
        fields: dict[str, str] = {}
        document: dict[str, object] = {}
        try:
            fields = parse_fields(http.query)
            if http.body:
                kind = http.header(b"content-type")
                form, document = parse_body(kind, http.body)
                if form:
                    fields = {**fields, **form}
        except AriError as error:
            # Told only to those who may ask at all.
            broken = error
        authorization = http.headers.get(b"authorization", b"")
        try:
            user = self.gate.authenticate(authorization, fields, http.peer, http.local)
        except Slow as slow:
            return self._respond_slowly(slow, http, path, fields, document, broken)
        return self._cross_origin(http, self.perform(user, http.method, path, fields, document, http, broken=broken))

    async def _respond_slowly(
        self,
        slow: Slow,
        http: HttpRequest,
        path: str,
        fields: Mapping[str, str],
        document: Mapping[str, object],
        broken: AriError | None,
    ) -> HttpResponse:
        if self._hashing >= MAX_HASHING:
            return self.error(503, "Too many logins at one time", b"Retry-After: 1\r\n")
        self._hashing += 1
        try:
            user = slow.done(await self.in_thread(slow.check))
        finally:
            self._hashing -= 1
        answer = self._cross_origin(http, self.perform(user, http.method, path, fields, document, http, broken=broken))
        return answer if isinstance(answer, HttpResponse) else await answer

    def in_thread(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do slow work beside the reactor; in place where there is no thread pool, as under test."""
        reactor = self.server.reactor
        pool = getattr(reactor, "getThreadPool", None)
        if pool is None:
            done: Deferred[T] = maybeDeferred(work)
            return done
        return deferToThreadPool(reactor, pool(), work)

    def _cross_origin(self, http: HttpRequest, answer: Answer) -> Answer:
        """Tell browsers which origins' scripts may read the answer (CORS)."""
        if b"origin" not in http.headers:
            return answer
        origin = http.header(b"origin")
        if not self._any_origin and origin not in self.config.general.allowed_origins:
            return answer
        lines = f"Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
        extra = lines.encode("latin-1", "replace")
        if isinstance(answer, HttpResponse):
            return _with_headers(answer, extra)

        async def later(waiting: Awaitable[HttpResponse]) -> HttpResponse:
            return _with_headers(await waiting, extra)

        return later(answer)

    # Requests over any transport

    def perform(
        self,
        user: User | None,
        method: str,
        path: str,
        fields: Mapping[str, str],
        document: Mapping[str, object],
        http: HttpRequest | None,
        *,
        address: str = "",
        broken: AriError | None = None,
    ) -> Answer:
        """Answer a request for a path below ``/ari/``. ``http`` is None where it came over a socket."""
        if http is not None:
            address = http.peer.host
        refused = refusal(self.config, user, method, address, booted=self.server.booted)
        if refused is not None:
            return self.error(*refused, self._challenge if refused[0] == 401 else b"")
        if user is None:
            return self.error(401, "", self._challenge)
        if path.endswith("/"):
            return self.error(404, f"ARI URLs do not end with a slash. Try {self.base}/{path.rstrip('/')}")
        if path == "openapi.json" or path.startswith("api-docs/"):
            return self._document(method, path, http)
        found = self._router.find(path)
        if found is None:
            return self.error(404, "Resource not found")
        node, values = found
        if method == "OPTIONS":
            return self._options(node, http)
        operation = node.operations.get(method)
        if operation is None:
            return self.error(405, "Invalid method", f"Allow: {node.allow}\r\n".encode())
        if operation.websocket and http is None:
            return self.error(400, "A WebSocket cannot be opened over a WebSocket")
        if broken is not None:
            return self.error(broken.status, broken.text)
        try:
            request = Request(self, operation, bind(operation, values, fields, document), user, http)
            if self.debug:
                log.info(
                    "ARI request from {user}: {method} /{path} {values}",
                    user=user.id,
                    method=method,
                    path=path,
                    values=request.values,
                )
            result = operation.handler(request)
            if isawaitable(result):
                return self._finish(operation, result)
            return self._success(operation, result)
        except Exception as error:
            return self._failure(operation, error)

    async def _finish(self, operation: Operation, waiting: Awaitable[object]) -> HttpResponse:
        """The answer of a handler that waits. It may create nothing: events of that would come before its reply."""
        try:
            return self._success(operation, await waiting)
        except Exception as error:
            return self._failure(operation, error)

    def _success(self, operation: Operation, result: object) -> HttpResponse:
        if result is None:
            return HttpResponse(operation.success if operation.response == "void" else 204)
        if isinstance(result, HttpResponse):
            return result
        if isinstance(result, Accepted):
            return HttpResponse(202)
        if isinstance(result, Binary):
            return HttpResponse(200, result.data, result.content_type.encode("ascii", "replace"))
        if isinstance(result, Created):
            location = f"Location: {self.base}{result.location}\r\n".encode("latin-1", "replace")
            return self.json(result.value, 201, location)
        return self.json(result, operation.success)

    def _failure(self, operation: Operation, error: Exception) -> HttpResponse:
        """The answer for what a handler raised. A boundary: nothing a handler does ends the server."""
        if isinstance(error, AriError):
            return self.error(error.status, error.text or operation.error_text(error.status))
        if isinstance(error, ObeliskError):
            log.warn("ARI {method} {path}: {error}", method=operation.method, path=operation.path, error=str(error))
        else:
            log.failure("ARI {method} {path} failed", method=operation.method, path=operation.path)
        return self.error(500, operation.errors.get(500, "Internal error"))

    def json(self, value: object, status: int = 200, headers: bytes = b"") -> HttpResponse:
        """A value as a response."""
        text = self.models.text(value)
        if self.config.general.pretty:
            text = pretty(text)
        return HttpResponse(status, to_bytes(text), headers=headers)

    def error(self, status: int, text: str, headers: bytes = b"") -> HttpResponse:
        """An error as a response."""
        return self.json({"message": text}, status, headers)

    def _options(self, node: Node, http: HttpRequest | None) -> HttpResponse:
        lines = f"Allow: {node.allow}\r\n"
        if http is not None and http.header(b"origin") and http.header(b"access-control-request-method"):
            lines += f"Access-Control-Allow-Methods: {node.allow}\r\n"
            asked = http.header(b"access-control-request-headers")
            if asked:
                lines += f"Access-Control-Allow-Headers: {asked}\r\n"
        return HttpResponse(204, headers=lines.encode("latin-1", "replace"))

    def _document(self, method: str, path: str, http: HttpRequest | None) -> HttpResponse:
        """Swagger 1.1 and OpenAPI 3.1, made from the table of operations."""
        host = "" if http is None else http.header(b"host")
        body = self._documents.get(path, host, self.base)
        if body is None:
            return self.error(404, "Resource not found")
        if method == "OPTIONS":
            return HttpResponse(204, headers=b"Allow: GET,OPTIONS\r\n")
        if method != "GET":
            return self.error(405, "Invalid method", b"Allow: GET,OPTIONS\r\n")
        return HttpResponse(200, body)

    # Event sockets

    def flush_soon(self, socket: EventSocket) -> None:
        """Write what a socket has, once this turn of the reactor is over.

        Events come in runs; and the reply to the request that caused them has been written by then.
        """
        self._unflushed.append(socket)
        if self._flush_timer is None:
            self._flush_timer = self.server.clock.call_later(0, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        sockets, self._unflushed = self._unflushed, []
        for socket in sockets:
            socket.flush()

    def stop(self) -> None:
        """End every socket."""
        for socket in list(self.sockets):
            socket.close()
        cancel_timer(self._flush_timer)
        self._flush_timer = None


def _with_headers(response: HttpResponse, lines: bytes) -> HttpResponse:
    return HttpResponse(
        response.status,
        response.body,
        response.content_type,
        response.headers + lines,
        close=response.close,
        upgrade=response.upgrade,
    )


__all__ = ["FORM", "AriServer"]
