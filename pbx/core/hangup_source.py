"""Who hung a call up, for CHANNEL(hangupsource) and the records: a channel's name or ``dialplan/...``.

Source: ast_set_hangupsource. The first who is noted counts, and counts for whom the channel talks to as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pbx.core.channel import Channel

_KEY = "hangup_source"
#: Sources that are no channels.
BUILTIN = "dialplan/builtin"
AGI = "dialplan/agi"


def note(channel: Channel, source: str) -> None:
    channel.extra.setdefault(_KEY, source)
    peer = None if channel.bridge is None else channel.bridge.peer_of(channel)
    if peer is not None:
        peer.extra.setdefault(_KEY, source)


def source_of(channel: Channel) -> str:
    """Empty while nobody has hung up."""
    return str(channel.extra.get(_KEY, ""))
