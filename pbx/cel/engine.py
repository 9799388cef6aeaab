"""What makes events of the bus's messages, and gives them to the backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.cdr.ledger import INTERNAL, PROGRESS
from pbx.cdr.record import SECOND
from pbx.cel.event import CelEvent, CelType, extra_text
from pbx.cel.settings import CelSettings
from pbx.core import messages
from pbx.core.hangup_source import source_of
from pbx.core.states import ChannelState

if TYPE_CHECKING:
    from pbx.bus import Bus, Subscription
    from pbx.clock import Clock
    from pbx.core.bridge.bridge import BridgeSnapshot
    from pbx.core.channels import Channels
    from pbx.core.snapshot import ChannelSnapshot

log = Logger()

Backend = Callable[[CelEvent], object]

_APPLICATIONS = frozenset((CelType.APP_START, CelType.APP_END))
_READ = (
    messages.ChannelCreated,
    messages.ChannelChanged,
    messages.ChannelDestroyed,
    messages.HangupRequested,
    messages.DialEnded,
    messages.BridgeEntered,
    messages.BridgeLeft,
    messages.BlindTransferred,
    messages.AttendedTransferred,
)


class CelEngine:
    """Channel event logging. While it is disabled it reads nothing, and costs nothing."""

    def __init__(self, bus: Bus, clock: Clock, channels: Channels) -> None:
        self._bus = bus
        self._clock = clock
        self._channels = channels
        self.settings = CelSettings(enable=False)
        self.backends: dict[str, Backend] = {}
        self._subscriptions: list[Subscription] = []
        #: How many channels have a linked id.
        self._linked: dict[str, int] = {}
        self._dial_statuses: dict[str, str] = {}
        #: Channels as they were told last while they ran an application.
        self._running: dict[str, ChannelSnapshot] = {}
        #: By whom a channel was hung up.
        self._sources: dict[str, str] = {}
        self._handlers: dict[type, Callable[..., None]] = {
            messages.ChannelCreated: self._created,
            messages.ChannelChanged: self._changed,
            messages.ChannelDestroyed: self._destroyed,
            messages.HangupRequested: self._hangup_requested,
            messages.DialEnded: self._dial_ended,
            messages.BridgeEntered: self._entered,
            messages.BridgeLeft: self._left,
            messages.BlindTransferred: self._transferred,
            messages.AttendedTransferred: self._attended,
            messages.DigitEnded: self._digit,
        }

    @property
    def enabled(self) -> bool:
        return bool(self._subscriptions)

    def add_backend(self, name: str, backend: Backend) -> Callable[[], None]:
        """Give every event to ``backend`` too; the result ends that. Raises ValueError when the name is taken."""
        if name in self.backends:
            raise ValueError(f"CEL backend {name} is registered twice")
        self.backends[name] = backend

        def withdraw() -> None:
            if self.backends.get(name) is backend:
                del self.backends[name]

        return withdraw

    # Life

    def apply(self, settings: CelSettings | None) -> None:
        """Take settings, None for no events at all."""
        self.settings = settings or CelSettings(enable=False)
        was_enabled = self.enabled
        self._unsubscribe()
        if not self.settings.enable:
            for kept in (self._linked, self._dial_statuses, self._running, self._sources):
                kept.clear()
            return
        if not was_enabled:
            if not self._bus.wanted(messages.ChannelChanged):
                for channel in self._channels:
                    channel.catch_up()
            for channel in self._channels:
                self._link(channel.linkedid)
        kinds: tuple[type, ...] = _READ
        if CelType.DTMF in self.settings.tracked:
            # Otherwise no digit makes a message for our sake.
            kinds = (*kinds, messages.DigitEnded)
        self._subscriptions.append(self._bus.subscribe_many(kinds, self._read))

    def _unsubscribe(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()

    def stop(self) -> None:
        """Read no more."""
        self._unsubscribe()

    def _read(self, message: object) -> None:
        self._handlers[type(message)](message)

    # Events

    def report(
        self,
        kind: CelType,
        channel: ChannelSnapshot,
        *,
        name: str = "",
        peer: str = "",
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Give an event to the backends, if its kind is tracked."""
        if not self.enabled or kind not in self.settings.tracked or channel.technology in INTERNAL:
            return
        if (
            kind in (CelType.APP_START, CelType.APP_END)
            and channel.application.lower() not in self.settings.tracked_apps
        ):
            return
        event = CelEvent(kind, round(self._clock.now() * SECOND), channel, name, peer, extra_text(extra or {}))
        for label, backend in list(self.backends.items()):
            try:
                backend(event)
            except Exception:  # one backend's defect must not keep the event from the others, nor reach the call
                log.failure("the CEL backend {name} failed", name=label)

    def _created(self, message: messages.ChannelCreated) -> None:
        channel = message.channel
        self._link(channel.linkedid)
        self._application_changed(channel)
        self.report(CelType.CHANNEL_START, channel)

    def _changed(self, message: messages.ChannelChanged) -> None:
        old, new = message.old, message.channel
        self._application_changed(new)
        if old.state is not new.state and new.state is ChannelState.UP:
            self.report(CelType.ANSWER, new)
        if old.linkedid != new.linkedid:
            self._link(new.linkedid)
            self._unlink(old)

    def _application_changed(self, channel: ChannelSnapshot) -> None:
        before = self._running.pop(channel.uniqueid, None)
        if before is None or before.application != channel.application:
            if before is not None:
                self.report(CelType.APP_END, before)
            if channel.application:
                self.report(CelType.APP_START, channel)
        if channel.application and channel.alive:
            self._running[channel.uniqueid] = channel

    def _destroyed(self, message: messages.ChannelDestroyed) -> None:
        channel = message.channel
        self._application_changed(channel)
        extra = {
            "hangupcause": channel.hangup_cause,
            "hangupsource": self._sources.pop(channel.uniqueid, ""),
            "dialstatus": self._dial_statuses.pop(channel.uniqueid, ""),
        }
        self.report(CelType.HANGUP, channel, extra=extra)
        self.report(CelType.CHANNEL_END, channel)
        self._unlink(channel)

    def _link(self, linkedid: str) -> None:
        self._linked[linkedid] = self._linked.get(linkedid, 0) + 1

    def _unlink(self, channel: ChannelSnapshot) -> None:
        count = self._linked.get(channel.linkedid, 0)
        if count > 1:
            self._linked[channel.linkedid] = count - 1
        elif count:
            del self._linked[channel.linkedid]
            self.report(CelType.LINKEDID_END, channel)

    def _hangup_requested(self, message: messages.HangupRequested) -> None:
        """Keep who hung up, of the channel and of whom it talked to: their ends are told when they are gone."""
        channel = self._channels.find_id(message.channel.uniqueid)
        if channel is None:
            return
        for each in (channel,) if channel.bridge is None else channel.bridge.channels:
            source = source_of(each)
            if source:
                self._sources.setdefault(each.uniqueid, source)

    def _dial_ended(self, message: messages.DialEnded) -> None:
        caller = message.caller
        if caller is None or message.status in PROGRESS:
            return
        if message.forward:
            self.report(CelType.FORWARD, caller, extra={"forward": message.forward})
        # An answer counts over every failure, else the first failure does.
        if message.status == "ANSWER" or caller.uniqueid not in self._dial_statuses:
            self._dial_statuses[caller.uniqueid] = message.status

    def _peers(self, bridge: BridgeSnapshot, channel: ChannelSnapshot) -> str:
        found = (self._channels.find_id(member) for member in bridge.members if member != channel.uniqueid)
        return ",".join(each.name for each in found if each is not None)

    def _entered(self, message: messages.BridgeEntered) -> None:
        self._bridged(CelType.BRIDGE_ENTER, message.bridge, message.channel)

    def _left(self, message: messages.BridgeLeft) -> None:
        self._bridged(CelType.BRIDGE_EXIT, message.bridge, message.channel)

    def _bridged(self, kind: CelType, bridge: BridgeSnapshot, channel: ChannelSnapshot) -> None:
        extra = {"bridge_id": bridge.id, "bridge_technology": bridge.technology}
        self.report(kind, channel, peer=self._peers(bridge, channel), extra=extra)

    def _transferred(self, message: messages.BlindTransferred) -> None:
        if message.result != "Success":
            return
        transferee = message.transferee
        extra = {
            "extension": message.exten,
            "context": message.context,
            "bridge_id": "" if message.bridge is None else message.bridge.id,
            "transferee_channel_name": "N/A" if transferee is None else transferee.name,
            "transferee_channel_uniqueid": "N/A" if transferee is None else transferee.uniqueid,
        }
        self.report(CelType.BLIND_TRANSFER, message.transferer, extra=extra)

    def _attended(self, message: messages.AttendedTransferred) -> None:
        if not message.bridge and not message.application:
            return
        legs = [(message.first, message.first_bridge), (message.second, message.second_bridge)]
        if message.first_bridge is None:
            legs.reverse()
        (channel, bridge), (other, other_bridge) = legs
        transferee, target = message.transferee, message.target
        extra = {
            "bridge1_id": "" if bridge is None else bridge.id,
            "channel2_name": other.name,
            "channel2_uniqueid": other.uniqueid,
        }
        if message.bridge:
            extra["bridge2_id"] = "" if other_bridge is None else other_bridge.id
        else:
            extra["app"] = message.application
        extra |= {
            "transferee_channel_name": "N/A" if transferee is None else transferee.name,
            "transferee_channel_uniqueid": "N/A" if transferee is None else transferee.uniqueid,
            "transfer_target_channel_name": "N/A" if target is None else target.name,
            "transfer_target_channel_uniqueid": "N/A" if target is None else target.uniqueid,
        }
        self.report(CelType.ATTENDED_TRANSFER, channel, extra=extra)

    def _digit(self, message: messages.DigitEnded) -> None:
        extra = {"digit": message.digit, "duration_ms": message.duration_ms}
        self.report(CelType.DTMF, message.channel, name=message.direction, extra=extra)
