"""Account codes: how a channel's own and its peer's reach the channels it calls and meets.

Source: main/channel.c, main/bridge_channel.c. A plan that sets CHANNEL(peeraccount) before Dial says which account the
called channel has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pbx.core.channel import Channel


def cross_over(channel: Channel, requestor: Channel) -> None:
    """Give a channel that is to be called the requestor's codes, the other way round (ast_channel_req_accountcodes)."""
    channel.accountcode = requestor.peeraccount or requestor.accountcode or channel.accountcode
    channel.peeraccount = requestor.accountcode or channel.peeraccount


def joined(channel: Channel, others: Sequence[Channel]) -> None:
    """A channel has come into a call in which the others were."""
    for other in others:
        _settle(channel, other, two=len(others) == 1)


def left(remaining: Sequence[Channel]) -> None:
    """A channel has left a call in which the others remain."""
    if len(remaining) == 2:
        _settle(*remaining, two=True)


def _settle(one: Channel, other: Channel, *, two: bool) -> None:
    """What is empty comes from the other channel; between ``two`` each one's peer's account is the other's."""
    before = one.accountcode, one.peeraccount, other.accountcode, other.peeraccount
    if not any(before):
        return
    one.peeraccount = one.peeraccount or other.accountcode
    other.peeraccount = other.peeraccount or one.accountcode
    one.accountcode = one.accountcode or other.peeraccount
    other.accountcode = other.accountcode or one.peeraccount
    if two:
        one.peeraccount, other.peeraccount = other.accountcode, one.accountcode
    if (one.accountcode, one.peeraccount) != before[:2]:
        one.changed()
    if (other.accountcode, other.peeraccount) != before[2:]:
        other.changed()
