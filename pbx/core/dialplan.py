"""What the core, AMI and ARI ask of the dialplan, whichever language it is written in."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from pbx.core.channel import Channel
    from pbx.core.channels import Place


class AlreadyThere(ObeliskError):
    """What was to be added to the dialplan is there already."""


class NoSuchContext(ObeliskError):
    """There is no context of that name."""


@dataclass(frozen=True, slots=True)
class ListedPriority:
    """A step of an extension; number -1 is a hint, its application the devices."""

    number: int
    application: str
    data: str
    label: str
    registrar: str
    #: ``file:line`` where it was written, or empty.
    place: str = ""


@dataclass(frozen=True, slots=True)
class ListedExtension:
    """An extension with its priorities in order; ``caller_match`` is None where every caller may use it."""

    name: str
    caller_match: str | None
    priorities: tuple[ListedPriority, ...]


@dataclass(frozen=True, slots=True)
class ListedContext:
    """A context as the dialplan is shown. Includes, patterns and switches are pairs of name and registrar."""

    name: str
    registrar: str
    #: Those asked for.
    extensions: tuple[ListedExtension, ...]
    includes: tuple[tuple[str, str], ...]
    ignore_patterns: tuple[tuple[str, str], ...]
    switches: tuple[tuple[str, str], ...]
    autohints: bool = False
    #: Whether it is listed because another one includes it.
    included: bool = False


class DialplanEditor(Protocol):
    """Changes to the running dialplan in the name of one registrar, which a reload of that registrar takes away."""

    def add_extension(
        self,
        context: str,
        exten: str,
        priority: int,
        application: str,
        data: str = "",
        *,
        caller_match: str | None = None,
        replace: bool = False,
    ) -> None:
        """Add a priority, -1 for a hint; the context is made if need be. Raises AlreadyThere unless it may replace."""

    def remove_extension(self, context: str, exten: str, priority: int = 0, *, caller_match: str | None = None) -> bool:
        """Remove a priority, or the extension with 0; whether there was one."""

    def remove_context(self, context: str) -> bool:
        """Remove a context, whoever made it; whether there was one."""


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

    def runs(self, channel: Channel) -> bool:
        """Whether a dialplan runs on a channel now."""

    def take(self, channel: Channel) -> Deferred[None]:
        """Take a channel from its dialplan, which lets go of it without hanging up; fires once that has happened."""

    def set_after_bridge(self, channel: Channel, place: Place | None) -> None:
        """Where a channel goes on after the bridge it enters next, until its dialplan says otherwise; or nowhere.

        What CHANNEL(after_bridge_goto) reads and writes.
        """

    def take_after_bridge(self, channel: Channel) -> Place | None:
        """Where a channel that has left a bridge goes on, which counts for once; None where it is over."""

    def has_application(self, name: str) -> bool:
        """Whether an application of that name, in any letter case, is loaded."""

    async def execute(self, channel: Channel, application: str, data: str) -> int:
        """Run one application; its result as Asterisk's (0 go on, -1 hang up).

        Raises LookupError when there is no such application, ChannelInterrupted as `Channel.wait_for` does.
        """

    def run_subroutine(self, channel: Channel, location: str) -> Awaitable[bool]:
        """Run ``[[context,]exten,]priority[(arguments)]`` on a channel until it returns; whether it could be begun.

        A failure is logged, not raised. Nothing else may service the channel meanwhile.
        """

    def read_function(self, channel: Channel | None, expression: str) -> str | Awaitable[str]:
        """Read ``FUNC(args)``. Raises LookupError when unknown, ObeliskError when it fails."""

    def write_function(self, channel: Channel | None, expression: str, value: str) -> Awaitable[None] | None:
        """Write ``FUNC(args)``. Raises as `read_function`."""

    def application_capability(self, name: str) -> str:
        """What an AMI or ARI user must be allowed to run an application; empty where that is nothing special."""

    def function_capability(self, name: str) -> str:
        """What an AMI or ARI user must be allowed to read or write a function, as `application_capability`."""

    def list_contexts(self, context: str = "", exten: str = "") -> Iterator[ListedContext]:
        """Every context, or one; with ``exten`` each has only the extensions that match.

        After one with an ``exten`` come the contexts it includes, as ``dialplan show`` goes through them.
        """

    def editor(self, registrar: str) -> DialplanEditor:
        """What changes the running dialplan in the name of ``registrar``."""
