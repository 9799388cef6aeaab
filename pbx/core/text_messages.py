"""Text messages outside calls (main/message.c): technologies bring and send them, handlers take them.

`TextMessages` is the exchange of both. A message that came in goes to every handler that has a destination for it; the
dialplan is one (`DialplanMessages`), Stasis applications are another. A message is sent by the technology that the
part of its destination before the colon names (``pjsip:alice``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from twisted.logger import Logger

from pbx.bus import Bus
from pbx.core.channels import Channels
from pbx.core.states import ChannelState
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from pbx.core.channel import Channel
    from pbx.core.frames import Control

log = Logger()

#: The key of `Channel.extra` under which a channel keeps its message.
EXTRA_KEY = "message"
#: Messages that wait for the dialplan; more are dropped with a log line.
MAX_QUEUED = 1000
#: Data one message carries: headers that came in and those that a dialplan adds.
MAX_DATA = 128


class MessageNotSent(ObeliskError):
    """A message could not be handed to a technology; the text says why."""


class UnknownTechnology(MessageNotSent):
    """No technology goes by the name before the destination's colon."""


@dataclass(slots=True)
class Datum:
    """One of a message's data; ``outbound`` ones leave with it."""

    name: str
    value: str
    outbound: bool


@dataclass(slots=True)
class TextMessage:
    """A message: ``to`` and ``sender`` are URIs as the technology writes them, the rest is where it came in."""

    to: str = ""
    sender: str = ""
    body: str = ""
    context: str = ""
    exten: str = ""
    technology: str = ""
    endpoint: str = ""
    _data: dict[str, Datum] = field(default_factory=dict)

    def data(self, name: str) -> str | None:
        """A datum by its name in any letter case."""
        found = self._data.get(name.lower())
        return None if found is None else found.value

    def set_data(self, name: str, value: str, *, outbound: bool = False) -> None:
        """Set a datum; an empty value removes it. Raises ObeliskError beyond `MAX_DATA`."""
        key = name.lower()
        if not value:
            self._data.pop(key, None)
        elif key in self._data or len(self._data) < MAX_DATA:
            self._data[key] = Datum(name, value, outbound)
        else:
            raise ObeliskError(f"a message carries {MAX_DATA} data at most")

    def mark_all(self, *, outbound: bool) -> None:
        """Let all data leave with the message, or none."""
        for datum in self._data.values():
            datum.outbound = outbound

    def all_data(self) -> Iterator[tuple[str, str]]:
        """(name, value) of every datum."""
        return ((datum.name, datum.value) for datum in self._data.values())

    def outbound(self) -> Iterator[tuple[str, str]]:
        """(name, value) of what leaves with the message."""
        return ((datum.name, datum.value) for datum in self._data.values() if datum.outbound)


class MessageTechnology(Protocol):
    """What sends messages."""

    @property
    def message_scheme(self) -> str:
        """The part of a destination before its colon, ``pjsip``."""

    def send_message(self, message: TextMessage, destination: str, sender: str) -> None:
        """Send to ``destination`` (without the scheme) as ``sender`` ("": the message's). Raises MessageNotSent."""


class MessageHandler(Protocol):
    """What takes messages that came in."""

    def has_destination(self, message: TextMessage) -> bool:
        """Whether the message is for this handler."""

    def handle(self, message: TextMessage) -> None:
        """Take it. Called with messages that `has_destination` accepted."""


class TextMessages:
    """The technologies and the handlers there are."""

    def __init__(self) -> None:
        self._technologies: dict[str, MessageTechnology] = {}
        self._handlers: list[MessageHandler] = []

    def register_technology(self, technology: MessageTechnology) -> Callable[[], None]:
        """Let ``technology`` send; the result withdraws it. Raises ValueError when its scheme is taken."""
        scheme = technology.message_scheme.lower()
        if scheme in self._technologies:
            raise ValueError(f"messages by {scheme} are sent already")
        self._technologies[scheme] = technology

        def withdraw() -> None:
            self._technologies.pop(scheme, None)

        return withdraw

    def register_handler(self, handler: MessageHandler) -> Callable[[], None]:
        """Offer messages that come in to ``handler``; the result withdraws it."""
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler) if handler in self._handlers else None

    def has_destination(self, message: TextMessage) -> bool:
        """Whether anybody wants the message."""
        return any(handler.has_destination(message) for handler in self._handlers)

    def receive(self, message: TextMessage) -> None:
        """Hand a message that came in to every handler that has a destination for it."""
        taken = [handler for handler in self._handlers if handler.has_destination(message)]
        for handler in taken:
            handler.handle(message)
        if not taken:
            log.info("message to {to}: nobody wants it", to=message.to)

    def send(self, message: TextMessage, destination: str, sender: str = "") -> None:
        """Send a message. Raises UnknownTechnology, MessageNotSent."""
        scheme, _, rest = destination.partition(":")
        technology = self._technologies.get(scheme.lower())
        if technology is None:
            raise UnknownTechnology(f"No message technology '{scheme}' found.")
        technology.send_message(message, rest, sender)


def message_of(channel: Channel) -> TextMessage | None:
    """The message a channel carries."""
    found = channel.extra.get(EXTRA_KEY)
    return found if isinstance(found, TextMessage) else None


class _NoFarEnd:
    """The technology side of a channel that only runs a dialplan."""

    def call(self) -> None:
        """Nobody to call."""

    def answer(self) -> None:
        """It is up from the start."""

    def indicate(self, kind: Control, data: object) -> bool:
        return True

    def hangup(self) -> None:
        """Nothing to release."""

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Nobody listens."""

    def send_text(self, text: str, content_type: str = "") -> bool:
        return False

    def transfer(self, target: str) -> bool:
        return False

    def fixup(self, old: Channel, new: Channel) -> None:
        """Belongs to no channel in particular."""


class DialplanMessages:
    """Runs the extension a message is for on a channel of its own, one message after the other.

    The channel is in no list and on no bus, as asterisk.conf's ``hide_messaging_ami_events`` has it: what the dialplan
    does on it beyond its own steps (a UserEvent, a MessageSend) is seen, its life is not.
    """

    def __init__(self, channels: Channels) -> None:
        self._shared = channels
        self._channels = Channels(Bus(), channels.clock, channels.switchboard)
        self._channels.globals = channels.globals
        self._waiting: deque[TextMessage] = deque()
        self._running = False

    def has_destination(self, message: TextMessage) -> bool:
        plan = self._shared.dialplan
        return bool(message.context) and plan is not None and plan.exists(message.context, message.exten or "s")

    def handle(self, message: TextMessage) -> None:
        if len(self._waiting) >= MAX_QUEUED:
            log.error("message to {to} dropped: {count} wait for the dialplan", to=message.to, count=MAX_QUEUED)
            return
        self._waiting.append(message)
        if not self._running:
            self._next()

    def _next(self) -> None:
        plan = self._shared.dialplan
        self._running = bool(self._waiting) and plan is not None
        if plan is None or not self._waiting:
            return
        message = self._waiting.popleft()
        channel = self._channels.create("Message", "Message/ast_msg_queue", state=ChannelState.UP)
        channel.attach(_NoFarEnd())
        channel.extra[EXTRA_KEY] = message
        channel.set_position(message.context, message.exten or "s", 1)
        plan.start(channel).addErrback(self._failed, message).addBoth(self._done, channel)

    @staticmethod
    def _failed(failure: Failure, message: TextMessage) -> None:
        log.failure("the dialplan for a message to {to} failed", failure, to=message.to)

    def _done(self, _result: object, channel: Channel) -> None:
        channel.hangup()
        self._next()
