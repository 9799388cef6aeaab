"""What protocols ask of a connection to a client, whichever transport that is (`pbx.client_connection` is one)."""

from __future__ import annotations

from typing import Protocol

from pbx.security_events import SecurityAddress


class ClientLink(Protocol):
    """The way to one client."""

    @property
    def peer(self) -> SecurityAddress: ...

    @property
    def queued(self) -> int:
        """Bytes the client has not taken yet."""

    def write(self, data: bytes) -> None:
        """Send; a bounded amount is kept for a slow client, a slower one is cut off with a line in the log."""

    def close(self) -> None:
        """End the connection once what was written has gone, within a deadline."""

    def set_write_timeout(self, seconds: float) -> None:
        """How long the client may leave data unread."""
