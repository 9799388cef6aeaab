"""Local channels: a pair whose halves are each other's far end (chan_local, core_local.c).

``Local/exten@context[/n]`` makes ``Local/exten@context-XXXXXXXX;1``, which the dialler sees, and ``;2``, on which the
dialplan runs. What one half is told, the other hears; audio goes through a pipe of the switchboard and costs nothing.
"""

from __future__ import annotations

from twisted.logger import Logger

from pbx.core import messages
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.channels import Channels
from pbx.core.device_state import DeviceState
from pbx.core.frames import Control, ControlFrame, DigitBegin, DigitEnd, TextFrame
from pbx.core.party import Caller, Connected
from pbx.core.states import ChannelState
from pbx.core.technology import ChannelRequest, RequestFailed

log = Logger()

#: Controls that make no sense to hand over: the halves' states say them already.
_KEPT = frozenset((Control.HANGUP,))
#: Controls that a half acts on itself: who waits behind it hears music from here.
_OWN = frozenset((Control.HOLD, Control.UNHOLD))


class LocalHalf:
    """The driver of one half; ``peer`` is the other half's channel."""

    def __init__(self, technology: LocalTechnology, channel: Channel, peer: Channel) -> None:
        self._technology = technology
        self._channel = channel
        self._peer: Channel | None = peer

    @property
    def other_half(self) -> Channel | None:
        return self._peer

    def call(self) -> None:
        """Run the dialplan on the other half."""
        peer = self._peer
        if peer is None:
            return
        peer.caller = Caller(id=self._channel.connected.id, ani=self._channel.connected.ani)
        peer.connected = Connected(id=self._channel.caller.id, ani=self._channel.caller.ani)
        peer.redirecting = self._channel.redirecting
        peer.dialed = self._channel.dialed
        peer.max_forwards = self._channel.max_forwards
        peer.accountcode, peer.peeraccount = self._channel.peeraccount, self._channel.accountcode
        peer.language = self._channel.language
        for name, value in self._channel.variables.marked():
            peer.set_variable(name, value)
        peer.inheritable.update(self._channel.inheritable)
        peer.changed()
        dialplan = self._technology.channels.dialplan
        number = self._channel.connected.id.number
        if dialplan is None or not dialplan.exists(peer.context, peer.exten, 1, number):
            self._channel.remote_hangup(Cause.NOT_DEFINED, quiet=True)
            return
        bus = self._technology.channels.bus
        if bus.wanted(messages.LocalBridged):
            bus.publish(
                messages.LocalBridged(
                    self._channel.snapshot(),
                    peer.snapshot(),
                    peer.context,
                    peer.exten,
                    self._technology.optimizes(peer),
                )
            )
        # Not before whoever calls has heard that the call has begun.
        self._technology.channels.clock.call_later(0, self._start, peer)

    def _start(self, peer: Channel) -> None:
        dialplan = self._technology.channels.dialplan
        if peer.alive and dialplan is not None:
            dialplan.start(peer)

    def answer(self) -> None:
        if self._peer is not None:
            self._peer.queue_frame(ControlFrame(Control.ANSWER))

    def indicate(self, kind: Control, data: object) -> bool:
        if self._peer is None:
            return False
        if kind in _OWN:
            return False
        if kind is Control.CONNECTED_LINE:
            # Whom this half talks to is who the other half is.
            party = self._channel.connected
            self._peer.caller = Caller(id=party.id, ani=party.ani)
            self._peer.changed()
        if kind not in _KEPT:
            self._peer.queue_frame(ControlFrame(kind, data))
        return True

    def send_digit(self, digit: str, duration_ms: int) -> None:
        if self._peer is not None:
            self._peer.queue_frame(DigitBegin(digit))
            self._peer.queue_frame(DigitEnd(digit, duration_ms))

    def send_text(self, text: str, content_type: str = "") -> bool:
        if self._peer is None:
            return False
        self._peer.queue_frame(TextFrame(text, content_type))
        return True

    def transfer(self, target: str) -> bool:
        return False

    def fixup(self, old: Channel, new: Channel) -> None:
        self._channel = new

    def hangup(self) -> None:
        peer, self._peer = self._peer, None
        if peer is None or not peer.alive:
            return
        peer_driver = peer.driver
        if isinstance(peer_driver, LocalHalf):
            peer_driver.peer_gone()
        cause = self._channel.hangup_cause
        if peer.outgoing:
            status = self._channel.variables.get("DIALSTATUS")
            if status is not None:
                peer.set_variable("CHANLOCALSTATUS", status)
        elif not peer.owner and peer.bridge is None:
            # Nobody serves it yet.
            peer.hangup(cause)
            return
        peer.remote_hangup(cause, self._channel.tech_cause)

    def peer_gone(self) -> None:
        """The other half has hung up and must not be told anything more."""
        self._peer = None


class LocalTechnology:
    """The technology ``Local``."""

    name = "Local"
    description = "Local Proxy Channel Driver"

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self._kept: set[str] = set()

    def optimizes(self, channel: Channel) -> bool:
        """Whether the pair may be optimised away (no ``/n``)."""
        return channel.uniqueid not in self._kept

    def allow_optimizing(self, channel: Channel) -> None:
        """Take back ``/n`` for the pair of ``channel``, either half."""
        base = channel.name[:-1]
        for half in self.channels:
            if half.name[:-1] == base:
                self._kept.discard(half.uniqueid)

    def request(self, request: ChannelRequest) -> Channel:
        """Make a pair and give its first half. Raises RequestFailed for an address without an extension."""
        target, _, flags = request.address.partition("/")
        exten, _, context = target.partition("@")
        context = context or "default"
        if not exten:
            raise RequestFailed(f"Local/{request.address}: there is no extension", Cause.NO_ROUTE_DESTINATION)
        base = f"Local/{exten}@{context}-{self.channels.next_number('Local'):08x}"
        requestor = request.requestor
        language = "" if requestor is None else requestor.language
        linkedid = request.linkedid

        def prepare(channel: Channel) -> None:
            channel.context = context
            channel.exten = exten
            channel.language = language or channel.language

        def prepare_second(channel: Channel) -> None:
            prepare(channel)
            # Without a word about the device: it is used once the dialplan runs.
            channel.state = ChannelState.RING

        second_id = request.other_uniqueid or (f"{request.uniqueid};2" if request.uniqueid else None)
        one = self.channels.create("Local", f"{base};1", uniqueid=request.uniqueid, linkedid=linkedid, prepare=prepare)
        try:
            two = self.channels.create(
                "Local",
                f"{base};2",
                uniqueid=second_id,
                linkedid=one.linkedid,
                prepare=prepare_second,
            )
        except Exception:
            one.hangup()
            raise
        one.outgoing = True
        one.attach(LocalHalf(self, one, two))
        two.attach(LocalHalf(self, two, one))
        one.formats = two.formats = tuple(request.formats) or (() if requestor is None else requestor.formats)
        if "n" in flags:
            self._kept.add(two.uniqueid)
            two.on_end.append(lambda channel: self._kept.discard(channel.uniqueid))
        self.channels.switchboard.pipe(one.audio, two.audio)
        return one

    def device_state(self, resource: str) -> DeviceState:
        """``Local/exten@context``: in use while its dialplan runs, else not in use where the extension exists."""
        exten, at, rest = resource.partition("@")
        if not at:
            log.warn("Local/{resource} is asked for its state without a context", resource=resource)
            return DeviceState.INVALID
        context = rest.partition("/")[0]
        halves = self.channels.of_device(f"Local/{exten}@{context}")
        if halves:
            return DeviceState.INUSE if any(half.owner == "pbx" for half in halves) else DeviceState.NOT_INUSE
        dialplan = self.channels.dialplan
        if dialplan is None or not dialplan.exists(context, exten):
            return DeviceState.INVALID
        return DeviceState.NOT_INUSE
