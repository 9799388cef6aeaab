"""One invite session of PJSIP: a reference held from its creation until its last transaction is over.

Every precondition that PJSIP asserts is checked here first, so a late or wrong call is a `SessionOver` and not the end
of the process. Events reach floor 3 only after the outermost call into PJSIP has returned, except `update_offer` and
`request`, which PJSIP wants answered at once and which therefore must not call back into the session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native import tdata as outgoing
from pbx.pjsip._native.dialog import HeldDialog
from pbx.pjsip._native.errors import check

if TYPE_CHECKING:
    from pbx.pjsip._native.invite import InviteLayer
    from pbx.pjsip.message import SipMessage

log = Logger()
CData = Any

# pjsip_inv_state
NULL, CALLING, INCOMING, EARLY, CONNECTING, CONFIRMED, DISCONNECTED = range(7)
# pjmedia_sdp_neg_state
NEG_LOCAL_OFFER, NEG_REMOTE_OFFER, NEG_WAIT_NEGO, NEG_DONE = 1, 2, 3, 4
UAC, UAS = 0, 1
# PJSIP_DIALOG_STATE_ESTABLISHED
_ESTABLISHED = 1

_MEDIA_PORT = re.compile(rb"^(m=[a-z]+ )\d+", re.MULTILINE)
#: Extra headers, in order.
ExtraHeaders = Sequence[tuple[str, str]]


#: A content type without parameters, and the bytes.
Body = tuple[str, bytes]


class SessionOver(ObeliskError):
    """What was asked is not possible in the session's state (any more)."""


class InviteEvents(Protocol):
    """What floor 3 is told of a session."""

    def provisional(self, code: int, message: SipMessage) -> None:
        """A 101 to 199 to our INVITE."""

    def answered(self, message: SipMessage) -> None:
        """A 2xx to our INVITE; its ACK has been sent."""

    def confirmed(self, message: SipMessage | None) -> None:
        """The ACK has been sent (None) or has come."""

    def reoffered(self, message: SipMessage) -> None:
        """A re-INVITE: answer it with `accept_reoffer` or `reject_reoffer`."""

    def reoffer_acknowledged(self, message: SipMessage) -> None:
        """The ACK of a re-INVITE without offer, carrying the answer to ours."""

    def update_offer(self, message: SipMessage) -> bytes | None:
        """An offer in UPDATE or PRACK: our answer, or None to reject it. Called inside PJSIP."""

    def reinvite_done(self, code: int, message: SipMessage | None) -> None:
        """The final response to our re-INVITE."""

    def request(self, message: SipMessage) -> tuple[int, ExtraHeaders]:
        """Another request in the dialog (INFO): the response to send. Called inside PJSIP."""

    def ended(self, code: int, reason: str, message: SipMessage | None) -> None:
        """The session is over; ``message`` is what ended it. The last event."""


class InviteSession:
    """Made by `InviteLayer`. ``local_sdp`` is our description as it goes on the wire, whenever PJSIP sends one."""

    __slots__ = (
        "_answered",
        "_ending_message",
        "_layer",
        "_restore_sdp",
        "_waiting_end",
        "answers_carry",
        "call_id",
        "dialog",
        "ending",
        "events",
        "goodbye_carries",
        "has_remote_offer",
        "inv",
        "local_sdp",
        "over",
        "reinviting",
        "released",
        "remote_tag",
        "role",
        "wants_ack_answer",
    )

    def __init__(self, layer: InviteLayer, inv: CData, role: int, call_id: str) -> None:
        self._layer = layer
        self.inv = inv
        self.dialog: CData = inv.dlg
        self.role = role
        self.call_id = call_id
        self.events: InviteEvents | None = None
        self.local_sdp: bytes | None = None
        self.has_remote_offer = False
        #: True once the session has ended; only its transactions are left.
        self.over = False
        #: True once PJSIP's object may be gone.
        self.released = False
        #: True once `end` was called, though the far end may not know yet.
        self.ending = False
        self.reinviting = False
        self.wants_ack_answer = False
        self._restore_sdp: bytes | None = None
        self._ending_message: SipMessage | None = None
        #: What `end` was called with while our 200 waits for a PRACK (RFC 3262 section 3).
        self._waiting_end: tuple[int, str | None, ExtraHeaders] | None = None
        self._answered = False
        self.answers_carry: Body | None = None
        self.goodbye_carries: Body | None = None

    def __repr__(self) -> str:
        return f"<InviteSession {self.call_id}>"

    @property
    def state(self) -> int:
        return DISCONNECTED if self.released else int(self.inv.state)

    # What the caller may read (CHANNEL(pjsip,...))

    def field(self, name: str) -> str:
        """A part of the dialog as text: local_uri, remote_uri, local_tag, remote_tag, target_uri; empty when over."""
        if self.released:
            return ""
        dialog = self.dialog
        if name == "local_uri":
            return strings.text(dialog.local.info_str)
        if name == "remote_uri":
            return strings.text(dialog.remote.info_str)
        if name == "local_tag":
            return strings.text(dialog.local.info.tag)
        if name == "remote_tag":
            return strings.text(dialog.remote.info.tag)
        if name == "target_uri":
            return self._layer.print_uri(dialog.target) if dialog.target else ""
        raise ValueError(f"unknown part of a dialog: {name}")

    # Answering the first INVITE

    def respond(
        self, code: int, reason: str | None = None, *, sdp: bytes | None = None, headers: ExtraHeaders = ()
    ) -> None:
        """Send a provisional or final response to the INVITE; ``sdp`` is our description, kept for later responses.

        Raises SessionOver when the INVITE has its final response already, PjError when PJSIP cannot send.
        """
        layer, inv = self._layer, self.inv
        lib = layer.lib
        with layer.core.entered():
            if self.over or inv.role != UAS or inv.state >= CONNECTING or not inv.invite_tsx or not inv.last_answer:
                raise SessionOver(f"{self.call_id}: the INVITE is answered already")
            token = ffi.NULL
            if sdp is not None:
                self.local_sdp = sdp
                if code < 300 and code not in (180, 181) and lib.pjmedia_sdp_neg_get_state(inv.neg) == NEG_REMOTE_OFFER:
                    token = layer.gate.token
            tdata = ffi.new("pjsip_tx_data **")
            text = ffi.NULL if reason is None else layer.borrow(reason)
            check(lib.pjsip_inv_answer(inv, code, text, token, tdata), "pjsip_inv_answer")
            # PJSIP sends one message with changing codes: what an earlier one said gives way to what this one says.
            outgoing.remove_headers(tdata[0].msg, {name.lower() for name, _ in headers})
            self._send(tdata[0], headers)
            self._answered = self._answered or 200 <= code < 300

    # Ending

    def end(
        self, code: int, reason: str | None = None, headers: ExtraHeaders = (), *, moved_to: Sequence[str] = ()
    ) -> None:
        """End the session by what its state asks for: a final response, CANCEL or BYE. Idempotent, never raises for
        a session that is over. ``moved_to``: the URIs of a 3xx response, in place of our own Contact."""
        layer, inv = self._layer, self.inv
        with layer.core.entered():
            if self.over or self.released or inv.state == DISCONNECTED:
                return
            self.ending = True
            state = inv.state
            if self._answered and state < CONNECTING and self.role == UAS:
                # Our 200 waits for a PRACK: it will be sent, and then the call is ended by BYE.
                self._waiting_end = (code, reason, tuple(headers))
                return
            if not self._can_end(state):
                layer.lib.pjsip_inv_terminate(inv, code, 1)
                return
            tdata = ffi.new("pjsip_tx_data **")
            text = ffi.NULL if reason is None or state >= CONNECTING else layer.borrow(reason)
            status = layer.lib.pjsip_inv_end_session(inv, code, text, tdata)
            if status:
                layer.lib.pjsip_inv_terminate(inv, code, 1)
                return
            if tdata[0]:
                if moved_to:
                    outgoing.remove_headers(tdata[0].msg, {"contact"})
                self._send(tdata[0], (*headers, *(("Contact", f"<{uri}>") for uri in moved_to)))

    def _can_end(self, state: int) -> bool:
        inv = self.inv
        if state >= CONNECTING:
            return True
        if inv.role == UAC:
            return state != NULL and bool(inv.invite_tsx)
        return bool(inv.invite_tsx) and bool(inv.last_answer)

    def terminate(self, code: int) -> None:
        """End without a word to the far end: for what can no longer be talked to."""
        with self._layer.core.entered():
            if not self.released and self.inv.state != DISCONNECTED:
                self._layer.lib.pjsip_inv_terminate(self.inv, code, 1)

    # Calling

    def start(self, headers: Iterable[tuple[str, str]]) -> None:
        """Send the first INVITE with these extra headers. Raises PjError; the session is over then."""
        layer, inv = self._layer, self.inv
        with layer.core.entered():
            tdata = ffi.new("pjsip_tx_data **")
            check(layer.lib.pjsip_inv_invite(inv, tdata), "pjsip_inv_invite")
            layer.gate.cache_token(tdata[0])
            self._send(tdata[0], headers)

    # Changing

    @property
    def can_reinvite(self) -> bool:
        """Whether nothing is in the way of a re-INVITE of ours now."""
        if self.over or self.reinviting:
            return False
        inv = self.inv
        return bool(
            inv.state == CONFIRMED
            and not inv.invite_tsx
            and self._layer.lib.pjmedia_sdp_neg_get_state(inv.neg) == NEG_DONE
        )

    def reinvite(self, sdp: bytes, headers: ExtraHeaders = ()) -> None:
        """Offer ``sdp`` in a re-INVITE; its outcome is `InviteEvents.reinvite_done`.

        Raises SessionOver when the session cannot take one now, PjError when it cannot be sent.
        """
        layer, inv = self._layer, self.inv
        with layer.core.entered():
            if not self.can_reinvite:
                raise SessionOver(f"{self.call_id}: no re-INVITE is possible now")
            tdata = ffi.new("pjsip_tx_data **")
            status = layer.lib.pjsip_inv_reinvite(inv, ffi.NULL, layer.gate.token, tdata)
            check(status, "pjsip_inv_reinvite")
            self._restore_sdp, self.local_sdp = self.local_sdp, sdp
            self.reinviting = True
            layer.gate.cache_token(tdata[0])
            self._send(tdata[0], headers)

    def update(self, headers: ExtraHeaders = ()) -> None:
        """Send an UPDATE that leaves the media as they are. Raises SessionOver without a dialog, PjError."""
        layer, inv = self._layer, self.inv
        with layer.core.entered():
            if self.over or self.dialog.state != _ESTABLISHED or inv.state == DISCONNECTED:
                raise SessionOver(f"{self.call_id}: no UPDATE is possible now")
            tdata = ffi.new("pjsip_tx_data **")
            check(layer.lib.pjsip_inv_update(inv, ffi.NULL, ffi.NULL, tdata), "pjsip_inv_update")
            self._send(tdata[0], headers)

    def accept_reoffer(self, sdp: bytes) -> None:
        """Answer the pending re-INVITE with 200 and our description. Raises SessionOver, PjError."""
        layer, inv = self._layer, self.inv
        lib = layer.lib
        with layer.core.entered():
            self._check_reinvited()
            state = lib.pjmedia_sdp_neg_get_state(inv.neg)
            if state == NEG_REMOTE_OFFER:
                check(lib.pjsip_inv_set_sdp_answer(inv, layer.gate.token), "pjsip_inv_set_sdp_answer")
            elif state == NEG_DONE:
                check(lib.pjsip_inv_set_local_sdp(inv, layer.gate.token), "pjsip_inv_set_local_sdp")
                self.wants_ack_answer = True
            self.local_sdp = sdp
            tdata = ffi.new("pjsip_tx_data **")
            check(lib.pjsip_inv_answer(inv, 200, ffi.NULL, ffi.NULL, tdata), "pjsip_inv_answer")
            self._send(tdata[0], ())

    def reject_reoffer(self, code: int, headers: ExtraHeaders = ()) -> None:
        """Refuse the pending re-INVITE; the session goes on as it was. Raises SessionOver, PjError."""
        layer = self._layer
        with layer.core.entered():
            self._check_reinvited()
            tdata = ffi.new("pjsip_tx_data **")
            status = layer.lib.pjsip_inv_answer(self.inv, code, ffi.NULL, ffi.NULL, tdata)
            check(status, "pjsip_inv_answer")
            self._send(tdata[0], headers)

    def answer_late(self, offered: bool) -> None:
        """Answer a re-INVITE as floor 3 has let go of the call.

        One that crossed our BYE is refused if it has an offer; who asks for ours gets the last one. Where the BYE is
        still to come (the far end has transferred the call) an offer is answered without media.
        """
        try:
            if offered and not self.ending and self.local_sdp is not None:
                self.accept_reoffer(_MEDIA_PORT.sub(rb"\g<1>0", self.local_sdp))
            elif offered or self.local_sdp is None:
                self.reject_reoffer(481)
            else:
                self.accept_reoffer(self.local_sdp)
        except ObeliskError as error:
            log.debug("Call-ID {call_id}: {error}", call_id=self.call_id, error=str(error))

    def _check_reinvited(self) -> None:
        inv = self.inv
        if self.over or inv.state != CONFIRMED or not inv.invite_tsx or not inv.last_answer:
            raise SessionOver(f"{self.call_id}: there is no re-INVITE to answer")
        if inv.invite_tsx.role != UAS or inv.invite_tsx.status_code >= 200:
            raise SessionOver(f"{self.call_id}: the re-INVITE is answered already")

    def send_request(
        self, method: str, *, headers: ExtraHeaders = (), content_type: str | None = None, body: bytes | None = None
    ) -> None:
        """Send a request that changes nothing in the session (INFO, MESSAGE). Raises SessionOver, PjError."""
        layer = self._layer
        with layer.core.entered():
            if self.over or self.inv.state not in (EARLY, CONNECTING, CONFIRMED):
                raise SessionOver(f"{self.call_id}: no {method} is possible now")
            tdata = ffi.new("pjsip_tx_data **")
            name = layer.method(method)
            check(layer.lib.pjsip_dlg_create_request(self.dialog, name, -1, tdata), "pjsip_dlg_create_request")
            if body is not None and content_type is not None:
                outgoing.set_body(layer.core, tdata[0], content_type, body)
            for header, value in headers:
                outgoing.add_header(layer.core, tdata[0], header, value)
            check(layer.lib.pjsip_dlg_send_request(self.dialog, tdata[0], -1, ffi.NULL), "pjsip_dlg_send_request")

    def hold_dialog(self) -> HeldDialog:
        """Keep the dialog, for requests that go on after the call. Raises SessionOver when there is none."""
        if self.over or self.released or self.dialog.state != _ESTABLISHED:
            raise SessionOver(f"{self.call_id}: there is no dialog")
        return HeldDialog(self._layer, self.dialog)

    def carry(self, *, answers: Body | None = None, goodbye: Body | None = None) -> None:
        """Let the answers to the INVITE carry a body beside their own, and BYE or the answer to it another.

        Content types are ASCII without parameters. What is None stays as it was.
        """
        self.answers_carry = answers or self.answers_carry
        self.goodbye_carries = goodbye or self.goodbye_carries
        if not self.released:
            self._layer.gate.carriers.add(self)

    def _send(self, tdata: CData, headers: Iterable[tuple[str, str]]) -> None:
        layer = self._layer
        layer.gate.dress(tdata, self)
        layer.gate.load(tdata, self)
        for name, value in headers:
            try:
                outgoing.add_header(layer.core, tdata, name, value)
            except ValueError as error:
                log.warn("Call-ID {call_id}: a header was left out: {error}", call_id=self.call_id, error=error)
        check(layer.lib.pjsip_inv_send_msg(self.inv, tdata), "pjsip_inv_send_msg")

    # From the layer's callbacks

    def tell(self, event: str, *args: object) -> None:
        """Queue an event for floor 3."""
        self._layer.core.later(self._told, event, args)

    def _told(self, event: str, args: tuple[object, ...]) -> None:
        events = self.events
        if events is None:
            return
        if event == "ended":
            self.events = None
        getattr(events, event)(*args)

    def answer_sent(self) -> None:
        """Our 200 has left: who wanted the end meanwhile gets it now."""
        if self._waiting_end is not None:
            waiting, self._waiting_end = self._waiting_end, None
            self._layer.core.later(self.end, *waiting)

    def note_ending(self, message: SipMessage) -> None:
        """A BYE or CANCEL has come: what its headers say belongs to the end that follows."""
        self._ending_message = message

    def disconnected(self, code: int, reason: str, message: SipMessage | None) -> None:
        """PJSIP's session is over."""
        if not self.over:
            self.over = True
            self.tell("ended", code, reason, self._ending_message or message)

    def reinvite_finished(self, code: int, message: SipMessage | None) -> None:
        """Our re-INVITE has its final response."""
        self.reinviting = False
        if code >= 300:
            self.local_sdp = self._restore_sdp
        self._restore_sdp = None
        self.tell("reinvite_done", code, message)

    def release_if_idle(self) -> None:
        """Give PJSIP's object back once the session is over and no transaction of its dialog is left."""
        if self.over and not self.released and self.dialog.tsx_count == 0:
            self.release()

    def release(self) -> None:
        """Give back the reference taken at creation; nothing may touch PJSIP's object afterwards."""
        if not self.released:
            self.released = True
            self._layer.forget(self)
            with self._layer.core.entered():
                self._layer.lib.pjsip_inv_dec_ref(self.inv)
