"""What the core says on the bus. Each class is one fact; readers derive AMI and ARI events from it.

Messages carry live objects only where the reader needs the object itself; otherwise snapshots, which stay true to the
moment of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.core.frames import Control
from pbx.core.snapshot import ChannelSnapshot

if TYPE_CHECKING:
    from pbx.core.bridge.bridge import BridgeSnapshot
    from pbx.core.presence import Presence


@dataclass(frozen=True, slots=True)
class ChannelCreated:
    """A channel exists now."""

    channel: ChannelSnapshot


@dataclass(slots=True)
class ChannelChanged:
    """A channel's snapshot changed. Not changed once made: as `ChannelSnapshot`, there are too many to freeze."""

    old: ChannelSnapshot
    channel: ChannelSnapshot


@dataclass(frozen=True, slots=True)
class ChannelDestroyed:
    """A channel has hung up; the last message about it."""

    channel: ChannelSnapshot


@dataclass(frozen=True, slots=True)
class ChannelRenamed:
    """A channel's name changed from ``old_name``."""

    channel: ChannelSnapshot
    old_name: str


@dataclass(frozen=True, slots=True)
class HangupRequested:
    """A hangup was asked for: by the far end (``soft`` False) or by us (True)."""

    channel: ChannelSnapshot
    cause: int
    soft: bool
    tech_cause: str = ""


@dataclass(frozen=True, slots=True)
class HangupHandler:
    """A hangup handler was pushed, popped, or is about to run; ``action`` is ``push``, ``pop`` or ``run``."""

    channel: ChannelSnapshot
    action: str
    #: ``context,exten,priority(arguments)``.
    handler: str


@dataclass(frozen=True, slots=True)
class VariableSet:
    """A variable or function was set; ``channel`` is None for a global."""

    channel: ChannelSnapshot | None
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class DigitBegan:
    """A digit began; ``direction`` is ``Received`` or ``Sent``."""

    channel: ChannelSnapshot
    digit: str
    direction: str


@dataclass(frozen=True, slots=True)
class DigitEnded:
    """A digit ended after ``duration_ms``."""

    channel: ChannelSnapshot
    digit: str
    direction: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """The far end put the call on hold or took it back."""

    channel: ChannelSnapshot
    held: bool
    music_class: str = ""


@dataclass(frozen=True, slots=True)
class MusicStarted:
    """A channel's far end hears music on hold of a class."""

    channel: ChannelSnapshot
    music_class: str


@dataclass(frozen=True, slots=True)
class MusicStopped:
    """A channel's far end hears no music on hold any more."""

    channel: ChannelSnapshot


@dataclass(frozen=True, slots=True)
class SpyStarted:
    """``spyer`` hears, or whispers to, ``spyee`` from now on."""

    spyer: ChannelSnapshot
    spyee: ChannelSnapshot


@dataclass(frozen=True, slots=True)
class SpyStopped:
    """``spyer`` has let go of ``spyee``."""

    spyer: ChannelSnapshot
    spyee: ChannelSnapshot


@dataclass(frozen=True, slots=True)
class DialBegan:
    """``caller`` (None for an originated call) began to dial ``peer`` as ``dial_string``."""

    caller: ChannelSnapshot | None
    peer: ChannelSnapshot
    dial_string: str
    forward: str = ""


@dataclass(frozen=True, slots=True)
class DialStateChanged:
    """Progress of a dial: ``RINGING``, ``PROGRESS``, ``PROCEEDING``."""

    caller: ChannelSnapshot | None
    peer: ChannelSnapshot
    status: str
    #: What was dialled, where nobody's Dial() did it: Asterisk repeats it for calls that are originated.
    dial_string: str = ""


@dataclass(frozen=True, slots=True)
class DialEnded:
    """A dial's outcome: ``ANSWER``, ``BUSY``, ``NOANSWER``, ``CANCEL``, ``CONGESTION``, ``CHANUNAVAIL``, ..."""

    caller: ChannelSnapshot | None
    peer: ChannelSnapshot
    status: str
    #: Where the peer sent the call, and the channel that was made for it.
    forward: str = ""
    forwarded: ChannelSnapshot | None = None
    #: As in `DialStateChanged`.
    dial_string: str = ""


@dataclass(frozen=True, slots=True)
class BridgeCreated:
    """A bridge exists now."""

    bridge: BridgeSnapshot


@dataclass(frozen=True, slots=True)
class BridgeChanged:
    """A bridge's technology, name or video mode changed."""

    old: BridgeSnapshot
    bridge: BridgeSnapshot


@dataclass(frozen=True, slots=True)
class BridgeEntered:
    """``channel`` entered ``bridge``, perhaps taking the place of ``replaced``."""

    bridge: BridgeSnapshot
    channel: ChannelSnapshot
    replaced: ChannelSnapshot | None = None


@dataclass(frozen=True, slots=True)
class BridgeLeft:
    """``channel`` left ``bridge``."""

    bridge: BridgeSnapshot
    channel: ChannelSnapshot


@dataclass(frozen=True, slots=True)
class BridgeDestroyed:
    """A bridge is gone."""

    bridge: BridgeSnapshot


@dataclass(frozen=True, slots=True)
class LocalBridged:
    """The two halves of a Local channel came into being."""

    one: ChannelSnapshot
    two: ChannelSnapshot
    context: str
    exten: str
    optimize: bool


@dataclass(frozen=True, slots=True)
class BlindTransferred:
    """``transferer`` sent the party it was talking to elsewhere; ``external`` when a client asked for it."""

    result: str
    transferer: ChannelSnapshot
    transferee: ChannelSnapshot | None
    bridge: BridgeSnapshot | None
    context: str
    exten: str
    external: bool = False


@dataclass(frozen=True, slots=True)
class AttendedTransferred:
    """Who talked on two calls, ``first`` and ``second``, connected the others, ``transferee`` and ``target``.

    ``bridge`` is where they talk now; ``application`` what one of them was connected to where the second call, or the
    first, was no conversation. Both empty when it failed.
    """

    result: str
    first: ChannelSnapshot
    first_bridge: BridgeSnapshot | None
    second: ChannelSnapshot
    second_bridge: BridgeSnapshot | None
    transferee: ChannelSnapshot | None = None
    target: ChannelSnapshot | None = None
    bridge: str = ""
    application: str = ""
    external: bool = False


@dataclass(frozen=True, slots=True)
class UserEvent:
    """An event made by a dialplan, an AMI client or an ARI application."""

    name: str
    fields: tuple[tuple[str, str], ...]
    channel: ChannelSnapshot | None = None


@dataclass(frozen=True, slots=True)
class ChannelIndicated:
    """The core told a channel's far end something; published for tracing."""

    channel: ChannelSnapshot
    kind: Control


@dataclass(frozen=True, slots=True)
class OriginateEnded:
    """An asynchronous origination came to its end; ``reason`` is Asterisk's Reason number."""

    success: bool
    reason: int
    dial_string: str
    context: str
    exten: str
    application: str
    data: str
    channel: ChannelSnapshot | None
    caller_number: str = ""
    caller_name: str = ""
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FullyBooted:
    """Every module that was to load has loaded."""

    uptime: float


@dataclass(frozen=True, slots=True)
class MailboxChanged:
    """A mailbox's counts of new and old messages were set."""

    mailbox: str
    new: int
    old: int


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A module, by the name it was asked for by, or all (``All``), was reloaded; ``error`` is empty on success.

    ``status`` is Asterisk's ast_module_reload_result: 0 done, 2 no such module, 3 failed, 5 not running, 6 has nothing.
    """

    module: str
    error: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class ShuttingDown:
    """The exchange is about to stop."""

    restart: bool


@dataclass(frozen=True, slots=True)
class DeviceStateChanged:
    """A device's aggregate state changed; ``state`` is Asterisk's word such as ``NOT_INUSE``."""

    device: str
    state: str


@dataclass(frozen=True, slots=True)
class PresenceStateChanged:
    """The presence of ``provider`` (``CustomPresence:alice``) was set."""

    provider: str
    presence: Presence


@dataclass(frozen=True, slots=True)
class ExtensionStateChanged:
    """The devices of an extension's hint add up to another state; ``state`` is Asterisk's number of it."""

    exten: str
    context: str
    hint: str
    state: int


@dataclass(frozen=True, slots=True)
class ExtensionPresenceChanged:
    """The presence that an extension's hint names changed."""

    exten: str
    context: str
    hint: str
    presence: Presence


@dataclass(frozen=True, slots=True)
class SoundStarted:
    """A dialplan began to play a sound, by the name that it gave, to a channel."""

    channel: str
    sound: str


@dataclass(frozen=True, slots=True)
class PlaybackControlled:
    """A playback was moved, paused or stopped: ``operation`` is the word of ARI's control, or ``stop``.

    ``leg`` names what is played to: a channel, or the announcer of a bridge.
    """

    leg: str
    operation: str
    skip_ms: int


@dataclass(frozen=True, slots=True)
class TestEvent:
    """Something test suites wait for (`pbx.test_events`): a state, and fields in order."""

    #: Not one of pytest's classes.
    __test__ = False

    state: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AgiExecStarted:
    """A command from an AGI program begins; ``command_id`` is a random number that the end repeats."""

    channel: ChannelSnapshot
    command_id: int
    command: str


@dataclass(frozen=True, slots=True)
class AgiExecEnded:
    """A command from an AGI program is done, with AGI's numeric code and its word."""

    channel: ChannelSnapshot
    command_id: int
    command: str
    code: int
    result: str


@dataclass(frozen=True, slots=True)
class AsyncAgiStarted:
    """A channel takes AGI commands from managers; ``environment`` is what a script would read first."""

    channel: ChannelSnapshot
    environment: str


@dataclass(frozen=True, slots=True)
class AsyncAgiExecuted:
    """A manager's AGI command was answered."""

    channel: ChannelSnapshot
    command_id: str
    answer: str


@dataclass(frozen=True, slots=True)
class AsyncAgiEnded:
    """A channel takes no more AGI commands."""

    channel: ChannelSnapshot
