"""PJSIP's callbacks of invite sessions, each read as what it means for a call and told to its `InviteSession`.

They come from inside PJSIP. So what floor 3 is told waits until PJSIP has returned, except a request and an offer that
PJSIP wants answered at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native import tdata as outgoing
from pbx.pjsip._native.dialog import answer_in_dialog
from pbx.pjsip._native.invite_session import (
    CALLING,
    CONFIRMED,
    CONNECTING,
    DISCONNECTED,
    EARLY,
    UAC,
    UAS,
    InviteSession,
)

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore
    from pbx.pjsip._native.incoming import IncomingMessage
    from pbx.pjsip._native.receiver import Receiver
    from pbx.pjsip._native.sdp_gate import SdpGate

log = Logger()
CData = Any

# pjsip_event_id_e
_EVENT_RX_MSG, _EVENT_TSX_STATE = 3, 5
# pjsip_tsx_state_e
_TSX_CALLING, _TSX_TRYING, _TSX_PROCEEDING, _TSX_COMPLETED, _TSX_TERMINATED = 1, 2, 3, 4, 6
# pjsip_method_e
_INVITE, _CANCEL, _BYE, _OPTIONS, _OTHER = 0, 1, 3, 5, 6
#: PJSIP's status for "nothing wrong"
_OK = 0
#: Any failure, where only "not PJ_SUCCESS" counts (PJ_EINVALIDOP)
_FAILED = 70013

_OWN_METHODS = frozenset((b"INVITE", b"ACK", b"BYE", b"CANCEL", b"UPDATE", b"PRACK"))


class InviteCallbacks:
    """The callbacks of one PJSIP. ``sessions`` are those there are, by their pjsip_inv_session *."""

    def __init__(
        self, core: PjCore, receiver: Receiver, gate: SdpGate, sessions: Mapping[CData, InviteSession]
    ) -> None:
        self._core = core
        self._lib = core.lib
        self._receiver = receiver
        self._gate = gate
        self._sessions = sessions

    def table(self) -> CData:
        """A pjsip_inv_callback *; whoever hands it to PJSIP keeps it."""
        core = self._core
        table = ffi.new("pjsip_inv_callback *")
        of_inv = self._call_id_of

        def pointer(signature: str, function: Any, *, result: Any = None, on_error: Any = self._failed) -> CData:
            return ffi.cast(
                "void *", core.callback(signature, function, result=result, on_error=on_error, call_id=of_inv)
            )

        table.on_state_changed = pointer("void(pjsip_inv_session *, pjsip_event *)", self._on_state)
        table.on_new_session = pointer("void(pjsip_inv_session *, pjsip_event *)", self._on_fork)
        table.on_tsx_state_changed = pointer(
            "void(pjsip_inv_session *, pjsip_transaction *, pjsip_event *)", self._on_transaction
        )
        table.on_rx_offer2 = pointer("void(pjsip_inv_session *, pjsip_inv_on_rx_offer_cb_param *)", self._on_offer)
        table.on_rx_reinvite = pointer(
            "int(pjsip_inv_session *, pjmedia_sdp_session *, pjsip_rx_data *)", self._on_reinvite, result=_FAILED
        )
        table.on_media_update = pointer("void(pjsip_inv_session *, int)", self._on_negotiated)
        return table

    def _call_id_of(self, inv: CData, *_: object) -> str:
        session = self._sessions.get(inv)
        return session.call_id if session is not None else strings.text(inv.dlg.call_id.id)

    def _failed(self, inv: CData, *_: object) -> None:
        """A callback of ours raised: answer 500 or hang up, so that no call is left hanging."""
        session = self._sessions.get(inv)
        if session is not None:
            self._core.later(session.end, 500)

    def _message(self, event: CData) -> IncomingMessage | None:
        """The message behind an event, if one is."""
        kind = event.type
        if kind == _EVENT_TSX_STATE:
            if event.body.tsx_state.type != _EVENT_RX_MSG:
                return None
            rdata = event.body.tsx_state.src.rdata
        elif kind == _EVENT_RX_MSG:
            rdata = event.body.rx_msg.rdata
        else:
            return None
        if rdata == ffi.NULL:
            return None
        is_request = rdata.msg_info.msg.type == 0
        return self._receiver.request_of(rdata) if is_request else self._receiver.response_of(rdata)

    def _on_state(self, inv: CData, event: CData) -> None:
        session = self._sessions.get(inv)
        if session is None:
            return
        state = inv.state
        if state == DISCONNECTED and self._failed_over(session, event):
            return
        if state == DISCONNECTED:
            session.disconnected(int(inv.cause), strings.text(inv.cause_text), self._message(event))
            self._core.later(session.release_if_idle)
        elif state == CONFIRMED:
            session.tell("confirmed", self._message(event))
            if session.ending and session.role == UAC:
                # The answer crossed our CANCEL (RFC 3261 9.1): it needs a BYE.
                self._core.later(session.end, 487)
        elif session.role == UAS:
            if state == CONNECTING:
                session.answer_sent()
        elif state == EARLY:
            message = self._message(event)
            if message is not None:
                session.tell("provisional", message.status_code, message)
        elif state == CONNECTING:
            message = self._message(event)
            if message is not None:
                session.tell("answered", message)

    def _failed_over(self, session: InviteSession, event: CData) -> bool:
        """Whether an INVITE that nobody answered, or 503, goes to the next address of its target (RFC 3263 4.3)."""
        inv, lib = session.inv, self._lib
        if session.role != UAC or session.ending or event.type != _EVENT_TSX_STATE:
            return False
        tsx = event.body.tsx_state.tsx
        message = tsx.last_tx
        if tsx.status_code not in (408, 503) or tsx.method.id != _INVITE or message == ffi.NULL:
            return False
        if not outgoing.try_next_address(self._core, message):
            return False
        lib.pjsip_inv_uac_restart(inv, 0)
        lib.pjsip_tx_data_add_ref(message)
        status = lib.pjsip_inv_send_msg(inv, message)
        if status:
            log.warn(
                "Call-ID {call_id}: the next address failed at once: {status}", call_id=session.call_id, status=status
            )
            return bool(inv.state != DISCONNECTED)
        return True

    def _on_fork(self, inv: CData, event: CData) -> None:
        """PJSIP makes sessions of its own for forked answers only when it is asked to, which it is not."""

    def _on_transaction(self, inv: CData, tsx: CData, event: CData) -> None:
        state = tsx.state
        if state == _TSX_TRYING:
            if tsx.role == UAS and tsx.method.id != _INVITE:
                session = self._sessions.get(inv)
                if session is not None:
                    self._on_request(session, tsx, event)
            return
        if state < _TSX_COMPLETED:
            if state == _TSX_CALLING and tsx.method.id == _BYE:
                self._goodbye(inv)
            elif state == _TSX_PROCEEDING and inv.state == CALLING:
                self._untagged(inv, event)
            return
        session = self._sessions.get(inv)
        if session is None:
            return
        if session.over:
            if state >= _TSX_TERMINATED:
                self._core.later(session.release_if_idle)
        elif session.reinviting and tsx.role == UAC and tsx.method.id == _INVITE:
            code = int(tsx.status_code)
            # 401 and 407 are followed by the same re-INVITE with credentials, if we have some.
            if code not in (401, 407) or not inv.invite_tsx:
                session.reinvite_finished(code, self._message(event))

    def _untagged(self, inv: CData, event: CData) -> None:
        """A provisional response without a To tag makes no dialog: PJSIP is silent, but devices send such 18x."""
        session = self._sessions.get(inv)
        message = self._message(event)
        if session is not None and message is not None and message.status_code > 100:
            session.tell("provisional", message.status_code, message)

    def _goodbye(self, inv: CData) -> None:
        """A BYE of ours goes out. If PJSIP decided on it, the call is over for floor 3 without waiting for the answer.

        So it is when no ACK came (RFC 3261 13.3.1.4) or the session timer ran out (RFC 4028).
        """
        session = self._sessions.get(inv)
        if session is not None and not session.ending and not session.over:
            session.ending = True
            code = int(inv.cause)
            session.tell("ended", code if code >= 300 else 408, strings.text(inv.cause_text), None)

    def _on_request(self, session: InviteSession, tsx: CData, event: CData) -> None:
        """A request in the dialog, before PJSIP's own handling of it."""
        method = tsx.method.id
        message = self._message(event)
        if message is None:
            return
        if method in (_BYE, _CANCEL):
            session.note_ending(message)
        elif method in (_OPTIONS, _OTHER) and strings.raw(tsx.method.name) not in _OWN_METHODS:
            events = session.events
            code, headers = (481, ()) if events is None else events.request(message)
            answer_in_dialog(self._core, session.dialog, event.body.tsx_state.src.rdata, code, headers)

    def _on_offer(self, inv: CData, parameter: CData) -> None:
        """An offer that PJSIP wants answered before it goes on: in UPDATE or PRACK. A re-INVITE's waits (see below)."""
        rdata = ffi.cast("pjsip_rx_data *", parameter.rdata)
        message = rdata.msg_info.msg
        if message.type != 0 or message.line.req.method.id == _INVITE:
            return
        session = self._sessions.get(inv)
        if session is None:
            return
        is_prack = strings.raw(message.line.req.method.name) == b"PRACK"
        events = session.events
        answer = None if events is None else events.update_offer(self._receiver.request_of(rdata))
        if answer is not None:
            session.local_sdp = answer
        # PJSIP asserts that an offer in PRACK is answered; an unacceptable one gets our description as it was.
        if answer is not None or is_prack:
            self._lib.pjsip_inv_set_sdp_answer(inv, self._gate.token)

    def _on_reinvite(self, inv: CData, offer: CData, rdata: CData) -> int:
        session = self._sessions.get(inv)
        if session is None:
            return _FAILED
        tdata = ffi.new("pjsip_tx_data **")
        status = self._lib.pjsip_inv_initial_answer(inv, rdata, 100, ffi.NULL, ffi.NULL, tdata)
        if status:
            if tdata[0]:
                self._lib.pjsip_inv_send_msg(inv, tdata[0])
            return _OK
        # The final answer follows in this turn of the reactor: a 100 would only be one packet more.
        self._lib.pjsip_tx_data_dec_ref(tdata[0])
        if session.events is None:
            self._core.later(session.answer_late, bool(offer))
        else:
            session.tell("reoffered", self._receiver.request_of(rdata))
        return _OK

    def _on_negotiated(self, inv: CData, status: int) -> None:
        """The token was agreed on. It matters only for the answer in the ACK of a re-INVITE without offer."""
        session = self._sessions.get(inv)
        ack = self._gate.ack
        if ack is not None and session is not None and session.wants_ack_answer and inv.state == CONFIRMED:
            session.wants_ack_answer = False
            session.tell("reoffer_acknowledged", self._receiver.request_of(ack))
