"""`Request`: what an operation's handler gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ari.replies import AriError

if TYPE_CHECKING:
    from ari.config import User
    from ari.server import AriServer
    from ari.table import Operation
    from pbx.clock import Clock
    from pbx.http.messages import HttpRequest
    from pbx.server import Server

S = TypeVar("S")


class Request:
    """One call of one operation: its parameters, checked and typed, and the exchange."""

    __slots__ = ("ari", "http", "operation", "user", "values")

    def __init__(
        self,
        ari: AriServer,
        operation: Operation,
        values: dict[str, object],
        user: User,
        http: HttpRequest | None,
    ) -> None:
        self.ari = ari
        self.operation = operation
        self.values = values
        self.user = user
        #: None where the request came over a WebSocket.
        self.http = http

    def __getitem__(self, name: str) -> Any:
        """A parameter by name: of its declared type, its default where it was not given."""
        return self.values[name]

    @property
    def server(self) -> Server:
        return self.ari.server

    @property
    def clock(self) -> Clock:
        return self.ari.server.clock

    @property
    def base(self) -> str:
        """The path under which ARI is reached: ``/ari``, behind the HTTP server's prefix."""
        return self.ari.base

    def require(self, kind: type[S]) -> S:
        """A service of the exchange. Raises AriError(503) while the module that offers it is not loaded."""
        service = self.server.find(kind)
        if service is None:
            raise AriError(503, "The module that does this is not loaded")
        return service
