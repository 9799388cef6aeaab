"""How to dial, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pbx.core.channel import Channel
from pbx.core.party import PartyId


class Entertainment(Enum):
    """What the caller gets until somebody answers."""

    #: What the destinations say and send.
    NONE = "none"
    #: Ringing at once, then what the destinations send (option R).
    RING_UNTIL_MEDIA = "ring until media"
    #: Ringing and nothing else (option r).
    RINGING = "ringing"
    #: A tone that somebody else plays, and nothing else (option r with a tone).
    TONE = "tone"
    #: Music that somebody else plays, and nothing else (option m).
    MUSIC = "music"


@dataclass(slots=True)
class DialOptions:
    """How to dial. Times are seconds, None for no limit."""

    timeout: float | None = None
    #: Within this time a destination must ring or send something.
    progress_timeout: float | None = None
    entertainment: Entertainment = Entertainment.NONE
    ignore_connected_line: bool = False
    #: A destination that forwards is busy instead.
    ignore_forwarding: bool = False
    #: A forwarded call has no timeout.
    forwarding_ends_timeout: bool = False
    #: Replaces the caller's identity towards the destinations, or only towards where they forward to.
    identity: PartyId | None = None
    identity_on_forward_only: bool = False
    #: Is stored as the identity of whoever is called.
    original_identity: PartyId | None = None
    #: The name of a called party that has no identity of its own; its number is the caller's extension.
    called_name: str = ""
    dialled: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    #: Every destination that is dropped hears that the call was answered elsewhere, even when nobody answered.
    cancelled_elsewhere: bool = False
    #: The cause for those that did not answer first; None: answered elsewhere, 0: none.
    losers_cause: int | None = None
    #: Sees each outgoing channel when it was made.
    prepare: Callable[[Channel], object] | None = None
    #: Runs, with all of them, before any is called.
    before_call: Callable[[Sequence[Channel]], Awaitable[object]] | None = None
    #: Sees the caller's digits, and ends the dial by returning True.
    on_digit: Callable[[str], bool] | None = None
    #: Sees the first destination that sends progress.
    on_progress: Callable[[Channel], object] | None = None


@dataclass(frozen=True, slots=True)
class DialResult:
    """The outcome: ``peer`` is the answered channel, up and with no reader, when ``status`` is ANSWER.

    Its DialEnd has not been published: that is for whoever decides whether it talks (`Dial.publish_end`).
    """

    status: str
    peer: Channel | None = None
    cause: int = 0
    #: Ended by ``on_digit``.
    by_digit: bool = False
