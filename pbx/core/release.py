"""Taking a channel from the coroutine that services it where no dialplan runs: it lets go without a hangup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from pbx.core.channel import Channel

#: Where a channel keeps the request (`Channel.extra`).
_KEY = "release"


def ask_release(channel: Channel) -> Deferred[None]:
    """Ask whoever services ``channel`` to let go; fires when that has happened, or the channel has ended."""
    present = channel.extra.get(_KEY)
    if isinstance(present, Deferred):
        return present
    waiting: Deferred[None] = Deferred()
    channel.extra[_KEY] = waiting
    channel.on_end.append(_fire)
    channel.redirect(channel.context, channel.exten, channel.priority)
    return waiting


def let_go(channel: Channel) -> bool:
    """For the servicing coroutine, once interrupted: whether the channel is no longer its own. Nobody owns it then."""
    waiting = channel.extra.get(_KEY)
    if not isinstance(waiting, Deferred) or not channel.alive or channel.hangup_requested:
        return False
    channel.take_redirect()
    channel.owner = ""
    channel.set_application("", "")
    _fire(channel)
    return True


def _fire(channel: Channel) -> None:
    waiting = channel.extra.pop(_KEY, None)
    if _fire in channel.on_end:
        channel.on_end.remove(_fire)
    if isinstance(waiting, Deferred) and not waiting.called:
        waiting.callback(None)
