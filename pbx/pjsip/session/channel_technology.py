"""The channel technology ``PJSIP``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.channels import DuplicateChannel
from pbx.core.device_state import DeviceState, calls_state
from pbx.core.party import Caller, Dialed
from pbx.core.technology import ChannelRequest, RequestFailed
from pbx.pjsip.caller_id import tagged
from pbx.pjsip.headers import EXTRA_KEY
from pbx.pjsip.maintenance import Maintenance
from pbx.pjsip.objects import Endpoint
from pbx.pjsip.session.incoming import configure, set_variables
from pbx.pjsip.session.media import SessionMedia
from pbx.pjsip.session.outgoing import parse_dial_string, resolve
from pbx.pjsip.session.session import PjsipSession
from pbx.pjsip.uri import SipUri
from pbx.sorcery import NotLocal

if TYPE_CHECKING:
    from pbx.pjsip.session.services import Sessions


class PjsipTechnology:
    """Makes outgoing PJSIP channels."""

    name = "PJSIP"
    description = "PJSIP Channel Driver"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def request(self, request: ChannelRequest) -> Channel:
        """A channel for ``[user@]endpoint[/aor or sip:uri]``. Raises RequestFailed."""
        sessions = self._sessions
        dialled, endpoint = parse_dial_string(request.address, sessions)
        maintenance = sessions.server.find(Maintenance)
        if maintenance is not None and endpoint.id in maintenance:
            raise RequestFailed(f"endpoint '{endpoint.id}' is in maintenance mode", Cause.NORMAL_TEMPORARY_FAILURE)
        call = resolve(dialled, endpoint, sessions)
        target = SipUri.parse(call.target)
        host = sessions.host.media_host(call.transport, call.next_hop)
        media = SessionMedia(sessions.engine, endpoint, host)
        if not media.codecs:
            raise RequestFailed(f"endpoint '{endpoint.id}' has no usable codec", Cause.BEARERCAPABILITY_NOTAVAIL)

        def prepare(channel: Channel) -> None:
            channel.outgoing = True
            channel.context = endpoint.context
            channel.dialed = Dialed(number=target.user)
            ours = tagged(endpoint.callerid, endpoint)
            channel.caller = Caller(id=ours, ani=ours)
            channel.formats = media.codecs
            configure(channel, endpoint)
            for name, value in request.variables.items():
                channel.variables.set(name, value)

        try:
            channel = sessions.channels.create(
                self.name,
                sessions.new_name(endpoint.id),
                uniqueid=request.uniqueid,
                linkedid=request.linkedid,
                prepare=prepare,
            )
        except DuplicateChannel as error:
            raise RequestFailed(str(error), Cause.CHANNEL_UNACCEPTABLE) from error
        session = PjsipSession(sessions, channel, endpoint, media, call=call)
        channel.extra[EXTRA_KEY] = session.headers
        channel.attach(session)
        sessions.add(session)
        set_variables(channel, endpoint, sessions)
        return channel

    def device_state(self, resource: str) -> DeviceState:
        """Of an endpoint: by its calls, and without any by whether it can be reached."""
        sessions = self._sessions
        try:
            endpoint = sessions.server.sorcery.get(Endpoint, resource)
        except NotLocal:
            return DeviceState.UNKNOWN
        if endpoint is None:
            return DeviceState.INVALID
        idle = DeviceState.NOT_INUSE if sessions.location.is_online(resource) else DeviceState.UNAVAILABLE
        channels = sessions.channels.of_device(f"{self.name}/{resource}")
        return calls_state(channels, idle, endpoint.device_state_busy_at)
