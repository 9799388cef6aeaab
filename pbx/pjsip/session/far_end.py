"""What the far end of a call does: PJSIP's events of its invite session, told to the channel.

Floor 2 holds it as the session's events until either side ends the call; the session itself keeps all state, as a call
that is sent elsewhere goes on with another far end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.causes import Cause
from pbx.core.dialed_causes import note_cause
from pbx.core.frames import Control, ControlFrame
from pbx.media.errors import NoMediaPorts
from pbx.pjsip._native.errors import PjError
from pbx.pjsip._native.invite_session import SessionOver
from pbx.pjsip.bodies import session_description
from pbx.pjsip.objects.enums import RedirectMethod
from pbx.pjsip.session import in_dialog
from pbx.pjsip.session.agreement import BadDescription, NotAcceptable
from pbx.pjsip.session.causes import q850_of_reasons, sip_to_cause
from pbx.pjsip.session.diversion import diverted_response
from pbx.pjsip.session.identity import heard_of, tell_connected_late
from pbx.pjsip.session.redirection import forward, target_of
from pbx.pjsip.status import warning

if TYPE_CHECKING:
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.session.services import Sessions
    from pbx.pjsip.session.session import PjsipSession

log = Logger()


class FarEnd:
    """The `InviteEvents` of one session."""

    __slots__ = ("_session", "_sessions")

    def __init__(self, session: PjsipSession, sessions: Sessions) -> None:
        self._session = session
        self._sessions = sessions

    # While it is called

    def provisional(self, code: int, message: SipMessage) -> None:
        session = self._session
        channel = session.channel
        session.source = getattr(message, "source", None)
        _note(session, code, message)
        session.takes_update = session.takes_update or allows_update(message)
        heard_of(channel, session.endpoint, message)
        if code == 181:
            _diverted(session, message)
        description = self._description(message)
        if description is not None:
            session.take_answer(description)
        if code == 180:
            channel.queue_frame(ControlFrame(Control.RINGING))
            if description is not None:
                channel.queue_frame(ControlFrame(Control.PROGRESS))
        elif code == 183:
            if description is not None or not session.endpoint.ignore_183_without_sdp:
                channel.queue_frame(ControlFrame(Control.PROGRESS))
        elif code in (181, 182):
            channel.queue_frame(ControlFrame(Control.PROCEEDING))

    def answered(self, message: SipMessage) -> None:
        session = self._session
        _note(session, 200, message)
        session.headers.answer = message
        session.takes_update = allows_update(message)
        heard_of(session.channel, session.endpoint, message)
        description = self._description(message)
        if description is not None and not session.take_answer(description):
            return
        if not session.media.started:
            session.end_call(Cause.BEARERCAPABILITY_NOTAVAIL, "the answer has no session description")
            return
        session.came_up()
        session.channel.queue_frame(ControlFrame(Control.ANSWER))
        tell_connected_late(session)

    def confirmed(self, message: SipMessage | None) -> None:
        session = self._session
        if not session.offerless or message is None:
            return
        session.offerless = False
        description = self._description(message)
        if description is None:
            session.end_call(Cause.BEARERCAPABILITY_NOTAVAIL, "the ACK has no session description")
        else:
            session.take_answer(description)

    # Inside the call

    def reoffered(self, message: SipMessage) -> None:
        session = self._session
        native = session.native
        if native is None:
            return
        heard_of(session.channel, session.endpoint, message)
        description = self._description(message)
        try:
            native.accept_reoffer(self._reoffer() if description is None else session.media.answer(description))
        except (NotAcceptable, NoMediaPorts) as error:
            code = 400 if isinstance(error, BadDescription) else 488
            log.info("{call_id}: re-INVITE refused: {error}", call_id=session.call_id, error=str(error))
            native.reject_reoffer(code, [("Warning", warning(self._sessions.user_agent, str(error)))])
        except (SessionOver, PjError) as error:
            log.warn("{call_id}: re-INVITE was not answered: {error}", call_id=session.call_id, error=str(error))
        else:
            if description is not None:
                session.media_changed()
            elif session.channel.held:
                # So phones take a call back; who holds it still says so in the ACK.
                session.channel.queue_frame(ControlFrame(Control.UNHOLD))

    def _reoffer(self) -> bytes:
        """Our offer where a re-INVITE has none: of what is in use, or of all codecs."""
        return self._session.media.offer(agreed_only=not self._sessions.settings.global_.all_codecs_on_empty_reinvite)

    def reoffer_acknowledged(self, message: SipMessage) -> None:
        description = self._description(message)
        if description is not None:
            self._session.take_answer(description)

    def update_offer(self, message: SipMessage) -> bytes | None:
        session = self._session
        description = self._description(message)
        try:
            answer = session.media.offer() if description is None else session.media.answer(description)
        except (NotAcceptable, NoMediaPorts) as error:
            log.info(
                "{call_id}: {method} refused: {error}", call_id=session.call_id, method=message.method, error=str(error)
            )
            return None
        session.later(session.media_changed)
        session.later(heard_of, session.channel, session.endpoint, message)
        return answer

    def reinvite_done(self, code: int, message: SipMessage | None) -> None:
        session = self._session
        if 200 <= code < 300 and message is not None:
            description = self._description(message)
            if description is not None:
                session.take_answer(description)
        else:
            log.info("{call_id}: our re-INVITE was answered {code}", call_id=session.call_id, code=code)
        tell_connected_late(session)

    def request(self, message: SipMessage) -> tuple[int, Sequence[tuple[str, str]]]:
        return in_dialog.answer(self._session, self._sessions, message)

    def _description(self, message: SipMessage) -> bytes | None:
        body = message.body
        found = session_description(message.headers.get("Content-Type") or "", body) if body else None
        return None if found is None else self._sessions.media_names.settled(found)

    # The end

    def ended(self, code: int, reason: str, message: SipMessage | None) -> None:
        session = self._session
        if session.closed:
            return
        cause: int | None = None
        if message is not None:
            cause = q850_of_reasons(message.headers.values("Reason"))
            if cause is None and any("cause=200" in value for value in message.headers.get_all("Reason")):
                cause = Cause.ANSWERED_ELSEWHERE
        if cause is None:
            cause = sip_to_cause(code)
        if message is not None and not session.up and not message.is_request:
            _note(session, code, message)
        if 300 <= code < 400 and message is not None and self._redirected(message):
            return
        session.gone(cause, code)

    def _redirected(self, message: SipMessage) -> bool:
        """A 3xx to our INVITE: whether the session calls the new target itself, or leaves that to the core."""
        session = self._session
        target = target_of(message)
        if target is None or not session.is_calling:
            return False
        if session.endpoint.redirect_method is not RedirectMethod.URI_PJSIP:
            forward(session.channel, session.endpoint, target, message)
            return False
        return session.call_elsewhere(str(replace(target, headers="")))


def _note(session: PjsipSession, code: int, message: SipMessage) -> None:
    """What a response to our INVITE says of the call, for HANGUPCAUSE."""
    if code > 100:
        reason = message.start_line.split(" ", 2)[2:]
        note_cause(session.channel, sip_to_cause(code), f"SIP {code} {reason[0] if reason else ''}".rstrip())


def _diverted(session: PjsipSession, message: SipMessage) -> None:
    """A 181: the call goes elsewhere, and whoever calls may be told."""
    channel = session.channel
    found = diverted_response(message, channel.caller.id)
    if found is not None:
        channel.redirecting = found
        channel.changed()
        channel.queue_frame(ControlFrame(Control.REDIRECTING, found))


def allows_update(message: SipMessage) -> bool:
    """Whether the far end says in Allow that it takes UPDATE (RFC 3311)."""
    return "UPDATE" in (method.upper() for method in message.headers.values("Allow"))
