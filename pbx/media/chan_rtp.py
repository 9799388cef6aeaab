"""``UnicastRTP/host:port[/c(codec)]``: a channel whose far end is plain RTP, without signalling (Asterisk: chan_rtp).

Up as soon as it is called. UNICASTRTP_LOCAL_ADDRESS and UNICASTRTP_LOCAL_PORT say where the far end may send to.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING

from pbx.core.causes import Cause
from pbx.core.device_state import DeviceState
from pbx.core.frames import Control, ControlFrame
from pbx.core.technology import ChannelRequest, RequestFailed
from pbx.errors import ObeliskError
from pbx.media.engine import MediaEngine
from pbx.media.formats import format_by_name
from pbx.media.leg import Leg
from pbx.media.parameters import StreamParameters
from pbx.modules import Module

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.core.channels import Channels
    from pbx.media.transport_pool import RtpTransport

TECHNOLOGY = "UnicastRTP"
DEFAULT_CODEC = "ulaw"
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]/:]+)):([0-9]{1,5})(?:/(.*))?")
_CODEC = re.compile(r"c\(([^()]*)\)")


class RtpDriver:
    """One channel's stream."""

    def __init__(self, channel: Channel, engine: MediaEngine, transport: RtpTransport, parameters: StreamParameters):
        self._channel = channel
        self._engine = engine
        self._transport: RtpTransport | None = transport
        self._parameters = parameters

    def call(self) -> None:
        leg, transport = self._channel.audio, self._transport
        if transport is None or not isinstance(leg, Leg):
            return
        try:
            self._engine.attach_stream(leg, transport, self._parameters)
        except (ObeliskError, ValueError):
            self._channel.remote_hangup(Cause.BEARERCAPABILITY_NOTAVAIL)
            return
        self._channel.queue_frame(ControlFrame(Control.ANSWER))

    def answer(self) -> None:
        """It calls, it is not called."""

    def indicate(self, kind: Control, data: object) -> bool:
        return False

    def hangup(self) -> None:
        leg, transport = self._channel.audio, self._transport
        self._transport = None
        if isinstance(leg, Leg):
            self._engine.detach_stream(leg)
        if transport is not None:
            transport.release()

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """No events are agreed on with this far end."""

    def send_text(self, text: str, content_type: str = "") -> bool:
        return False

    def transfer(self, target: str) -> bool:
        return False

    def fixup(self, old: Channel, new: Channel) -> None:
        self._channel = new


class UnicastRtp:
    """The technology."""

    name = TECHNOLOGY
    description = "Unicast RTP Media Channel Driver"

    def __init__(self, channels: Channels, engine: MediaEngine) -> None:
        self._channels = channels
        self._engine = engine

    def request(self, request: ChannelRequest) -> Channel:
        """Raises RequestFailed."""
        found = _ADDRESS.fullmatch(request.address)
        if found is None or not 0 < int(found[3]) < 65536:
            raise RequestFailed(f"{TECHNOLOGY}/{request.address}: not host:port", Cause.NO_ROUTE_DESTINATION)
        host, port = _literal(found[1] or found[2]), int(found[3])
        codec = _CODEC.search(found[4] or "")
        name = codec[1] if codec else next(iter(request.formats), DEFAULT_CODEC)
        form = format_by_name(name)
        if form is None or not form.transcodable:
            raise RequestFailed(
                f"{TECHNOLOGY}: no codec '{name}' for RTP without signalling", Cause.BEARERCAPABILITY_NOTAVAIL
            )
        try:
            transport = self._engine.lend_transport(symmetric=True, address=_our_address(host))
        except ObeliskError as error:
            raise RequestFailed(f"{TECHNOLOGY}: {error}", Cause.NORMAL_CIRCUIT_CONGESTION) from error
        parameters = StreamParameters(
            remote_address=host,
            remote_port=port,
            codec=form.name,
            send_payload_type=form.offered_payload_type,
            receive_payload_type=form.offered_payload_type,
        )

        def prepare(channel: Channel) -> None:
            channel.formats = (form.name,)

        number = self._channels.next_number(TECHNOLOGY)
        try:
            channel = self._channels.create(
                TECHNOLOGY,
                f"{TECHNOLOGY}/{found[1] or found[2]}:{port}-{number:08x}",
                uniqueid=request.uniqueid,
                linkedid=request.linkedid,
                prepare=prepare,
            )
        except ObeliskError:
            transport.release()
            raise
        channel.attach(RtpDriver(channel, self._engine, transport, parameters))
        channel.set_variable("UNICASTRTP_LOCAL_ADDRESS", transport.address)
        channel.set_variable("UNICASTRTP_LOCAL_PORT", str(transport.rtp_port))
        return channel

    def device_state(self, resource: str) -> DeviceState:
        """Nothing is known of a far end without signalling."""
        return DeviceState.UNKNOWN


def _literal(host: str) -> str:
    """An address as it is; a name is not looked up here, where it would hold up every call. Raises RequestFailed."""
    try:
        return str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:
        raise RequestFailed(f"{TECHNOLOGY}: '{host}' is no IP address", Cause.NO_ROUTE_DESTINATION) from None


def _our_address(host: str) -> str:
    """The address of ours that packets to ``host`` leave from (ast_ouraddrfor). Raises RequestFailed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
    except OSError as error:
        raise RequestFailed(f"{TECHNOLOGY}: no way to {host}: {error.strerror}", Cause.NO_ROUTE_DESTINATION) from error


class RtpChannelModule(Module):
    """Channels of plain RTP."""

    name = "chan_rtp"
    description = "RTP Media Channel"

    async def load(self) -> None:
        self._technology = UnicastRtp(self.server.channels, self.server.require(MediaEngine))
        self.server.technologies.register(self._technology)

    async def unload(self) -> None:
        self.server.technologies.unregister(self._technology)

    @property
    def use_count(self) -> int:
        return sum(channel.technology == TECHNOLOGY for channel in self.server.channels)


MODULES: tuple[type[Module], ...] = (RtpChannelModule,)
