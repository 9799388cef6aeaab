"""What the core says on the bus, as events of ARI. Each function makes the events of one class of message.

Nothing is made of what no application is subscribed to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ari.endpoints import endpoint_snapshot
from pbx.core import messages
from pbx.core.causes import CAUSE_TEXTS
from pbx.core.party import PRESENTATION_TEXTS
from pbx.core.snapshot import ChannelSnapshot
from pbx.pjsip.events import ContactState, ContactStatus, EndpointStateChanged
from pbx.stasis.events import StasisEvent

if TYPE_CHECKING:
    from pbx.server import Server
    from pbx.stasis.applications import StasisApplications

M = TypeVar("M")
Made = StasisEvent | Sequence[StasisEvent] | None

_MARK = "_obelisk_ari_event"


def _translates(kind: type[M]) -> Callable[[Callable[[Any, M], Made]], Callable[[Any, M], Made]]:
    def decorate(function: Callable[[Any, M], Made]) -> Callable[[Any, M], Made]:
        setattr(function, _MARK, kind)
        return function

    return decorate


class Translator:
    """Makes events of bus messages."""

    def __init__(self, server: Server, applications: StasisApplications) -> None:
        self._server = server
        self._applications = applications
        #: Set while ARI itself publishes a user event, whose events it makes itself.
        self.user_event_in_hand = False

    def register(self) -> Callable[[], None]:
        """Translate from now on; the result ends that."""
        withdrawals = []
        for name in dir(type(self)):
            kind = getattr(getattr(type(self), name), _MARK, None)
            if kind is not None:
                withdrawals.append(self._applications.translate(kind, getattr(self, name)))

        def withdraw() -> None:
            for each in withdrawals:
                each()

        return withdraw

    def _sources(self, *channels: ChannelSnapshot | None) -> tuple[str, ...]:
        """What an event about channels is about: the channels and their endpoints; empty if nobody asked for it."""
        found: list[str] = []
        for each in channels:
            if each is not None:
                found.append(f"channel:{each.uniqueid}")
                base, dash, _ = each.name.rpartition("-")
                if dash:
                    found.append(f"endpoint:{base}")
        return tuple(found) if self._applications.concerns(*found) else ()

    def _about(self, kind: str, channel: ChannelSnapshot, *fields: tuple[str, object]) -> StasisEvent | None:
        sources = self._sources(channel)
        if not sources:
            return None
        return StasisEvent(kind, self._server.clock.now(), (*fields, ("channel", channel)), sources)

    # Channels

    @_translates(messages.ChannelCreated)
    def channel_created(self, message: messages.ChannelCreated) -> Made:
        return self._about("ChannelCreated", message.channel)

    @_translates(messages.ChannelDestroyed)
    def channel_destroyed(self, message: messages.ChannelDestroyed) -> Made:
        channel = message.channel
        return self._about(
            "ChannelDestroyed",
            channel,
            ("cause", channel.hangup_cause),
            ("cause_txt", CAUSE_TEXTS.get(channel.hangup_cause, "Unknown")),
            ("tech_cause", _tech_cause(channel.tech_cause)),
        )

    @_translates(messages.ChannelChanged)
    def channel_changed(self, message: messages.ChannelChanged) -> Made:
        old, new = message.old, message.channel
        sources = self._sources(new)
        if not sources:
            return None
        now = self._server.clock.now()
        channel = ("channel", new)
        made: list[StasisEvent] = []
        if new.state is not old.state:
            made.append(StasisEvent("ChannelStateChange", now, (channel,), sources))
        # As ast_channel_snapshot_cep_equal: an application where none ran, or one at another place.
        if new.application and (
            not old.application or (new.context, new.exten, new.priority) != (old.context, old.exten, old.priority)
        ):
            fields = (("dialplan_app", new.application), ("dialplan_app_data", new.application_data), channel)
            made.append(StasisEvent("ChannelDialplan", now, fields, sources))
        if new.caller is not old.caller and new.caller != old.caller:
            presentation = new.caller.id.presentation
            shown = (
                ("caller_presentation", presentation),
                ("caller_presentation_txt", PRESENTATION_TEXTS.get(presentation, "unknown")),
                channel,
            )
            made.append(StasisEvent("ChannelCallerId", now, shown, sources))
        if new.connected is not old.connected and new.connected != old.connected:
            made.append(StasisEvent("ChannelConnectedLine", now, (channel,), sources))
        return made

    @_translates(messages.HangupRequested)
    def hangup_requested(self, message: messages.HangupRequested) -> Made:
        return self._about(
            "ChannelHangupRequest",
            message.channel,
            ("cause", message.cause),
            ("tech_cause", _tech_cause(message.tech_cause)),
            ("soft", True if message.soft else None),
        )

    @_translates(messages.VariableSet)
    def variable_set(self, message: messages.VariableSet) -> Made:
        if message.channel is None:
            fields = (("variable", message.name), ("value", message.value))
            return StasisEvent("ChannelVarset", self._server.clock.now(), fields, ("channel:",))
        return self._about("ChannelVarset", message.channel, ("variable", message.name), ("value", message.value))

    @_translates(messages.DigitEnded)
    def digit_ended(self, message: messages.DigitEnded) -> Made:
        if message.direction != "Received":
            return None
        return self._about(
            "ChannelDtmfReceived", message.channel, ("digit", message.digit), ("duration_ms", message.duration_ms)
        )

    @_translates(messages.HoldChanged)
    def hold_changed(self, message: messages.HoldChanged) -> Made:
        if not message.held:
            return self._about("ChannelUnhold", message.channel)
        return self._about("ChannelHold", message.channel, ("musicclass", message.music_class or None))

    @_translates(messages.UserEvent)
    def user_event(self, message: messages.UserEvent) -> Made:
        if self.user_event_in_hand or message.channel is None:
            return None
        # A name given twice is a list of its values, as Asterisk makes it no matter how often.
        fields: dict[str, object] = {"eventname": message.name}
        fields.update(message.fields)
        return self._about("ChannelUserevent", message.channel, ("eventname", message.name), ("userevent", fields))

    # Dials

    def _dial(
        self,
        caller: ChannelSnapshot | None,
        peer: ChannelSnapshot,
        status: str,
        dial_string: str = "",
        forward: str = "",
        forwarded: ChannelSnapshot | None = None,
    ) -> Made:
        sources = self._sources(caller, peer)
        if not sources:
            return None
        fields = (
            ("caller", caller),
            ("peer", peer),
            ("forward", forward),
            ("forwarded", forwarded),
            ("dialstring", dial_string),
            ("dialstatus", status),
        )
        return StasisEvent("Dial", self._server.clock.now(), fields, sources)

    @_translates(messages.DialBegan)
    def dial_began(self, message: messages.DialBegan) -> Made:
        return self._dial(message.caller, message.peer, "", message.dial_string, message.forward)

    @_translates(messages.DialStateChanged)
    def dial_state_changed(self, message: messages.DialStateChanged) -> Made:
        return self._dial(message.caller, message.peer, message.status, message.dial_string)

    @_translates(messages.DialEnded)
    def dial_ended(self, message: messages.DialEnded) -> Made:
        return self._dial(
            message.caller, message.peer, message.status, message.dial_string, message.forward, message.forwarded
        )

    # Bridges

    def _bridge(self, kind: str, bridge: Any, channel: ChannelSnapshot | None = None) -> Made:
        sources = (f"bridge:{bridge.id}", *(() if channel is None else (f"channel:{channel.uniqueid}",)))
        if not self._applications.concerns(*sources):
            return None
        return StasisEvent(kind, self._server.clock.now(), (("bridge", bridge), ("channel", channel)), sources)

    @_translates(messages.BridgeCreated)
    def bridge_created(self, message: messages.BridgeCreated) -> Made:
        return self._bridge("BridgeCreated", message.bridge)

    @_translates(messages.BridgeChanged)
    def bridge_changed(self, message: messages.BridgeChanged) -> Made:
        bridge, source = message.bridge, f"bridge:{message.bridge.id}"
        if bridge.video_source == message.old.video_source or not self._applications.concerns(source):
            return None
        fields = (("bridge", bridge), ("old_video_source_id", message.old.video_source or None))
        return StasisEvent("BridgeVideoSourceChanged", self._server.clock.now(), fields, (source,))

    @_translates(messages.BridgeDestroyed)
    def bridge_destroyed(self, message: messages.BridgeDestroyed) -> Made:
        return self._bridge("BridgeDestroyed", message.bridge)

    @_translates(messages.BridgeEntered)
    def bridge_entered(self, message: messages.BridgeEntered) -> Made:
        return self._bridge("ChannelEnteredBridge", message.bridge, message.channel)

    @_translates(messages.BridgeLeft)
    def bridge_left(self, message: messages.BridgeLeft) -> Made:
        return self._bridge("ChannelLeftBridge", message.bridge, message.channel)

    @_translates(messages.BlindTransferred)
    def blind_transferred(self, message: messages.BlindTransferred) -> Made:
        found = self._sources(message.transferer, message.transferee)
        bridge = message.bridge
        if bridge is not None and self._applications.concerns(f"bridge:{bridge.id}"):
            found = (*found, f"bridge:{bridge.id}")
        if not found:
            return None
        fields = (
            ("channel", message.transferer),
            ("transferee", message.transferee),
            ("exten", message.exten),
            ("context", message.context),
            ("result", message.result),
            ("is_external", message.external),
            ("bridge", bridge),
        )
        return StasisEvent("BridgeBlindTransfer", self._server.clock.now(), fields, found)

    @_translates(messages.AttendedTransferred)
    def attended_transferred(self, message: messages.AttendedTransferred) -> Made:
        found = self._sources(message.first, message.second, message.transferee, message.target)
        for bridge in (message.first_bridge, message.second_bridge):
            if bridge is not None and self._applications.concerns(f"bridge:{bridge.id}"):
                found = (*found, f"bridge:{bridge.id}")
        if not found:
            return None
        kind = "bridge" if message.bridge else "application" if message.application else "fail"
        fields = (
            ("transferer_first_leg", message.first),
            ("transferer_second_leg", message.second),
            ("result", message.result),
            ("is_external", message.external),
            ("transferee", message.transferee),
            ("transfer_target", message.target),
            ("transferer_first_leg_bridge", message.first_bridge),
            ("transferer_second_leg_bridge", message.second_bridge),
            ("destination_type", kind),
            ("destination_bridge", message.bridge or None),
            ("destination_application", message.application or None),
        )
        return StasisEvent("BridgeAttendedTransfer", self._server.clock.now(), fields, found)

    # Endpoints and devices

    @_translates(ContactStatus)
    def contact_status(self, message: ContactStatus) -> Made:
        source = f"endpoint:PJSIP/{message.endpoint}"
        # A refreshed registration is no change of state; the interface has no word for it.
        if message.state is ContactState.UPDATED or not self._concerns_endpoint(source):
            return None
        info = {
            "uri": message.uri,
            "contact_status": message.state.value,
            "aor": message.aor,
            "roundtrip_usec": str(message.roundtrip_microseconds),
        }
        fields = (
            ("endpoint", endpoint_snapshot(self._server, "PJSIP", message.endpoint)),
            ("contact_info", info),
        )
        return StasisEvent("ContactStatusChange", self._server.clock.now(), fields, (source,))

    @_translates(EndpointStateChanged)
    def endpoint_state_changed(self, message: EndpointStateChanged) -> Made:
        source = f"endpoint:{message.technology}/{message.endpoint}"
        if not self._concerns_endpoint(source):
            return None
        now = self._server.clock.now()
        endpoint = ("endpoint", endpoint_snapshot(self._server, message.technology, message.endpoint))
        peer = {"peer_status": "Reachable" if message.online else "Unreachable"}
        return (
            StasisEvent("PeerStatusChange", now, (endpoint, ("peer", peer)), (source,)),
            StasisEvent("EndpointStateChange", now, (endpoint,), (source,)),
        )

    def _concerns_endpoint(self, source: str) -> bool:
        return self._applications.concerns(source, source.partition("/")[0])

    @_translates(messages.DeviceStateChanged)
    def device_state_changed(self, message: messages.DeviceStateChanged) -> Made:
        source = f"deviceState:{message.device}"
        if not self._applications.concerns(source):
            return None
        state = {"name": message.device, "state": message.state}
        return StasisEvent("DeviceStateChanged", self._server.clock.now(), (("device_state", state),), (source,))


def _tech_cause(text: str) -> int | None:
    """The number a technology's cause begins or ends with (``SIP 486 Busy Here``), or None."""
    return next((int(word) for word in text.split() if word.isdigit()), None)
