"""A new call from an endpoint: what is checked before there is a channel, in the order in which it is answered.

420 for what is required and not understood, 503 when no call is taken, 400 for a Contact nobody could answer to, 416
and 404/484 for the called party, 415 and 488 for the body. Only then PJSIP's dialog and the channel are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.channel import Channel
from pbx.core.party import Caller, Dialed, PartyId
from pbx.core.states import ChannelState
from pbx.errors import ObeliskError
from pbx.media.errors import NoMediaPorts
from pbx.media.tones import TONE_ZONE
from pbx.pjsip._native.errors import PjError
from pbx.pjsip.bodies import session_description, unknown_required
from pbx.pjsip.caller_id import caller_of, line_information
from pbx.pjsip.headers import EXTRA_KEY
from pbx.pjsip.lookup import Lookup
from pbx.pjsip.session.agreement import BadDescription, NotAcceptable
from pbx.pjsip.session.diversion import diverted_request
from pbx.pjsip.session.far_end import FarEnd
from pbx.pjsip.session.media import SessionMedia
from pbx.pjsip.session.options import contact_header, options_in, unsupported
from pbx.pjsip.session.replaces import NotReplaced, replace_call, to_be_replaced
from pbx.pjsip.session.session import PjsipSession
from pbx.pjsip.status import warning
from pbx.pjsip.uri import SipSyntaxError, SipUri

if TYPE_CHECKING:
    from pbx.pjsip.host import IncomingRequest
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.session.services import Sessions

log = Logger()

_DIALLED_SCHEMES = frozenset(("sip", "sips", "tel"))
_BODY_TYPES = ("application/sdp", "multipart/mixed", "multipart/alternative", "multipart/related")


class Refused(ObeliskError):
    """The INVITE is answered with ``code`` and no channel is made."""

    def __init__(self, code: int, why: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(why)
        self.code = code
        self.headers = headers


class Unresolved(ObeliskError):
    """Names in the description must be looked up before the INVITE can be judged."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class LookedUp(Lookup):
    """The context of an INVITE whose names have been looked up, with what came of it."""


class InviteHandler:
    """The distributor's handler for INVITE."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def __call__(self, request: IncomingRequest, endpoint: Endpoint) -> None:
        try:
            self._take(request, endpoint)
        except Unresolved as waiting:
            self._later(request, waiting.names)
        except Refused as refusal:
            log.info(
                "Call ({protocol}:{host}:{port}) from endpoint {endpoint} refused with {code}: {why}",
                protocol=request.transport.protocol.upper(),
                host=request.source[0],
                port=request.source[1],
                endpoint=endpoint.id,
                code=refusal.code,
                why=str(refusal),
                call_id=request.call_id,
            )
            if not request.answered:
                headers = [*refusal.headers, ("Server", self._sessions.user_agent)]
                request.respond(refusal.code, headers=headers)

    def _take(self, request: IncomingRequest, endpoint: Endpoint) -> None:
        sessions = self._sessions
        if missing := unsupported(endpoint, request, replaces=sessions.replaces):
            raise Refused(420, f"extensions {', '.join(missing)}", (("Unsupported", ", ".join(missing)),))
        self._check_capacity()
        self._check_contact(request)
        caller = caller_of(request, endpoint)
        exten = self._dialled(request, endpoint, caller)
        offer = self._offer(request)
        try:
            replaced = to_be_replaced(sessions, request)
        except NotReplaced as error:
            raise Refused(error.code, str(error), self._warning(str(error))) from error
        host, port = sessions.host.sent_by(request.transport.id, request.source[0])
        media = SessionMedia(
            sessions.engine, endpoint, sessions.host.media_host(request.transport.id, request.source[0])
        )
        channel: Channel | None = None
        try:
            if offer is not None:
                media.answer(offer)
            channel = self._channel(request, endpoint, exten, caller, media)
            session = PjsipSession(sessions, channel, endpoint, media, received=request)
            channel.extra[EXTRA_KEY] = session.headers
            channel.attach(session)
            session.native = sessions.host.invite.accept(
                request,
                FarEnd(session, sessions),
                contact=contact_header(host, port, request.transport.protocol, user=endpoint.contact_user),
                options=options_in(endpoint, request),
                has_offer=offer is not None,
                rewrite_contact=endpoint.rewrite_contact,
                headers=[("Server", sessions.user_agent)],
            )
        except BadDescription as error:
            media.close()
            raise Refused(400, str(error), self._warning(str(error))) from error
        except NotAcceptable as error:
            media.close()
            raise Refused(488, str(error), self._warning(str(error))) from error
        except NoMediaPorts as error:
            media.close()
            raise Refused(503, str(error), (("Retry-After", "10"),)) from error
        except PjError as error:
            media.close()
            if channel is not None:
                channel.hangup()
            raise Refused(500, str(error)) from error
        sessions.add(session)
        # The dialplan runs once PJSIP has let go of the request: what it does at once must not happen inside it.
        if replaced is None:
            sessions.host.invite.later(self._run, channel)
        else:
            sessions.host.invite.later(replace_call, session, replaced)

    def _later(self, request: IncomingRequest, names: list[str]) -> None:
        """Let the request come again when the names in its description have been looked up."""
        context = LookedUp(self._sessions.server.sorcery)
        context.authorized = True
        request.postpone()
        host = self._sessions.host
        self._sessions.media_names.look_up(names).addCallback(lambda _nothing: host.inject(request, context=context))

    def _run(self, channel: Channel) -> None:
        if channel.alive:
            self._sessions.server.dialplan.start(channel)

    def _check_capacity(self) -> None:
        server = self._sessions.server
        if not server.accepts_calls:
            raise Refused(503, "the exchange is about to stop")
        most = server.options.maxcalls
        if most and len(server.channels) >= most:
            raise Refused(503, f"maxcalls = {most} is reached")

    def _check_contact(self, request: IncomingRequest) -> None:
        """That there is one: what it may look like was the screen's to judge."""
        value = request.headers.get("Contact")
        if not value or value == "*":
            raise Refused(400, "no usable Contact", self._warning("Bad/missing Contact header"))

    def _dialled(self, request: IncomingRequest, endpoint: Endpoint, caller: PartyId) -> str:
        """The extension. Raises Refused when the dialplan does not know it."""
        try:
            uri: SipUri = request.uri
        except SipSyntaxError as error:
            raise Refused(400, str(error)) from error
        if uri.scheme not in _DIALLED_SCHEMES:
            raise Refused(416, f"scheme {uri.scheme}")
        exten = uri.user
        if self._sessions.settings.global_.ignore_uri_user_options:
            exten = exten.partition(";")[0]
        exten = exten or "s"
        dialplan = self._sessions.server.dialplan
        number = caller.number
        if dialplan.exists(endpoint.context, exten, 1, number):
            return exten
        overlap = endpoint.overlap_context or endpoint.context
        if endpoint.allow_overlap and dialplan.can_match(overlap, exten, number):
            raise Refused(484, f"extension '{exten}' is not complete in context '{overlap}'")
        raise Refused(404, f"extension '{exten}' not found in context '{endpoint.context}'")

    def _offer(self, request: IncomingRequest) -> bytes | None:
        body = request.body
        if not body:
            return None
        content_type = request.headers.get("Content-Type") or ""
        if request.content_type not in _BODY_TYPES:
            accept = (("Accept", ", ".join(_BODY_TYPES)),)
            raise Refused(415, f"a body of type '{request.content_type}'", accept)
        unknown = unknown_required(content_type, body)
        if unknown is not None:
            raise Refused(415, f"a body of type '{unknown}' that must be understood", (("Accept", "application/sdp"),))
        description = session_description(content_type, body)
        if description is None:
            return None
        names = self._sessions.media_names
        waited_for = names.unknown(description)
        if waited_for and not isinstance(request.context, LookedUp):
            raise Unresolved(waited_for)
        return names.settled(description)

    def _channel(
        self, request: IncomingRequest, endpoint: Endpoint, exten: str, caller: PartyId, media: SessionMedia
    ) -> Channel:
        def prepare(channel: Channel) -> None:
            channel.context = endpoint.context
            channel.exten = exten
            channel.caller = Caller(id=caller, ani=caller, ani2=line_information(request))
            diverted = diverted_request(request)
            if diverted is not None:
                channel.redirecting = diverted
            channel.dialed = Dialed(number=exten)
            channel.protocol_id = request.call_id
            channel.formats = media.agreed_names
            configure(channel, endpoint)

        sessions = self._sessions
        name = sessions.new_name(endpoint.id)
        channel = sessions.channels.create("PJSIP", name, state=ChannelState.RING, prepare=prepare)
        set_variables(channel, endpoint, sessions)
        channel.set_variable("SIPDOMAIN", request.uri.host)
        return channel

    def _warning(self, text: str) -> tuple[tuple[str, str], ...]:
        return (("Warning", warning(self._sessions.user_agent, text)),)


def configure(channel: Channel, endpoint: Endpoint) -> None:
    """What an endpoint sets on each of its channels."""
    if endpoint.accountcode:
        channel.accountcode = endpoint.accountcode
    if endpoint.language:
        channel.language = endpoint.language
    if endpoint.tone_zone:
        channel.extra[TONE_ZONE] = endpoint.tone_zone
    if endpoint.tenantid:
        channel.tenantid = endpoint.tenantid


def set_variables(channel: Channel, endpoint: Endpoint, sessions: Sessions) -> None:
    """The endpoint's ``set_var``: variables, and functions such as ``CALLERID(name)``, on a new channel."""
    for name, value in endpoint.set_var:
        if name.endswith(")"):
            sessions.write_function(channel, name, value)
        else:
            channel.set_variable(name, value)
