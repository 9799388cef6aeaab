"""What each channel dialled for a channel was told by its far end: what HANGUPCAUSE reads.

Kept with the channel that dialled and with the dialled channel itself, by the dialled channel's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pbx.core.channel import Channel

_DIALER = "dialer"
_CAUSES = "dialed_causes"
#: Channels whose causes one channel keeps; the oldest go first.
MAX_CAUSES = 64


class DialedCause(NamedTuple):
    """A Q.850 cause and the technology's own words, such as ``SIP 486 Busy Here``."""

    cause: int
    text: str


def set_dialer(dialed: Channel, dialer: Channel) -> None:
    """Say who dialled ``dialed``."""
    dialed.extra[_DIALER] = dialer


def note_cause(dialed: Channel, cause: int, text: str) -> None:
    """The far end of ``dialed`` said something that bears on how its call goes; the last counts."""
    dialer = dialed.extra.get(_DIALER)
    for channel in (dialed, dialer):
        if channel is None:
            continue
        causes: dict[str, DialedCause] = channel.extra.setdefault(_CAUSES, {})  # type: ignore[attr-defined]
        causes.pop(dialed.name, None)
        causes[dialed.name] = DialedCause(int(cause), text)
        if len(causes) > MAX_CAUSES:
            del causes[next(iter(causes))]


def causes_of(channel: Channel) -> Mapping[str, DialedCause]:
    """The causes a channel keeps, by the name of the channel dialled."""
    found = channel.extra.get(_CAUSES)
    return found if isinstance(found, dict) else {}


def forget_causes(channel: Channel) -> None:
    """Keep none of the causes so far (HangupCauseClear)."""
    channel.extra.pop(_CAUSES, None)
