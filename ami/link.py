"""What a manager session asks of the way to its client, whichever transport that is."""

from __future__ import annotations

from typing import Protocol

from pbx.security_events import SecurityAddress


class Link(Protocol):
    """The way to the client."""

    @property
    def local(self) -> SecurityAddress: ...

    @property
    def peer(self) -> SecurityAddress: ...

    @property
    def queued(self) -> int:
        """Bytes the client has not taken yet."""

    def write(self, data: bytes) -> None:
        """Send; keeps a bounded amount for a slow client and cuts off a slower one."""

    def close(self) -> None:
        """End the connection once what was written has gone, within a deadline."""

    def pause(self) -> None:
        """Read no more until `resume`."""

    def resume(self) -> None: ...

    def set_write_timeout(self, seconds: float) -> None:
        """How long the client may leave data unread."""
