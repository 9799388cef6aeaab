"""What the core, AMI and ARI ask of the dialplan, whichever language it is written in."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from pbx.core.channel import Channel


class Dialplan(Protocol):
    """The dialplan as a service."""

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        """Whether an extension can be run now."""

    def can_match(self, context: str, exten: str, caller_number: str = "") -> bool:
        """Whether ``exten``, with or without more digits, could match."""

    def match_more(self, context: str, exten: str, caller_number: str = "") -> bool:
        """Whether only more digits can tell which extension is meant."""

    def find_priority(self, context: str, exten: str, label: str, caller_number: str = "") -> int | None:
        """A priority by number or label, or None."""

    def start(self, channel: Channel) -> Deferred[None]:
        """Run the dialplan on ``channel`` from its position, as its owner, until it has hung up."""

    def has_application(self, name: str) -> bool:
        """Whether an application of that name, in any letter case, is loaded."""

    async def execute(self, channel: Channel, application: str, data: str) -> int:
        """Run one application; its result as Asterisk's (0 go on, -1 hang up).

        Raises LookupError when there is no such application, ChannelInterrupted as `Channel.wait_for` does.
        """

    def read_function(self, channel: Channel | None, expression: str) -> str | Awaitable[str]:
        """Read ``FUNC(args)``. Raises LookupError when unknown, ObeliskError when it fails."""

    def write_function(self, channel: Channel | None, expression: str, value: str) -> Awaitable[None] | None:
        """Write ``FUNC(args)``. Raises as `read_function`."""

    def application_capability(self, name: str) -> str:
        """What an AMI or ARI user must be allowed to run an application; empty where that is nothing special."""

    def function_capability(self, name: str) -> str:
        """What an AMI or ARI user must be allowed to read or write a function, as `application_capability`."""
