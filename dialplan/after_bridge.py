"""CHANNEL(after_bridge_goto): where a channel goes on once it has left a bridge (main/bridge_after.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from twisted.logger import Logger

from dialplan.arguments import ArgumentError
from dialplan.locations import Place, parse_location

if TYPE_CHECKING:
    from dialplan.engine import Engine
    from pbx.core.channel import Channel

log = Logger()

#: Where a channel keeps it (`Channel.extra`).
KEY = "after_bridge_goto"


class _AfterBridge(NamedTuple):
    #: ``[[context,]exten,]priority``.
    text: str
    #: Where the channel was when that was said: what is left out is meant from there.
    place: Place
    #: Whether it goes to ``place`` itself, be there something or not.
    exact: bool = False


def set_goto(channel: Channel, text: str) -> None:
    """Let the channel go to ``[[context,]exten,]priority`` after the next bridge; an empty text takes that back."""
    if text:
        place = (channel.context, channel.exten, channel.priority)
        channel.extra[KEY] = _AfterBridge(text.replace("^", ","), place)
    else:
        channel.extra.pop(KEY, None)


def set_place(channel: Channel, place: Place | None) -> None:
    """Let the channel go to ``place`` after the next bridge; None takes back what was said."""
    if place is None:
        channel.extra.pop(KEY, None)
    else:
        channel.extra[KEY] = _AfterBridge(",".join(map(str, place)), place, exact=True)


def goto_of(channel: Channel) -> str:
    """What was said, or nothing."""
    found = channel.extra.get(KEY)
    return found.text if isinstance(found, _AfterBridge) else ""


def take_goto(engine: Engine, channel: Channel) -> Place | None:
    """Where a channel that has left a bridge goes on, which counts for once; None where nothing was said or it is over.

    A place that there is not is told in the log, and is none.
    """
    found = channel.extra.pop(KEY, None)
    if not isinstance(found, _AfterBridge) or channel.hangup_requested or not channel.alive:
        return None
    if found.exact:
        return found.place
    before = (channel.context, channel.exten, channel.priority)
    channel.set_position(*found.place)
    try:
        return parse_location(engine, channel, found.text)
    except ArgumentError as error:
        log.warn("{channel}: after_bridge_goto: {reason}", channel=channel.name, reason=str(error))
        return None
    finally:
        channel.set_position(*before)
