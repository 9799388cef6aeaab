"""A PJSIP channel's other side: between the core's channel and PJSIP's invite session.

Towards the core it is a `ChannelDriver`, towards floor 2 an `InviteEvents`. It ends once: whoever ends first, the
channel or the call, the other is told, the media is given back, and what comes later is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.dialed_causes import note_cause
from pbx.core.frames import Control, ControlFrame, DigitBegin, DigitEnd
from pbx.core.states import ChannelState
from pbx.errors import ObeliskError
from pbx.media.errors import MediaError, NoMediaPorts
from pbx.media.sdp import Direction
from pbx.pjsip._native.errors import PjError
from pbx.pjsip._native.invite_session import InviteSession, SessionOver
from pbx.pjsip.bodies import session_description
from pbx.pjsip.headers import HeaderStore
from pbx.pjsip.objects.enums import DtmfMode, RedirectMethod, SessionRefreshMethod
from pbx.pjsip.session import dtmf_info
from pbx.pjsip.session.agreement import BadDescription, NotAcceptable
from pbx.pjsip.session.attributes import read_attribute
from pbx.pjsip.session.causes import cause_to_sip, q850_of_reasons, q850_reason, sip_to_cause
from pbx.pjsip.session.diversion import diverted_response
from pbx.pjsip.session.identity import heard_of, response_headers, say_who_is_called, tell_connected
from pbx.pjsip.session.media import SessionMedia
from pbx.pjsip.session.outgoing import transfer_uri
from pbx.pjsip.session.redirection import MAX_REDIRECTIONS, forward, target_of
from pbx.pjsip.session.refresh import refresh, set_dtmf_mode
from pbx.pjsip.status import DECLINE, MOVED_TEMPORARILY

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.pjsip.host import IncomingRequest
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.session.outgoing import OutgoingCall
    from pbx.pjsip.session.services import Sessions

log = Logger()

#: How often, at least, a session with rtp_timeout looks whether RTP has come, in seconds.
RTP_CHECK_SECONDS = 1.0
#: By how much a timer may come before its time, in seconds.
TIMER_SLACK_SECONDS = 0.05
_FINAL = {
    Control.BUSY: (486, Cause.USER_BUSY),
    Control.CONGESTION: (503, Cause.NORMAL_CIRCUIT_CONGESTION),
    Control.INCOMPLETE: (484, Cause.INVALID_NUMBER_FORMAT),
}
_HOLDING = frozenset((Control.HOLD, Control.UNHOLD))
_SILENT = frozenset((Control.SOURCE_UPDATE, Control.PROCEEDING, Control.VIDEO_UPDATE))


class PjsipSession:
    """One call leg with one endpoint."""

    __slots__ = (
        "_call",
        "_closed",
        "_early_sdp",
        "_moved_to",
        "_offerless",
        "_peer",
        "_received",
        "_redirections",
        "_refusal",
        "_rtp_timer",
        "_sessions",
        "_up",
        "call_id",
        "channel",
        "contact_uri",
        "dtmf_mode",
        "endpoint",
        "headers",
        "media",
        "moh_passthrough",
        "native",
        "takes_update",
        "transfers_by_ari",
    )

    def __init__(
        self,
        sessions: Sessions,
        channel: Channel,
        endpoint: Endpoint,
        media: SessionMedia,
        *,
        received: IncomingRequest | None = None,
        call: OutgoingCall | None = None,
    ) -> None:
        self._sessions = sessions
        self.channel = channel
        self.endpoint = endpoint
        self.media = media
        self.headers = HeaderStore(received)
        self.call_id = "" if received is None else received.call_id
        self.native: InviteSession | None = None
        self._received = received
        self._peer = None if received is None else received.source
        self.contact_uri = "" if call is None else call.target
        self._call = call
        self._closed = False
        #: Whether the far end said in Allow that it takes UPDATE (RFC 3311).
        self.takes_update = received is not None and _allows_update(received)
        self._up = False
        self.dtmf_mode = endpoint.dtmf_mode
        #: Whether hold is passed on by re-INVITE instead of being music.
        self.moh_passthrough = endpoint.moh_passthrough
        #: Whether an ARI application decides on transfers that the far end asks for.
        self.transfers_by_ari = False
        #: The code that PJSIPHangup refuses the call with.
        self._refusal = 0
        self._moved_to = ""
        #: Our description went out in a provisional response, so media flows already.
        self._early_sdp = False
        #: The INVITE had no offer: ours goes out with the answer, theirs comes in the ACK.
        self._offerless = False
        self._rtp_timer: IDelayedCall | None = None
        #: How often the call was sent elsewhere and followed by us.
        self._redirections = 0

    def __repr__(self) -> str:
        return f"<PjsipSession {self.channel.name} {self.call_id}>"

    # ChannelDriver: what the core wants

    def call(self) -> None:
        if self._call is None or self.native is not None:
            return
        try:
            self.native = self._call.send(self)
        except NoMediaPorts as error:
            self._fail(503, str(error))
        except (ObeliskError, ValueError) as error:
            self._fail(500, str(error))
        else:
            self.call_id = self.channel.protocol_id = self.native.call_id
            # Once whoever dials has told of the call.
            self._sessions.host.invite.after(say_who_is_called, self)

    def answer(self) -> None:
        if self._closed or self._up or self.native is None:
            return
        self.respond(200, with_media=True)
        self._up = True
        self._watch_rtp()

    def indicate(self, kind: Control, data: object) -> bool:
        if self._closed or self.native is None:
            return False
        if kind in _SILENT:
            return True
        if kind in _HOLDING:
            held = kind is Control.HOLD
            return self.moh_passthrough and refresh(self, direction=Direction.SENDONLY if held else Direction.SENDRECV)
        if kind is Control.CONNECTED_LINE:
            # Two changes at once are told as one: what is sent is the channel's party at that time.
            self._sessions.host.invite.later(tell_connected, self)
            return True
        if kind is Control.AOC:
            return self._sessions.indicate(self, kind, data)
        if self.channel.outgoing or self._up:
            return kind is Control.REDIRECTING
        if kind is Control.RINGING:
            return self._ringing()
        if kind is Control.PROGRESS:
            if not self._early_sdp:
                self.respond(183, with_media=True)
            return True
        if kind in _FINAL:
            code, cause = _FINAL[kind]
            self.channel.set_hangup_cause(cause, str(code))
            self.respond(code, headers=self._reason(cause))
            return True
        if kind is Control.REDIRECTING:
            self.respond(181)
            return True
        return False

    def refuse(self, code: int) -> bool:
        """End an unanswered call that came in with a response of that code; False for any other call."""
        if self._closed or self.channel.outgoing or self._up:
            return False
        self._refusal = code
        self.channel.set_hangup_cause(sip_to_cause(code), str(code))
        return True

    @property
    def is_up(self) -> bool:
        return self._up and not self._closed

    def refresh(self, method: SessionRefreshMethod) -> None:
        """Offer our media again, or refresh the session by UPDATE."""
        refresh(self, method)

    def set_dtmf_mode(self, mode: DtmfMode) -> None:
        """How digits travel from now on."""
        set_dtmf_mode(self, mode)

    def hangup(self) -> None:
        if self._closed:
            return
        native = self.native
        self._close()
        if native is None:
            return
        cause = self.channel.hangup_cause
        headers = self._reason(cause)
        if self.channel.outgoing and cause == Cause.ANSWERED_ELSEWHERE:
            headers.insert(0, ("Reason", 'SIP;cause=200;text="Call completed elsewhere"'))
        try:
            moved_to = (self._moved_to,) if self._moved_to else ()
            native.end(self._refusal or cause_to_sip(cause) or DECLINE, headers=headers, moved_to=moved_to)
        except PjError as error:
            log.warn("{call_id}: could not say goodbye: {error}", call_id=self.call_id, error=str(error))
            native.terminate(500)

    def send_digit(self, digit: str, duration_ms: int) -> None:
        mode = self.dtmf_mode
        negotiated = self.media.negotiated
        events = negotiated is not None and negotiated.telephone_event_send is not None
        if mode is DtmfMode.INFO or (mode is DtmfMode.AUTO_INFO and not events):
            self._send_info(dtmf_info.CONTENT_TYPE, dtmf_info.build(digit, duration_ms))
        elif mode is not DtmfMode.NONE:
            self._start_media()
            self.channel.audio.send_digit(digit, duration_ms)

    def send_text(self, text: str, content_type: str = "") -> bool:
        if self._closed or self.native is None:
            return False
        try:
            self.native.send_request(
                "MESSAGE", content_type=content_type or "text/plain;charset=UTF-8", body=text.encode("utf-8")
            )
        except (SessionOver, PjError) as error:
            log.info("{channel}: no text was sent: {error}", channel=self.channel.name, error=str(error))
            return False
        return True

    def transfer(self, target: str) -> bool:
        """An unanswered call is answered by 302, any other one referred (RFC 3515); to an endpoint or a SIP URI."""
        if self._closed or self.native is None:
            return False
        uri = transfer_uri(self._sessions, target)
        if not uri:
            log.warn("{channel}: '{target}' is no place to transfer to", channel=self.channel.name, target=target[:200])
            return False
        if not self.channel.outgoing and not self._up:
            self._refusal, self._moved_to = MOVED_TEMPORARILY, uri
            self.channel.remote_hangup(sip_to_cause(MOVED_TEMPORARILY), str(MOVED_TEMPORARILY))
            return True
        referrer = self.channel.get_variable("SIPREFERREDBYHDR") or self.native.field("local_uri")
        try:
            self.native.send_request("REFER", headers=[("Refer-To", f"<{uri}>"), ("Referred-By", referrer)])
        except (SessionOver, PjError, ValueError) as error:
            log.info("{channel}: not transferred: {error}", channel=self.channel.name, error=str(error))
            return False
        return True

    def read_attribute(self, item: str, arguments: Sequence[str]) -> str | None:
        """CHANNEL(item,arguments); None for what does not exist."""
        return read_attribute(self, item, arguments)

    @property
    def request_uri(self) -> str:
        """The Request-URI of the INVITE."""
        if self._received is not None:
            return self._received.request_uri
        return self.contact_uri

    @property
    def transport_protocol(self) -> str:
        """``udp``, ``tcp``, ..."""
        if self._received is not None:
            return self._received.transport.protocol
        info = None if self._call is None else self._sessions.host.transport(self._call.transport)
        return "" if info is None else info.protocol

    @property
    def local_address(self) -> str:
        """``address:port`` of our side of the signalling."""
        if self._received is not None:
            transport = self._received.transport
            return f"{transport.host}:{transport.port}"
        info = None if self._call is None else self._sessions.host.transport(self._call.transport)
        return "" if info is None else f"{info.host}:{info.port}"

    @property
    def remote_address(self) -> str:
        """``address:port`` the last message of the far end came from."""
        return "" if self._peer is None else f"{self._peer[0]}:{self._peer[1]}"

    def fixup(self, old: Channel, new: Channel) -> None:
        self._sessions.remove(self)
        self.channel = new
        self._sessions.add(self)

    # InviteEvents: what the far end does

    def provisional(self, code: int, message: SipMessage) -> None:
        self._peer = getattr(message, "source", None)
        self._note(code, message)
        heard_of(self.channel, self.endpoint, message)
        if code == 181:
            self._diverted(message)
        description = _description(message)
        if description is not None:
            self._take_answer(description)
        if code == 180:
            self.channel.queue_frame(ControlFrame(Control.RINGING))
            if description is not None:
                self.channel.queue_frame(ControlFrame(Control.PROGRESS))
        elif code == 183:
            if description is not None or not self.endpoint.ignore_183_without_sdp:
                self.channel.queue_frame(ControlFrame(Control.PROGRESS))
        elif code in (181, 182):
            self.channel.queue_frame(ControlFrame(Control.PROCEEDING))

    def _note(self, code: int, message: SipMessage) -> None:
        """What a response to our INVITE says of the call, for HANGUPCAUSE."""
        if code > 100:
            reason = message.start_line.split(" ", 2)[2:]
            note_cause(self.channel, sip_to_cause(code), f"SIP {code} {reason[0] if reason else ''}".rstrip())

    def _diverted(self, message: SipMessage) -> None:
        """A 181: the call goes elsewhere, and whoever calls may be told."""
        found = diverted_response(message, self.channel.caller.id)
        if found is not None:
            self.channel.redirecting = found
            self.channel.changed()
            self.channel.queue_frame(ControlFrame(Control.REDIRECTING, found))

    def answered(self, message: SipMessage) -> None:
        self._note(200, message)
        self.headers.answer = message
        self.takes_update = _allows_update(message)
        heard_of(self.channel, self.endpoint, message)
        description = _description(message)
        if description is not None and not self._take_answer(description):
            return
        if not self.media.started:
            self._end_call(Cause.BEARERCAPABILITY_NOTAVAIL, "the answer has no session description")
            return
        self._up = True
        self._watch_rtp()
        self.channel.queue_frame(ControlFrame(Control.ANSWER))

    def confirmed(self, message: SipMessage | None) -> None:
        if not self._offerless or message is None:
            return
        self._offerless = False
        description = _description(message)
        if description is None:
            self._end_call(Cause.BEARERCAPABILITY_NOTAVAIL, "the ACK has no session description")
        else:
            self._take_answer(description)

    def reoffered(self, message: SipMessage) -> None:
        native = self.native
        if native is None:
            return
        heard_of(self.channel, self.endpoint, message)
        offerless = _description(message) is None
        try:
            native.accept_reoffer(self._reoffer() if offerless else self._answer_to(message))
        except (NotAcceptable, NoMediaPorts) as error:
            code = 400 if isinstance(error, BadDescription) else 488
            log.info("{call_id}: re-INVITE refused: {error}", call_id=self.call_id, error=str(error))
            native.reject_reoffer(code, [("Warning", warning(self._sessions.user_agent, str(error)))])
        except (SessionOver, PjError) as error:
            log.warn("{call_id}: re-INVITE was not answered: {error}", call_id=self.call_id, error=str(error))
        else:
            if not offerless:
                self._media_changed()
            elif self.channel.held:
                # So phones take a call back; who holds it still says so in the ACK.
                self.channel.queue_frame(ControlFrame(Control.UNHOLD))

    def reoffer_acknowledged(self, message: SipMessage) -> None:
        description = _description(message)
        if description is not None:
            self._take_answer(description)

    def update_offer(self, message: SipMessage) -> bytes | None:
        try:
            answer = self._answer_to(message)
        except (NotAcceptable, NoMediaPorts) as error:
            log.info(
                "{call_id}: {method} refused: {error}", call_id=self.call_id, method=message.method, error=str(error)
            )
            return None
        self._sessions.host.invite.later(self._media_changed)
        self._sessions.host.invite.later(heard_of, self.channel, self.endpoint, message)
        return answer

    def reinvite_done(self, code: int, message: SipMessage | None) -> None:
        if 200 <= code < 300 and message is not None:
            description = _description(message)
            if description is not None:
                self._take_answer(description)
        else:
            log.info("{call_id}: our re-INVITE was answered {code}", call_id=self.call_id, code=code)

    def request(self, message: SipMessage) -> tuple[int, Sequence[tuple[str, str]]]:
        handler = self._sessions.handler(message.method)
        if handler is not None:
            return handler(self, message)
        if message.method != "INFO":
            return 501 if message.method not in _KNOWN else 405, [("Allow", self._sessions.host.allow() or "INVITE")]
        taken = self._sessions.answer_info(self, message)
        if taken is not None:
            return taken
        if not message.body:
            return 200, ()
        digit = dtmf_info.parse(message.content_type, message.body)
        if digit is None:
            if message.content_type in dtmf_info.CONTENT_TYPES:
                return 400, ()
            return 415, [("Accept", ", ".join(dtmf_info.CONTENT_TYPES))]
        self._sessions.host.invite.later(self._digit, *digit)
        return 200, ()

    def later(self, call: Callable[..., object], *args: object) -> None:
        """Call once PJSIP has returned: what is told to the core from inside it would come back into it."""
        self._sessions.host.invite.later(call, *args)

    def ended(self, code: int, reason: str, message: SipMessage | None) -> None:
        if self._closed:
            return
        cause: int | None = None
        if message is not None:
            cause = q850_of_reasons(message.headers.values("Reason"))
            if cause is None and any("cause=200" in value for value in message.headers.get_all("Reason")):
                cause = Cause.ANSWERED_ELSEWHERE
        if cause is None:
            cause = sip_to_cause(code)
        if message is not None and not self._up and not message.is_request:
            self._note(code, message)
        if 300 <= code < 400 and message is not None and self._redirected(message):
            return
        self._close()
        self.channel.remote_hangup(cause, str(code))

    # Parts

    def _redirected(self, message: SipMessage) -> bool:
        """A 3xx to our INVITE: whether this session calls the new target itself, or leaves that to the core."""
        target = target_of(message)
        if target is None or self._call is None or self._up:
            return False
        if self.endpoint.redirect_method is not RedirectMethod.URI_PJSIP:
            forward(self.channel, self.endpoint, target, message)
            return False
        self._redirections += 1
        if self._redirections > MAX_REDIRECTIONS:
            log.warn("{call_id}: redirected more than {most} times", call_id=self.call_id, most=MAX_REDIRECTIONS)
            return False
        if self.native is not None:
            self.native.events = None
        self.native = None
        self._call = replace(self._call, target=str(replace(target, headers="")))
        self.contact_uri = self._call.target
        self._sessions.host.invite.later(self._call_again)
        return True

    def _call_again(self) -> None:
        if not self._closed and self.native is None:
            self.call()

    def _ringing(self) -> bool:
        early = self._early_sdp
        if self.endpoint.inband_progress and not early:
            self.respond(183, with_media=True)
            return False
        if early and not self._sessions.settings.global_.allow_sending_180_after_183:
            self.respond(183, with_media=True)
            return False
        self.respond(180)
        return not early

    def respond(self, code: int, *, with_media: bool = False, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer the INVITE; a failure ends the call."""
        native = self.native
        if native is None:
            return
        try:
            sdp = None
            if with_media:
                sdp = self.media.text
                if sdp is None:
                    sdp = self.media.offer()
                    self._offerless = True
            native.respond(code, sdp=sdp, headers=[*headers, *response_headers(self, code)])
            if with_media:
                self._early_sdp = True
                # The stream is made when the dialplan first waits, or who answered has had its turn: a call that is
                # over by then needs none.
                self._sessions.host.invite.after(self._start_media)
        except SessionOver:
            pass
        except (NotAcceptable, NoMediaPorts) as error:
            self._end_call(Cause.BEARERCAPABILITY_NOTAVAIL, str(error))
        except PjError as error:
            self._end_call(Cause.NETWORK_OUT_OF_ORDER, str(error))

    def _start_media(self) -> None:
        """Make the stream of what was negotiated, if it is not there yet."""
        if self._closed or self.media.started:
            return
        try:
            self.media.start(self.channel.audio)
        except (MediaError, ValueError) as error:
            self._end_call(Cause.BEARERCAPABILITY_NOTAVAIL, str(error))

    def _take_answer(self, description: bytes) -> bool:
        """The far end's answer; False when the call had to be ended over it."""
        try:
            self.media.accept(description)
            self.media.start(self.channel.audio)
        except (NotAcceptable, MediaError, ValueError) as error:
            self._end_call(Cause.BEARERCAPABILITY_NOTAVAIL, str(error))
            return False
        self._hold_changed()
        return True

    def _answer_to(self, message: SipMessage) -> bytes:
        """Our description in answer to an offer, or as an offer where there was none."""
        content_type = message.headers.get("Content-Type") or ""
        description = session_description(content_type, message.body)
        return self.media.offer() if description is None else self.media.answer(description)

    def _reoffer(self) -> bytes:
        """Our offer where a re-INVITE has none: of what is in use, or of all codecs."""
        return self.media.offer(agreed_only=not self._sessions.settings.global_.all_codecs_on_empty_reinvite)

    def _media_changed(self) -> None:
        if self._closed:
            return
        try:
            self.media.start(self.channel.audio)
        except (MediaError, ValueError) as error:
            self._end_call(Cause.BEARERCAPABILITY_NOTAVAIL, str(error))
            return
        self._hold_changed()

    def _hold_changed(self) -> None:
        negotiated = self.media.negotiated
        if negotiated is None or not self._up:
            return
        if negotiated.held and not self.channel.held:
            self.channel.queue_frame(ControlFrame(Control.HOLD, self.endpoint.moh_suggest))
        elif not negotiated.held and self.channel.held:
            self.channel.queue_frame(ControlFrame(Control.UNHOLD))

    def _digit(self, digit: str, duration_ms: int) -> None:
        if not self._closed:
            self.channel.queue_frame(DigitBegin(digit))
            self.channel.queue_frame(DigitEnd(digit, duration_ms))

    def _send_info(self, content_type: str, body: bytes) -> None:
        if self._closed or self.native is None:
            return
        try:
            self.native.send_request("INFO", content_type=content_type, body=body)
        except (SessionOver, PjError) as error:
            log.warn("{channel}: the digit was not sent: {error}", channel=self.channel.name, error=str(error))

    def _reason(self, cause: int) -> list[tuple[str, str]]:
        if not cause or self.endpoint.suppress_q850_reason_headers:
            return []
        return [("Reason", q850_reason(cause))]

    # RTP timeout

    def _watch_rtp(self, seconds: float = RTP_CHECK_SECONDS) -> None:
        """Look for RTP in ``seconds``, where it matters."""
        if (self.endpoint.rtp_timeout or self.endpoint.rtp_timeout_hold) and self._rtp_timer is None:
            self._rtp_timer = self._sessions.clock.call_later(seconds, self._check_rtp)

    @property
    def _rtp_limit(self) -> int:
        """How long RTP may stay away now, in seconds; 0 for ever."""
        return self.endpoint.rtp_timeout_hold if self.channel.held else self.endpoint.rtp_timeout

    def _check_rtp(self) -> None:
        self._rtp_timer = None
        if self._closed:
            return
        limit = self._rtp_limit
        silent = self.media.seconds_since_rtp()
        if limit and silent >= limit - TIMER_SLACK_SECONDS:
            log.info(
                "Disconnecting channel '{channel}' for lack of audio RTP activity in {silent:.0f} seconds",
                channel=self.channel.name,
                silent=silent,
            )
            # Softly, as in Asterisk: who services the channel ends the call.
            self.channel.request_hangup(Cause.REQUESTED_CHAN_UNAVAIL)
            return
        # Whether the call is held, and so which limit counts, may change at any time.
        self._watch_rtp(min(RTP_CHECK_SECONDS, limit - silent) if limit else RTP_CHECK_SECONDS)

    # The end

    def _fail(self, code: int, why: str) -> None:
        """The call could not even be placed."""
        log.warn("{channel}: the call could not be placed: {why}", channel=self.channel.name, why=why)
        self._close()
        self.channel.remote_hangup(sip_to_cause(code), str(code))

    def _end_call(self, cause: Cause, why: str) -> None:
        """End a call that cannot go on, by our own decision."""
        if self._closed:
            return
        log.info("{call_id}: the call is ended: {why}", call_id=self.call_id, why=why)
        native = self.native
        self._close()
        if native is not None:
            try:
                native.end(cause_to_sip(cause) or DECLINE, headers=self._reason(cause))
            except PjError as error:
                log.warn("{call_id}: {error}", call_id=self.call_id, error=str(error))
                native.terminate(500)
        self.channel.remote_hangup(cause, str(cause_to_sip(cause) or DECLINE))

    def _close(self) -> None:
        """Let go of everything but the call itself, which ends by floor 2's own means."""
        self._closed = True
        cancel_timer(self._rtp_timer)
        self._rtp_timer = None
        if self.native is not None:
            self.native.events = None
        self.media.close()
        self._sessions.remove(self)

    @property
    def state(self) -> ChannelState:
        return self.channel.state


def _allows_update(message: SipMessage) -> bool:
    return "UPDATE" in (method.upper() for method in message.headers.values("Allow"))


_KNOWN = frozenset(("MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH", "OPTIONS", "REGISTER"))


def _description(message: SipMessage) -> bytes | None:
    body = message.body
    return session_description(message.headers.get("Content-Type") or "", body) if body else None


def warning(agent: str, text: str) -> str:
    """A Warning header's value (RFC 3261 20.43)."""
    word = "".join(c for c in agent.partition(" ")[0] if c.isalnum() or c in "-.") or "obelisk"
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'399 {word} "{quoted}"'
