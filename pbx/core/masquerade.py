"""One channel takes over another one's far end (Asterisk: ast_channel_move).

What services the channel notices nothing: its variables, its place in the dialplan and its connections stay, while the
far end and with it the name, the ids and the parties are the other's. The other is left with what there was before. To
everybody else it looks as if the far end had gone from the one place to the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channel import Channel

#: Technologies whose far ends can be moved from channel to channel.
MOVABLE = frozenset(("PJSIP",))
#: Fields that go with the far end.
_EXCHANGED = ("caller", "connected", "dialed", "redirecting", "outgoing", "formats", "protocol_id", "held", "on_hold")


def masquerade(channel: Channel, source: Channel) -> None:
    """Give ``channel`` the far end of ``source``, and that one ``channel``'s, which its caller is to hang up.

    Raises ObeliskError for channels whose far ends cannot be moved or that are over.
    """
    if channel is source or not channel.alive or not source.alive:
        raise ObeliskError(f"{source.name} cannot take the place of {channel.name}: one of them is over")
    if channel.technology not in MOVABLE or source.technology not in MOVABLE:
        raise ObeliskError(f"{source.name} cannot take the place of {channel.name}: not by their technologies")
    channel.channels.exchange_identities(channel, source)
    for field in _EXCHANGED:
        mine, its = getattr(channel, field), getattr(source, field)
        setattr(channel, field, its)
        setattr(source, field, mine)
    channel.language = source.language
    for name, value in source.variables:
        channel.variables.set(name, value)
    channel.state, source.state = source.state, channel.state
    drivers = channel.driver, source.driver
    channel.exchange_drivers(source)
    drivers[1].fixup(source, channel)
    drivers[0].fixup(channel, source)
    for each in (channel, source):
        each.state_entered()
