"""The registry of channels: makes them, names them, finds them, and knows when the last one has gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.bus import Bus
from pbx.clock import Clock
from pbx.core import accounts, messages
from pbx.core.channel import Channel
from pbx.core.dialed_causes import set_dialer
from pbx.core.media import Switchboard
from pbx.core.observer import tell
from pbx.core.party import Connected, party_id
from pbx.core.states import ChannelState
from pbx.core.variables import VariableStore, plain_name
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channel_record import ChannelRecord
    from pbx.core.dialplan import Dialplan
    from pbx.core.hints import HintFinder
    from pbx.core.music import Music
    from pbx.core.observer import CallObserver

log = Logger()

#: Context, extension and priority.
Place = tuple[str, str, int]
#: Longest id a client may choose for a channel (AST_MAX_PUBLIC_UNIQUEID).
MAX_UNIQUEID = 149


class DuplicateChannel(ObeliskError):
    """A client chose an id or a name that a channel has already."""


class Channels:
    """All channels there are."""

    def __init__(self, bus: Bus, clock: Clock, switchboard: Switchboard, *, system_name: str = "") -> None:
        self.bus = bus
        self.clock = clock
        self.switchboard = switchboard
        self.globals = VariableStore()
        #: Where the hints of extensions are.
        self.hints: HintFinder | None = None
        #: Variables that nobody can set: directories, the system's name and id.
        self.system_variables: dict[str, str] = {"SYSTEMNAME": system_name}
        #: Set by the composition root before the first call.
        self.dialplan: Dialplan | None = None
        #: Plays music to who is on hold, while a module offers that.
        self.music: Music | None = None
        self.system_name = system_name
        #: Called with each device whose calls changed, for device states.
        self.on_device_changed: Callable[[str], object] | None = None
        #: Who accompanies the calls, see `CallObserver`; set by `observe`.
        self.observer: CallObserver | None = None
        #: How many calls (channels with a dialplan of their own) there have been.
        self.calls_processed = 0
        self._by_id: dict[str, Channel] = {}
        self._by_name: dict[str, Channel] = {}
        self._by_device: dict[str, dict[str, Channel]] = {}
        self._sequence = 0
        self._numbers: dict[str, int] = {}
        self._idle: list[Callable[[], object]] = []

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def new_id(self) -> str:
        """The next unique id: ``<epoch>.<n>``, with the system's name before it if there is one."""
        number = self._sequence
        self._sequence += 1
        plain = f"{int(self.clock.now())}.{number}"
        return f"{self.system_name}-{plain}" if self.system_name else plain

    def next_number(self, technology: str) -> int:
        """A number for the names of a technology's channels, from 0; none comes twice while the program runs."""
        number = self._numbers.get(technology, 0)
        self._numbers[technology] = number + 1
        return number

    def create(
        self,
        technology: str,
        name: str,
        *,
        uniqueid: str | None = None,
        linkedid: str | None = None,
        state: ChannelState = ChannelState.DOWN,
        prepare: Callable[[Channel], object] | None = None,
    ) -> Channel:
        """A new channel, announced on the bus after ``prepare`` has set its first fields.

        Raises DuplicateChannel when the id or the name is in use or the id is too long.
        """
        chosen = uniqueid or self.new_id()
        if len(chosen) > MAX_UNIQUEID:
            raise DuplicateChannel(f"channel id of {len(chosen)} characters; at most {MAX_UNIQUEID} are allowed")
        if chosen in self._by_id:
            raise DuplicateChannel(f"a channel with id {chosen} exists already")
        if name in self._by_name:
            raise DuplicateChannel(f"a channel named {name} exists already")
        channel = Channel(self, technology, name, chosen, linkedid or chosen, self.clock.now())
        channel.state = state
        self._by_id[chosen] = channel
        self._by_name[name] = channel
        device = channel.device
        self._by_device.setdefault(device, {})[chosen] = channel
        if prepare is not None:
            prepare(channel)
        channel.announce()
        if state is not ChannelState.DOWN:
            self.device_changed(channel)
        return channel

    def observe(self, observer: CallObserver | None) -> None:
        """Let all calls, those there are and those to come, be accompanied; by nobody with None."""
        self.observer = observer
        for channel in self:
            channel.observer = None if observer is None else tell(observer.created, channel)

    def find_id(self, uniqueid: str) -> Channel | None:
        """By unique id."""
        return self._by_id.get(uniqueid)

    def find(self, name_or_id: str) -> Channel | None:
        """By unique id or by name; names compare without regard to case when there is no exact one."""
        found = self._by_id.get(name_or_id) or self._by_name.get(name_or_id)
        if found is None and name_or_id:
            lower = name_or_id.lower()
            found = next((c for c in self._by_id.values() if c.name.lower() == lower), None)
        return found

    def of_device(self, device: str) -> list[Channel]:
        """The channels of a device such as ``PJSIP/alice``."""
        return list(self._by_device.get(device, {}).values())

    def device_changed(self, channel: ChannelRecord) -> None:
        """What a channel does may have changed the state of its device."""
        if self.on_device_changed is not None:
            self.on_device_changed(channel.device)

    def renamed(self, old: str, name: str) -> None:
        """Move a channel to a new name. Raises DuplicateChannel when it is in use."""
        if name in self._by_name:
            raise DuplicateChannel(f"a channel named {name} exists already")
        channel = self._by_name.pop(old, None)
        if channel is not None:
            self._by_name[name] = channel
            device = channel.device
            self._leave_device(device, channel)
            channel.name = name
            self._by_device.setdefault(channel.device, {})[channel.uniqueid] = channel
            if self.on_device_changed is not None and channel.device != device:
                self.on_device_changed(device)
                self.on_device_changed(channel.device)

    def exchange_identities(self, one: Channel, other: Channel) -> None:
        """Let two channels change their names and ids; whoever accompanies one of them goes with these."""
        one.exchange_identity(other)
        for channel in (one, other):
            self._by_id[channel.uniqueid] = channel
            self._by_name[channel.name] = channel
            self._by_device[channel.device][channel.uniqueid] = channel
        if self.observer is not None:
            tell(self.observer.exchanged, one, other)

    def yank(self, channel: Channel) -> None:
        """Take a channel from the dial or bridge that services it and run the dialplan at its pending redirect."""
        if self.dialplan is None:
            raise ObeliskError("there is no dialplan to redirect to")
        channel.yanked = True
        channel.originated = False
        if channel.bridge is not None:
            channel.bridge.remove(channel)
        channel.set_reader(None)
        target = channel.take_redirect()
        # What ran on it ends here, not at the new place.
        channel.set_application("", "")
        if target is not None:
            channel.set_position(*target)
        self.dialplan.start(channel)

    @staticmethod
    def redirect_both(first: Channel, first_place: Place, second: Channel, second_place: Place) -> None:
        """Redirect two channels at once, so that neither's leaving a bridge ends the other's call."""
        moves = [(first, first_place), (second, second_place)]
        for channel, place in moves:
            channel.plan_redirect(*place)
        # Who runs a dialplan goes last: it sees its redirect when the other leaves the bridge they share.
        for channel, place in sorted(moves, key=lambda move: move[0].owner == "pbx"):
            if channel.redirect_pending:
                channel.redirect(*place)

    @staticmethod
    def send_away(peer: Channel, place: Place, transferer: Channel) -> None:
        """Blind transfer: ``peer`` goes to ``place``, who was talking to it is hung up."""
        if peer.owner == "pbx":
            peer.redirect(*place)
            transferer.request_hangup()
        else:
            # Taken before the transferer goes, or whoever dialled the peer would end it.
            peer.yanked = True
            transferer.request_hangup()
            peer.redirect(*place)

    def ended(self, channel: Channel) -> None:
        """A channel has hung up: forget it and say so, as the last thing about it."""
        self._by_id.pop(channel.uniqueid, None)
        if self._by_name.get(channel.name) is channel:
            del self._by_name[channel.name]
        self._leave_device(channel.device, channel)
        if self.bus.wanted(messages.ChannelDestroyed):
            self.bus.publish(messages.ChannelDestroyed(channel.snapshot()))
        observer, channel.observer = channel.observer, None
        if observer is not None:
            tell(observer.destroyed)
        self.device_changed(channel)
        if not self._by_id:
            waiting, self._idle = self._idle, []
            for call in waiting:
                call()

    def _leave_device(self, device: str, channel: ChannelRecord) -> None:
        others = self._by_device.get(device)
        if others is not None:
            others.pop(channel.uniqueid, None)
            if not others:
                del self._by_device[device]

    def when_idle(self, call: Callable[[], object]) -> None:
        """Run ``call`` once no channel is left: at once if there is none."""
        if self._by_id:
            self._idle.append(call)
        else:
            call()

    def get_global(self, name: str) -> str | None:
        """A variable that belongs to no channel; None when unset."""
        if name == "EPOCH":
            return str(int(self.clock.now()))
        value = self.system_variables.get(name)
        return self.globals.get(name) if value is None else value

    def set_global(self, name: str, value: str) -> None:
        """Set a global variable."""
        self.globals.set(name, value)
        if self.bus.wanted(messages.VariableSet):
            self.bus.publish(messages.VariableSet(None, name, value))

    def remove_global(self, name: str) -> None:
        """Take a global variable away. A value that was lost is told."""
        value = self.globals.remove(plain_name(name))
        if value and self.bus.wanted(messages.VariableSet):
            self.bus.publish(messages.VariableSet(None, name, ""))


def prepare_outgoing(channel: Channel, requestor: Channel | None, dialled: str) -> None:
    """Set a dialled channel's parties: its connected line is who dials, its caller the number dialled.

    The caller of this tells of the change.
    """
    channel.outgoing = True
    if dialled:
        channel.caller = replace(channel.caller, id=party_id(dialled))
    if requestor is not None:
        set_dialer(channel, requestor)
        channel.connected = Connected(id=requestor.caller.id, ani=requestor.caller.ani)
        channel.linkedid = requestor.linkedid
        channel.redirecting = requestor.redirecting
        channel.inherit_from(requestor)
        accounts.cross_over(channel, requestor)
