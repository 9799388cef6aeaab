"""Requests of the exchange to web servers: one pool of connections, a deadline and a bound on every answer.

The library is imported at the first request, so that an exchange that makes none does not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from pbx.clock import Clock
from pbx.errors import ObeliskError
from pbx.http.tls import TlsSettings, connection_creator

#: Seconds a request may take when its caller says nothing.
DEFAULT_SECONDS = 10.0
#: Bytes of an answer's body when its caller says nothing.
DEFAULT_BODY = 1 << 20
#: Requests on their way at once; more are refused.
MAX_REQUESTS = 256
#: Redirects that a request follows when its caller says nothing.
MAX_REDIRECTS = 20
#: Idle connections kept to one server.
MAX_IDLE = 4


class HttpError(ObeliskError):
    """A request got no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer. ``headers`` are in the order they came, names in lower case."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name, or empty."""
        return next((value for each, value in self.headers if each == name), "")


class _Collector(Protocol):
    """Takes a body in, up to ``bound`` bytes."""

    def __init__(self, bound: int, done: Deferred[bytes]) -> None:
        self._bound = bound
        self._done = done
        self._parts: list[bytes] = []
        self._length = 0

    def dataReceived(self, data: bytes) -> None:
        self._length += len(data)
        if self._length > self._bound:
            self.fail(HttpError(f"the answer is longer than {self._bound} bytes"))
        else:
            self._parts.append(data)

    def fail(self, error: Exception) -> None:
        """Give up: the connection goes, the caller gets ``error``."""
        self._parts = []
        if not self._done.called:
            abort: Callable[[], None] | None = getattr(self.transport, "abortConnection", None)
            if abort is not None:
                abort()
            self._done.errback(error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        from twisted.web.client import ResponseDone
        from twisted.web.http import PotentialDataLoss

        if self._done.called:
            return
        if isinstance(reason.value, ResponseDone | PotentialDataLoss):
            self._done.callback(b"".join(self._parts))
        else:
            self._done.errback(HttpError(f"the answer broke off: {reason.getErrorMessage()}"))


class HttpClient:
    """Makes requests; one for the whole exchange."""

    def __init__(self, reactor: Any, clock: Clock) -> None:
        self._reactor = reactor
        self._clock = clock
        self._agent: Any = None
        self._pool: Any = None
        self._running = 0

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        seconds: float = DEFAULT_SECONDS,
        max_body: int = DEFAULT_BODY,
        redirects: int = MAX_REDIRECTS,
        connect_seconds: float | None = None,
        tls: TlsSettings | None = None,
    ) -> HttpAnswer:
        """Ask and wait for the whole answer, whatever its status. Raises HttpError.

        ``seconds`` covers everything from the name's resolution to the body's last byte; ``connect_seconds`` the
        connection alone. So many ``redirects`` are followed, below 0 none is: then their own answer is given.
        """
        if self._running >= MAX_REQUESTS:
            raise HttpError(f"{MAX_REQUESTS} requests are on their way already")
        if not url.startswith(("http://", "https://")):
            raise HttpError(f"'{url[:200]}' is no http or https URL")
        self._running += 1
        asking: Deferred[HttpAnswer] = Deferred.fromCoroutine(
            self._ask(method, url, headers, body, max_body, self._agent_for(redirects, connect_seconds, tls))
        )
        timer = self._clock.call_later(seconds, asking.cancel)
        try:
            return await asking
        except (CancelledError, HttpError):
            if timer.active():
                raise  # it failed by itself, or our caller was cancelled
            raise HttpError(f"no answer within {seconds:g} seconds") from None
        finally:
            self._running -= 1
            if timer.active():
                timer.cancel()

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | Sequence[tuple[str, str]],
        body: bytes | None,
        max_body: int,
        agent: Any,
    ) -> HttpAnswer:
        from treq.client import HTTPClient
        from twisted.web.http_headers import Headers

        sent = Headers()
        try:
            for name, value in headers.items() if isinstance(headers, Mapping) else headers:
                sent.addRawHeader(name.encode("ascii"), value.encode("utf-8"))
            # A client of its own for each request: what one call's server sets as a cookie is not sent for another's.
            asking = HTTPClient(agent).request(
                method, url, headers=sent, data=body, allow_redirects=False, unbuffered=True
            )
        except OSError as error:
            raise HttpError(f"TLS: {error}") from error
        except ValueError as error:
            raise HttpError(f"the request is malformed: {error}") from error
        try:
            response = await asking
        except (CancelledError, HttpError):
            raise
        except Exception as error:  # resolver, TCP, TLS and HTTP each have errors of their own
            raise HttpError(_reason_of(error)) from error
        done: Deferred[bytes] = Deferred(lambda _done: collector.fail(CancelledError()))
        collector = _Collector(max_body, done)
        original: Any = response.original
        original.deliverBody(collector)
        content = await done
        got = tuple(
            (name.decode("latin-1").lower(), value.decode("utf-8", "replace"))
            for name, values in response.headers.getAllRawHeaders()
            for value in values
        )
        return HttpAnswer(response.code, response.phrase.decode("latin-1"), got, content)

    def _agent_for(self, redirects: int, connect_seconds: float | None, tls: TlsSettings | None) -> Any:
        from twisted.web import client

        web: Any = client
        if self._agent is None:
            self._pool = web.HTTPConnectionPool(self._reactor)
            self._pool.maxPersistentPerHost = MAX_IDLE
            self._agent = web.Agent(self._reactor, _Policy(TlsSettings()), pool=self._pool)
        agent = self._agent
        if connect_seconds is not None or tls is not None:
            # Connections of its own: others were made by other rules.
            agent = web.Agent(self._reactor, _Policy(tls or TlsSettings()), connectTimeout=connect_seconds)
        return agent if redirects < 0 else web.BrowserLikeRedirectAgent(agent, redirectLimit=redirects)

    async def stop(self) -> None:
        """Close idle connections."""
        if self._pool is not None:
            await self._pool.closeCachedConnections()
            self._agent = self._pool = None


@implementer(IPolicyForHTTPS)
class _Policy:
    """Whom one request trusts."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        return connection_creator(self._settings, hostname.decode("ascii"))


def _reason_of(error: Exception) -> str:
    reasons = getattr(error, "reasons", None)
    if reasons:
        return "; ".join(str(reason.value) or type(reason.value).__name__ for reason in reasons)
    return str(error) or type(error).__name__


__all__ = ["HttpAnswer", "HttpClient", "HttpError"]
