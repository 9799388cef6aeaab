"""A PJSIP channel's other side: between the core's channel and PJSIP's invite session.

Towards the core it is a `ChannelDriver`; what comes from PJSIP is read by its `FarEnd`. It ends once: whoever ends
first, the channel or the call, the other is told, the media is given back, and what comes later is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.frames import Control, ControlFrame
from pbx.core.states import ChannelState
from pbx.errors import ObeliskError
from pbx.media.errors import MediaError, NoMediaPorts
from pbx.media.sdp import Direction
from pbx.pjsip._native.errors import PjError
from pbx.pjsip._native.invite_session import InviteSession, SessionOver
from pbx.pjsip.headers import EXTRA_KEY, HeaderStore
from pbx.pjsip.objects.enums import DtmfMode, SessionRefreshMethod
from pbx.pjsip.session import in_dialog
from pbx.pjsip.session.agreement import NotAcceptable
from pbx.pjsip.session.attributes import read_attribute
from pbx.pjsip.session.causes import cause_to_sip, q850_reason, sip_to_cause
from pbx.pjsip.session.far_end import FarEnd, allows_update
from pbx.pjsip.session.identity import response_headers, say_who_is_called, tell_connected
from pbx.pjsip.session.media import SessionMedia
from pbx.pjsip.session.outgoing import transfer_uri
from pbx.pjsip.session.redirection import MAX_REDIRECTIONS
from pbx.pjsip.session.refresh import refresh, set_dtmf_mode
from pbx.pjsip.session.rtp_timeout import RtpTimeout
from pbx.pjsip.status import DECLINE, MOVED_TEMPORARILY

if TYPE_CHECKING:
    from pbx.pjsip.host import IncomingRequest
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.referral import Referral
    from pbx.pjsip.session.outgoing import OutgoingCall
    from pbx.pjsip.session.services import Sessions

log = Logger()

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
        "_early_sdp",
        "_moved_to",
        "_redirections",
        "_refusal",
        "_rtp_timeout",
        "_sessions",
        "call_id",
        "channel",
        "closed",
        "connected_untold",
        "dtmf_mode",
        "endpoint",
        "headers",
        "media",
        "moh_passthrough",
        "native",
        "offerless",
        "outgoing",
        "received",
        "referral",
        "source",
        "takes_update",
        "transfers_by_ari",
        "up",
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
        #: The INVITE that came in, or the call that goes out.
        self.received = received
        self.outgoing = call
        #: Where the last message of the far end came from.
        self.source = None if received is None else received.source
        #: Whether either side has ended the call.
        self.closed = False
        #: Whether the far end said in Allow that it takes UPDATE (RFC 3311).
        self.takes_update = received is not None and allows_update(received)
        #: Whether the call was answered.
        self.up = False
        #: Whether the far end has yet to hear who it talks to now.
        self.connected_untold = False
        self.dtmf_mode = endpoint.dtmf_mode
        #: Whether hold is passed on by re-INVITE instead of being music.
        self.moh_passthrough = endpoint.moh_passthrough
        #: Who is told how the transfer goes that the far end asked for; the call's goodbye waits for it.
        self.referral: Referral | None = None
        #: Whether an ARI application decides on transfers that the far end asks for.
        self.transfers_by_ari = False
        #: The code that PJSIPHangup refuses the call with.
        self._refusal = 0
        self._moved_to = ""
        #: Our description went out in a provisional response, so media flows already.
        self._early_sdp = False
        #: The INVITE had no offer: ours goes out with the answer, theirs comes in the ACK.
        self.offerless = False
        self._rtp_timeout: RtpTimeout | None = None
        #: How often the call was sent elsewhere and followed by us.
        self._redirections = 0

    def __repr__(self) -> str:
        return f"<PjsipSession {self.channel.name} {self.call_id}>"

    # ChannelDriver: what the core wants

    def call(self) -> None:
        if self.outgoing is None or self.native is not None:
            return
        try:
            self.native = self.outgoing.send(self, FarEnd(self, self._sessions))
        except NoMediaPorts as error:
            self._fail(503, str(error))
        except NotAcceptable as error:
            self._fail(488, str(error))
        except (ObeliskError, ValueError) as error:
            self._fail(500, str(error))
        else:
            self.call_id = self.channel.protocol_id = self.native.call_id
            # Once whoever dials has told of the call.
            self._sessions.host.invite.after(say_who_is_called, self)

    def answer(self) -> None:
        if self.closed or self.up or self.native is None:
            return
        self.respond(200, with_media=True)
        self.came_up()

    def indicate(self, kind: Control, data: object) -> bool:
        if self.closed or self.native is None:
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
        if self.channel.outgoing or self.up:
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
        if self.closed or self.channel.outgoing or self.up:
            return False
        self._refusal = code
        self.channel.set_hangup_cause(sip_to_cause(code), str(code))
        return True

    @property
    def is_up(self) -> bool:
        return self.up and not self.closed

    def refresh(self, method: SessionRefreshMethod) -> None:
        """Offer our media again, or refresh the session by UPDATE."""
        refresh(self, method)

    def set_dtmf_mode(self, mode: DtmfMode) -> None:
        """How digits travel from now on."""
        set_dtmf_mode(self, mode)

    def hangup(self) -> None:
        if self.closed:
            return
        native = self.native
        self._close()
        if native is None:
            return
        cause = self.channel.hangup_cause
        self.channel.set_hangup_cause(cause, str(cause_to_sip(cause) or ""))
        headers = self._reason(cause)
        if self.channel.outgoing and cause == Cause.ANSWERED_ELSEWHERE:
            headers.insert(0, ("Reason", 'SIP;cause=200;text="Call completed elsewhere"'))
        if self.referral is None:
            self._say_goodbye(native, cause, headers)
        else:
            self.referral.defer(lambda: self._say_goodbye(native, cause, headers))

    def _say_goodbye(self, native: InviteSession, cause: int, headers: Sequence[tuple[str, str]]) -> None:
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
            if not self.closed and self.native is not None:
                in_dialog.send_digit(self, self.native, digit, duration_ms)
        elif mode is not DtmfMode.NONE:
            self._start_media()
            self.channel.audio.send_digit(digit, duration_ms)

    def send_text(self, text: str, content_type: str = "") -> bool:
        if self.closed or self.native is None:
            return False
        return in_dialog.send_text(self, self.native, text, content_type)

    def transfer(self, target: str) -> bool:
        """An unanswered call is answered by 302, any other one referred (RFC 3515); to an endpoint or a SIP URI."""
        if self.closed or self.native is None:
            return False
        uri = transfer_uri(self._sessions, target)
        if not uri:
            log.warn("{channel}: '{target}' is no place to transfer to", channel=self.channel.name, target=target[:200])
            return False
        if not self.channel.outgoing and not self.up:
            self._refusal, self._moved_to = MOVED_TEMPORARILY, uri
            self.channel.remote_hangup(sip_to_cause(MOVED_TEMPORARILY), str(MOVED_TEMPORARILY))
            return True
        return in_dialog.refer(self, self.native, uri)

    def read_attribute(self, item: str, arguments: Sequence[str]) -> str | None:
        """CHANNEL(item,arguments); None for what does not exist."""
        return read_attribute(self, item, arguments)

    def fixup(self, old: Channel, new: Channel) -> None:
        self.channel = new
        new.extra[EXTRA_KEY] = self.headers
        try:
            self.media.move(new.audio)
        except (MediaError, ValueError) as error:
            self.end_call(Cause.NORMAL_TEMPORARY_FAILURE, f"no media: {error}")

    def later(self, call: Callable[..., object], *args: object) -> None:
        """Call once PJSIP has returned: what is told to the core from inside it would come back into it."""
        self._sessions.host.invite.later(call, *args)

    # What the far end makes of it

    @property
    def is_calling(self) -> bool:
        """Whether this is a call of ours that has no answer yet."""
        return self.outgoing is not None and not self.up

    def came_up(self) -> None:
        """The call was answered, by us or by the far end."""
        self.up = True
        endpoint = self.endpoint
        if (endpoint.rtp_timeout or endpoint.rtp_timeout_hold) and self._rtp_timeout is None:
            self._rtp_timeout = RtpTimeout(self, self._sessions.clock)

    def call_elsewhere(self, target: str) -> bool:
        """Follow a redirection to the URI ``target``; False after too many."""
        self._redirections += 1
        if self.outgoing is None or self._redirections > MAX_REDIRECTIONS:
            log.warn("{call_id}: redirected more than {most} times", call_id=self.call_id, most=MAX_REDIRECTIONS)
            return False
        if self.native is not None:
            self.native.events = None
        self.native = None
        self.outgoing = replace(self.outgoing, target=target)
        self._sessions.host.invite.later(self._call_again)
        return True

    def gone(self, cause: int, code: int) -> None:
        """The far end has ended the call."""
        self._close()
        self.channel.remote_hangup(cause, str(code) if code >= 300 else "")

    # Parts

    def _call_again(self) -> None:
        if not self.closed and self.native is None:
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
                    self.offerless = True
            native.respond(code, sdp=sdp, headers=[*headers, *response_headers(self, code)])
            if with_media:
                self._early_sdp = True
                # The stream is made when the dialplan first waits, or who answered has had its turn: a call that is
                # over by then needs none.
                self._sessions.host.invite.after(self._start_media)
        except SessionOver:
            pass
        except (NotAcceptable, NoMediaPorts) as error:
            self.end_call(Cause.BEARERCAPABILITY_NOTAVAIL, str(error))
        except PjError as error:
            self.end_call(Cause.NETWORK_OUT_OF_ORDER, str(error))

    def _start_media(self) -> None:
        """Make the stream of what was negotiated, if it is not there yet."""
        if self.closed or self.media.started:
            return
        try:
            self._flow()
        except (MediaError, ValueError) as error:
            self.end_call(Cause.BEARERCAPABILITY_NOTAVAIL, str(error))

    def _flow(self) -> None:
        """Make the stream; what it is coded in is the channel's format from now on. Raises MediaError, ValueError."""
        self.media.start(self.channel.audio)
        if self.media.started:
            self.channel.formats = self.media.agreed_names[:1]

    def take_answer(self, description: bytes) -> bool:
        """The far end's answer; False when the call had to be ended over it."""
        try:
            self.media.accept(description)
            self._flow()
        except (NotAcceptable, MediaError, ValueError) as error:
            self.end_call(Cause.BEARERCAPABILITY_NOTAVAIL, str(error))
            return False
        self._hold_changed()
        return True

    def media_changed(self) -> None:
        """Let flow what was negotiated anew."""
        if self.closed:
            return
        try:
            self._flow()
        except (MediaError, ValueError) as error:
            self.end_call(Cause.BEARERCAPABILITY_NOTAVAIL, str(error))
            return
        self._hold_changed()

    def _hold_changed(self) -> None:
        negotiated = self.media.negotiated
        if negotiated is None or not self.up or self.endpoint.suppress_moh_on_sendonly:
            return
        if negotiated.held and not self.channel.held:
            self.channel.queue_frame(ControlFrame(Control.HOLD, self.endpoint.moh_suggest))
        elif not negotiated.held and self.channel.held:
            self.channel.queue_frame(ControlFrame(Control.UNHOLD))

    def _reason(self, cause: int) -> list[tuple[str, str]]:
        if not cause or self.endpoint.suppress_q850_reason_headers:
            return []
        return [("Reason", q850_reason(cause))]

    # The end

    def _fail(self, code: int, why: str) -> None:
        """The call could not even be placed."""
        log.warn("{channel}: the call could not be placed: {why}", channel=self.channel.name, why=why)
        self._close()
        self.channel.remote_hangup(sip_to_cause(code), str(code))

    def end_call(self, cause: Cause, why: str) -> None:
        """End a call that cannot go on, by our own decision."""
        if self.closed:
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
        self.closed = True
        if self._rtp_timeout is not None:
            self._rtp_timeout.stop()
            self._rtp_timeout = None
        if self.native is not None:
            self.native.events = None
        self.media.close()
        self._sessions.remove(self)

    @property
    def state(self) -> ChannelState:
        return self.channel.state
