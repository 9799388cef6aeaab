"""An ARI application for tests and the demo: an event socket and a connection for requests, as one."""

from __future__ import annotations

from typing import Any

from pbx.testing._waiting import PATIENCE_SECONDS
from pbx.testing.ari import PORT, AriClient, AriEvents


class AriApplication:
    """``await app.post(path, **query)`` gives the value or raises; ``await app.event(type, **fields)`` waits."""

    def __init__(self, reactor: Any, host: str, port: int, user: str, password: str) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._client: AriClient | None = None
        self.events: AriEvents

    @classmethod
    async def connect(
        cls,
        reactor: Any,
        host: str,
        user: str = "ari",
        password: str = "ari",
        *,
        apps: tuple[str, ...],
        port: int = PORT,
        subscribe_all: bool = False,
    ) -> AriApplication:
        """Register ``apps``. Raises HandshakeRefused."""
        made = cls(reactor, host, port, user, password)
        made.events = await AriEvents.connect(
            reactor, host, user, password, app=",".join(apps), port=port, subscribe_all=subscribe_all
        )
        return made

    async def request(self, method: str, path: str, **query: Any) -> tuple[int, Any]:
        """Status and value: JSON as a value, other bodies as bytes, None for none."""
        if self._client is None or self._client.connection.closed:
            self._client = await AriClient.connect(
                self._reactor, self._host, self._user, self._password, port=self._port
            )
        reply = await self._client.request(method, path, **query)
        if not reply.body:
            return reply.status, None
        is_json = reply.headers.get("content-type", "").startswith("application/json")
        return reply.status, reply.json if is_json else reply.body

    async def _good(self, method: str, path: str, **query: object) -> Any:
        status, value = await self.request(method, path, **query)
        assert 200 <= status < 300, f"{method} {path} {query}: {status} {value!r}"
        return value

    async def get(self, path: str, **query: object) -> Any:
        return await self._good("GET", path, **query)

    async def post(self, path: str, **query: object) -> Any:
        return await self._good("POST", path, **query)

    async def delete(self, path: str, **query: object) -> Any:
        return await self._good("DELETE", path, **query)

    async def event(self, kind: str, *, seconds: float = PATIENCE_SECONDS, **fields: object) -> dict[str, Any]:
        """The next event of a type with these top-level fields that was not given yet."""
        return await self.events.event(
            kind, lambda event: all(event.get(name) == value for name, value in fields.items()), seconds
        )

    def types(self) -> list[str]:
        """The types of all events so far."""
        return self.events.types()

    @property
    def seen(self) -> list[dict[str, Any]]:
        """All events so far."""
        return self.events.messages

    async def close(self) -> None:
        if self._client is not None and not self._client.connection.closed:
            await self._client.close()
        await self.events.close()
