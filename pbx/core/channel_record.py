"""What a channel is: its fields, its variables, and the snapshots by which others learn of a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pbx.core import messages
from pbx.core.observer import tell
from pbx.core.party import (
    NO_CALLER,
    NO_CONNECTED,
    NO_DIALED,
    NO_REDIRECTING,
    Caller,
    Connected,
    Dialed,
    Redirecting,
)
from pbx.core.snapshot import ChannelSnapshot, callid_of
from pbx.core.states import ChannelState
from pbx.core.variables import BUILTINS, VariableStore, plain_name, whole_utf8
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.bridge.bridge import Bridge
    from pbx.core.channel import Channel
    from pbx.core.channels import Channels
    from pbx.core.observer import ChannelObserver
    from pbx.core.technology import ChannelDriver

log = Logger()

#: Asterisk's default of MAX_FORWARDS().
MAX_FORWARDS = 20


class ChannelRecord:
    """The fields of a channel and what is told of them; `Channel` adds what happens on it."""

    __slots__ = (
        "_announced",
        "_application",
        "_channels",
        "_data",
        "_driver",
        "_published",
        "_snapshot",
        "_technology",
        "accountcode",
        "alive",
        "amaflags",
        "answered",
        "audio",
        "before_end",
        "bridge",
        "call_forward",
        "caller",
        "connected",
        "context",
        "created",
        "dialed",
        "exten",
        "extra",
        "formats",
        "hangup_cause",
        "hangup_requested",
        "held",
        "in_hangup",
        "in_subroutine",
        "inheritable",
        "language",
        "last_context",
        "last_exten",
        "linkedid",
        "max_forwards",
        "music_class",
        "name",
        "observer",
        "on_end",
        "on_hold",
        "originated",
        "outgoing",
        "owner",
        "peeraccount",
        "priority",
        "protocol_id",
        "redirecting",
        "reported",
        "state",
        "tech_cause",
        "tenantid",
        "uniqueid",
        "userfield",
        "variables",
        "yanked",
    )

    def __init__(
        self, channels: Channels, technology: str, name: str, uniqueid: str, linkedid: str, created: float
    ) -> None:
        self._channels = channels
        self._technology = technology
        self._driver: ChannelDriver | None = None
        self.name: str = name
        self.uniqueid: str = uniqueid
        self.linkedid: str = linkedid
        self.created: float = created
        self.answered: float | None = None
        self.state = ChannelState.DOWN
        self.outgoing = False
        self.originated = False
        self.caller: Caller = NO_CALLER
        self.connected: Connected = NO_CONNECTED
        self.dialed: Dialed = NO_DIALED
        self.redirecting: Redirecting = NO_REDIRECTING
        #: Where the far end of an unanswered outgoing call wants it to go: ``exten`` or ``Technology/address``.
        self.call_forward = ""
        #: How many more times a call may be dialled onwards: what ends a loop of dials.
        self.max_forwards = MAX_FORWARDS
        self.context: str = "default"
        self.exten: str = "s"
        self.priority: int = 1
        #: The context and extension before the present ones.
        self.last_context = ""
        self.last_exten = ""
        self._application = ""
        self._data = ""
        self.language = "en"
        self.music_class = ""
        self.accountcode = ""
        self.peeraccount = ""
        self.tenantid = ""
        self.userfield = ""
        self.amaflags = 3
        self.protocol_id = ""
        self.formats: tuple[str, ...] = ()
        self.variables: VariableStore = VariableStore()
        #: Names of variables that events show, or None.
        self.reported: dict[str, None] | None = None
        self.audio = channels.switchboard.create_leg(name)
        self.bridge: Bridge | None = None
        self.held = False
        #: Whether we put the far end on hold.
        self.on_hold = False
        self.hangup_cause: int = 0
        self.tech_cause = ""
        self.hangup_requested = False
        #: Whether hangup handlers or the extension h run; and whether a subroutine does.
        self.in_hangup = False
        self.in_subroutine = False
        self.alive = True
        #: What services the channel: "pbx" (a dialplan runs on it), "dial", "stasis", or "" while nobody does.
        self.owner = ""
        #: Set when the channel was taken from its owner (redirected without a dialplan): the owner must let go of it.
        self.yanked = False
        #: Run in order when the channel ends, before its last message.
        self.on_end: list[Callable[[Channel], object]] = []
        #: Runs on the channel, hung up but there, before it ends; it must come to an end itself.
        self.before_end: Callable[[Channel], Deferred[None]] | None = None
        #: State that features keep with the channel, by their own key.
        self.extra: dict[str, object] = {}
        #: The same for what dialled channels inherit; values are not changed once they are here.
        self.inheritable: dict[str, object] = {}
        self._snapshot: ChannelSnapshot | None = None
        self._announced = False
        self._published: ChannelSnapshot | None = None
        #: Who accompanies the channel, see `pbx.core.observer`.
        self.observer: ChannelObserver | None = None

    def __repr__(self) -> str:
        return f"<Channel {self.name} {self.state.text}>"

    # Parts

    @property
    def driver(self) -> ChannelDriver:
        """The technology's side. Raises ObeliskError before it is attached or after the end."""
        if self._driver is None:
            raise ObeliskError(f"{self.name} has no technology behind it")
        return self._driver

    @property
    def technology(self) -> str:
        return self._technology

    @property
    def channels(self) -> Channels:
        """The registry that made the channel."""
        return self._channels

    @property
    def device(self) -> str:
        """The device the channel belongs to: its name without the part that makes it unique (``PJSIP/alice``)."""
        base, dash, _ = self.name.rpartition("-")
        return base if dash else self.name

    @property
    def callid(self) -> str:
        """The id of the call in the log, see `callid_of`."""
        return callid_of(self.linkedid)

    @property
    def application(self) -> str:
        """The running application, or empty."""
        return self._application

    @property
    def application_data(self) -> str:
        return self._data

    def attach(self, driver: ChannelDriver) -> None:
        """Give the channel its technology side, right after its creation."""
        self._driver = driver

    def exchange_identity(self, other: ChannelRecord) -> None:
        """Let two channels change what others know them by, and what these were told; see `Channels`."""
        for field in ("name", "uniqueid", "linkedid", "observer", "_announced", "_published"):
            mine, its = getattr(self, field), getattr(other, field)
            setattr(self, field, its)
            setattr(other, field, mine)
        self._snapshot = other._snapshot = None

    def exchange_drivers(self, other: ChannelRecord) -> None:
        """Let two channels change what is behind them; each driver's `fixup` follows."""
        self._driver, other._driver = other._driver, self._driver

    # Snapshots

    def snapshot(self) -> ChannelSnapshot:
        """The channel as it is now; the same object until something changes."""
        snapshot = self._snapshot
        if snapshot is None:
            # By position, in the order of the fields: by their names it would take six times as long.
            snapshot = self._snapshot = ChannelSnapshot(
                self.name,
                self.uniqueid,
                self.linkedid,
                self._technology,
                self.state,
                self.caller,
                self.connected,
                self.language,
                self.accountcode,
                self.peeraccount,
                self.tenantid,
                self.userfield,
                self.context,
                self.exten,
                self.priority,
                self._application,
                self._data,
                self.created,
                self.answered,
                None if self.bridge is None else self.bridge.id,
                self.hangup_cause,
                self.tech_cause,
                self.protocol_id,
                self.alive,
                self.held,
                () if self.reported is None else self._reported(),
                self.outgoing,
                self.originated,
                self.amaflags,
                self.dialed.number,
                self.redirecting.source.number,
                self.in_subroutine,
                self.in_hangup,
            )
        return snapshot

    def told(self) -> ChannelSnapshot:
        """The channel as it was last told of: what Asterisk shows with events that are no change of the channel.

        The dialplan's place moves without being told until an application runs there (see `set_position`).
        """
        old = self._published
        return self.snapshot() if old is None or not self._channels.bus.wanted(messages.ChannelChanged) else old

    def changed(self) -> None:
        """Say that fields of the channel were set; whoever sets several calls it once, at the end."""
        self._snapshot = None
        old = self._published
        if old is not None and self._channels.bus.wanted(messages.ChannelChanged):
            new = self.snapshot()
            if new != old:
                self._published = new
                self._channels.bus.publish(messages.ChannelChanged(old, new))

    def catch_up(self) -> None:
        """Let the next change be told against the present: nobody read the changes until now."""
        if self._announced:
            self._published = self.snapshot()

    def announce(self) -> None:
        """Publish the channel's creation; made by `Channels.create` unless it was asked to wait."""
        if self._announced:
            return
        self._announced = True
        bus = self._channels.bus
        # Nobody reads: no snapshot is built, and `catch_up` makes the first when somebody does.
        if bus.wanted(messages.ChannelCreated) or bus.wanted(messages.ChannelChanged):
            self._published = self.snapshot()
            bus.publish(messages.ChannelCreated(self._published))
        observer = self._channels.observer
        if observer is not None:
            self.observer = tell(observer.created, self)

    def set_state(self, state: ChannelState) -> None:
        """Enter a state; Up is noted as the time of answer."""
        if state is not self.state:
            self.state = state
            self.state_entered()

    def state_entered(self) -> None:
        """Tell of the state, and of whatever else has changed."""
        if self.state is ChannelState.UP and self.answered is None:
            self.answered = self._channels.clock.now()
        self.changed()
        if self.observer is not None:
            tell(self.observer.changed)
        self._channels.device_changed(self)

    def set_position(self, context: str | None, exten: str | None, priority: int) -> None:
        """Where the dialplan is now; None leaves what there is.

        Told with the next change, as in Asterisk, such as the application it runs.
        """
        # As in Asterisk the first move counts even if it leads to the same place.
        if context is not None and (context != self.context or not self.last_context):
            self.last_context, self.context = self.context, context
        if exten is not None and (exten != self.exten or not self.last_exten):
            self.last_exten, self.exten = self.exten, exten
        self.priority = priority
        self._snapshot = None

    def step(self) -> None:
        """To the next priority; told as by `set_position`."""
        self.priority += 1
        self._snapshot = None

    def set_application(self, name: str, data: str) -> None:
        """Which application runs; an empty name when it has ended."""
        self._application = name
        self._data = data
        self._snapshot = None
        old = self._published
        if old is not None and self._channels.bus.wanted(messages.ChannelChanged):
            if old.priority == self.priority and old.application_data == data and old.application == name:
                self.changed()
            else:
                # What every step of a dialplan comes by: that it is another one is known without a comparison.
                new = self._published = self.snapshot()
                self._channels.bus.publish(messages.ChannelChanged(old, new))
        if self.observer is not None:
            tell(self.observer.changed)

    def forget_application(self, outer: str = "", data: str = "") -> None:
        """The application has ended, and ``outer`` goes on that ran it; told with the next change, as by pbx_exec."""
        self._application, self._data = outer, data
        self._snapshot = None

    def rename(self, name: str) -> None:
        """Change the channel's name in the registry and tell everybody."""
        old = self.name
        self._channels.renamed(old, name)
        self.name = name
        self.changed()
        if self._channels.bus.wanted(messages.ChannelRenamed):
            self._channels.bus.publish(messages.ChannelRenamed(self.snapshot(), old))

    # Variables

    def get_variable(self, name: str) -> str | None:
        """A built-in, channel or global variable by plain name; None when unset."""
        built_in = BUILTINS.get(name)
        if built_in is not None:
            return built_in(self)
        value = self.variables.get(name)
        return self._channels.get_global(name) if value is None else value

    def report(self, name: str) -> None:
        """Let snapshots, and with them events, show a variable."""
        self.reported = {**(self.reported or {}), name: None}
        self._snapshot = None

    def _reported(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, value) for name in self.reported or () if (value := self.variables.get(name)) is not None)

    def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable; ``_`` and ``__`` before the name let dialled channels inherit it."""
        plain = self.variables.set(name, value)
        if self.reported is not None and plain in self.reported:
            self.changed()
        if self._channels.bus.wanted(messages.VariableSet):
            self.tell_variable(name, value)

    def blank_variables(self, names: Iterable[str]) -> None:
        """Set several channel variables to the empty string: an application's results, before it has any."""
        if self.reported is None and not self._channels.bus.wanted(messages.VariableSet):
            self.variables.blank(names)
            return
        for name in names:
            self.set_variable(name, "")

    def push_variable(self, name: str, value: str) -> None:
        """Put a variable over the one of that name, until `unset_variable` brings that back. Nobody is told."""
        plain = self.variables.push(name, value)
        if self.reported is not None and plain in self.reported:
            self._snapshot = None

    def unset_variable(self, name: str) -> None:
        """Take a channel variable away; an earlier one that it was put over is back. A value that was lost is told."""
        plain = plain_name(name)
        value = self.variables.remove(plain)
        if self.reported is not None and plain in self.reported:
            self._snapshot = None
        if value:
            self.tell_variable(name, "")

    def tell_variable(self, name: str, value: str) -> None:
        """Tell everybody that a variable, or a function by its whole name, has been set."""
        if self._channels.bus.wanted(messages.VariableSet):
            if not value.isascii() and (shown := whole_utf8(value)) != value:
                text = "{channel}: variable '{name}' holds bytes that are not UTF-8; they are told as U+FFFD"
                log.warn(text, channel=self.name, name=name)
                value = shown
            self._channels.bus.publish(messages.VariableSet(self.told(), name, value))

    def inherit_from(self, parent: Channel) -> None:
        """Take the parent's inheritable variables, account and language, as a dialled channel does."""
        for name, value in parent.variables.inherited():
            self.set_variable(name, value)
        self.inheritable.update(parent.inheritable)
