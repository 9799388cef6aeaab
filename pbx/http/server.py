"""The HTTP server: what is mounted where, who is connected. No transport is touched here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from pbx.http.messages import HttpRequest, HttpResponse, ResponseWriter

if TYPE_CHECKING:
    from pbx.clock import Clock
    from pbx.http.config import HttpSettings
    from pbx.http.protocol import HttpProtocol

Handler = Callable[[HttpRequest], "HttpResponse | Awaitable[HttpResponse]"]

NOT_FOUND = HttpResponse(404, b'{"message":"Resource not found"}')


class HttpServer:
    """One for the exchange; interfaces mount themselves under a first path segment."""

    def __init__(self, clock: Clock, settings: HttpSettings) -> None:
        self.clock = clock
        self.settings = settings
        self._mounts: dict[str, Handler] = {}
        self._descriptions: dict[str, str] = {}
        self.connections: set[HttpProtocol] = set()
        self._by_address: dict[str, int] = {}
        self.configure(settings)

    def configure(self, settings: HttpSettings) -> None:
        """Take settings; open connections keep going."""
        self.settings = settings
        self._root = settings.root
        self.writer = ResponseWriter(settings.servername, self.clock.now)

    @property
    def root(self) -> str:
        """The prefix of all paths: empty, or with a slash in front."""
        return self._root

    def mount(self, name: str, handler: Handler, description: str = "") -> Callable[[], None]:
        """Let ``handler`` answer every path under ``/name``; the result withdraws it. Raises ValueError when taken."""
        if name in self._mounts:
            raise ValueError(f"/{name} is mounted twice")
        self._mounts[name] = handler
        self._descriptions[name] = description

        def withdraw() -> None:
            if self._mounts.get(name) is handler:
                del self._mounts[name], self._descriptions[name]

        return withdraw

    def mounts(self) -> Iterator[tuple[str, str]]:
        """Each path and what is there."""
        for name, description in sorted(self._descriptions.items()):
            yield f"{self._root}/{name}/...", description

    def respond(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """The answer to a request, by whoever is mounted at its first segment behind the prefix."""
        path = request.path
        root = self._root
        if root:
            if not path.startswith(root + "/"):
                return NOT_FOUND
            path = path[len(root) :]
        handler = self._mounts.get(path[1:].partition("/")[0])
        return NOT_FOUND if handler is None else handler(request)

    def admit(self, connection: HttpProtocol, address: str) -> bool:
        """Whether a new connection may stay; it is counted then, until `gone`."""
        settings = self.settings
        count = self._by_address.get(address, 0)
        if len(self.connections) >= settings.session_limit or count >= settings.sessions_per_address:
            return False
        self.connections.add(connection)
        self._by_address[address] = count + 1
        return True

    def gone(self, connection: HttpProtocol, address: str) -> None:
        """A connection that was admitted has ended."""
        if connection in self.connections:
            self.connections.discard(connection)
            left = self._by_address.get(address, 1) - 1
            if left:
                self._by_address[address] = left
            else:
                self._by_address.pop(address, None)

    def stop(self) -> None:
        """End every connection."""
        for connection in list(self.connections):
            connection.abort()
