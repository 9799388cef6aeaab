"""What a manager session asks of the way to its client, whichever transport that is."""

from __future__ import annotations

from typing import Protocol

from pbx.client_link import ClientLink
from pbx.security_events import SecurityAddress


class Link(ClientLink, Protocol):
    """The way to a manager's client, whose requests can be kept waiting."""

    @property
    def local(self) -> SecurityAddress: ...

    def pause(self) -> None:
        """Read no more until `resume`."""

    def resume(self) -> None: ...
