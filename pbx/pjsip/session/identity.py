"""Who is on the line, told and heard inside a call (res_pjsip_caller_id and chan_pjsip's connected line).

Identity headers of a re-INVITE, an UPDATE or a response tell of another party at the far end; what the core says of
the connected party goes into our responses while a call is set up, and into an UPDATE or re-INVITE afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.frames import Control, ControlFrame
from pbx.core.party import Caller, Connected, PartyId
from pbx.core.states import ChannelState
from pbx.pjsip._native.errors import PjError
from pbx.pjsip._native.invite_session import EARLY, SessionOver
from pbx.pjsip.caller_id import asserted_identity, identity_headers, tagged
from pbx.pjsip.objects.enums import SessionRefreshMethod
from pbx.pjsip.session.attributes import local_address
from pbx.pjsip.session.diversion import diversion_headers
from pbx.pjsip.uri import NameAddr, SipSyntaxError

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.session.session import PjsipSession

log = Logger()

#: AST_CONNECTED_LINE_UPDATE_SOURCE_ANSWER
SOURCE_ANSWER = 1


def say_who_is_called(session: PjsipSession) -> None:
    """The first that a caller hears of whom it calls: the channel's caller, from the endpoint, the plan or the dial."""
    channel = session.channel
    party = channel.caller.id
    if party.number_valid or party.name_valid:
        channel.queue_frame(ControlFrame(Control.CONNECTED_LINE, Connected(id=party, source=SOURCE_ANSWER)))


def heard_of(channel: Channel, endpoint: Endpoint, message: SipMessage) -> None:
    """Take another identity of the far end from ``message``, where the endpoint is believed, and pass it on."""
    if not (endpoint.trust_connected_line and endpoint.trust_id_inbound):
        return
    party = asserted_identity(message)
    if party is None or not _is_news(channel.caller.id, party):
        return
    party = tagged(party, endpoint)
    channel.caller = Caller(id=party, ani=party, ani2=channel.caller.ani2)
    channel.changed()
    channel.queue_frame(ControlFrame(Control.CONNECTED_LINE, Connected(id=party, ani=party, source=SOURCE_ANSWER)))


def _is_news(known: PartyId, party: PartyId) -> bool:
    if not party.number_valid:
        return False
    if not known.number or known.number != party.number:
        return True
    return party.name_valid and (not known.name or known.name != party.name)


def response_headers(session: PjsipSession, code: int) -> list[tuple[str, str]]:
    """Who the caller talks to and where its call went, for a response to its INVITE.

    With ``send_connected_line = no`` what the first response said stays (PJSIP sends one message with changing codes).
    """
    endpoint, channel, native = session.endpoint, session.channel, session.native
    if native is None or not (endpoint.send_pai or endpoint.send_rpid or code == 181 or 300 <= code < 400):
        return []
    host = _our_host(session)
    headers: list[tuple[str, str]] = []
    if endpoint.send_connected_line or native.state < EARLY:
        headers += identity_headers(endpoint, channel.connected.id, host, party="called")
    if code == 181 or 300 <= code < 400:
        headers += diversion_headers(channel, endpoint, host, response=True)
    return headers


def _our_host(session: PjsipSession) -> str:
    """The host of our own URI in the dialog: To of a call that came in, From of one that goes out."""
    try:
        uri = "" if session.native is None else session.native.field("local_uri")
        return NameAddr.parse(uri).uri.host
    except SipSyntaxError:
        return local_address(session).rpartition(":")[0]


def tell_connected(session: PjsipSession) -> None:
    """The channel's connected line is another now: tell the far end, if it wants to know and may."""
    native, endpoint, channel = session.native, session.endpoint, session.channel
    if native is None or not _may_tell(channel, endpoint):
        return
    if not (channel.state is ChannelState.UP or channel.outgoing):
        if endpoint.rpid_immediate and channel.state in (ChannelState.RING, ChannelState.RINGING):
            inband = endpoint.inband_progress or channel.state is ChannelState.RINGING
            session.respond(183 if inband else 180)
        return
    party = "calling" if channel.outgoing else "called"
    headers = identity_headers(endpoint, channel.connected.id, _our_host(session), party=party)
    try:
        if endpoint.connected_line_method is SessionRefreshMethod.UPDATE or session.takes_update:
            native.update(headers)
        elif native.can_reinvite:
            native.reinvite(session.media.offer(), headers)
        else:
            session.connected_untold = True
    except (SessionOver, PjError) as error:
        session.connected_untold = not native.over
        log.info("{call_id}: no connected line was sent: {error}", call_id=session.call_id, error=str(error))


def tell_connected_late(session: PjsipSession) -> None:
    """Something is over that stood in the way of telling: an unanswered INVITE, or a re-INVITE of either side."""
    if session.connected_untold:
        session.connected_untold = False
        session.later(tell_connected, session)


def _may_tell(channel: Channel, endpoint: Endpoint) -> bool:
    if not endpoint.send_connected_line or not (endpoint.send_pai or endpoint.send_rpid):
        return False
    party = channel.connected.id
    return party.number_valid and (endpoint.trust_id_outbound or not party.restricted)
