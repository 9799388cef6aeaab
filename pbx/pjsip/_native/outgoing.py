"""Requests of ours outside any dialog: built, sent by a client transaction, answered exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings, tdata
from pbx.pjsip._native.errors import PjError, status_text
from pbx.pjsip._native.incoming import IncomingResponse
from pbx.pjsip._native.receiver import Receiver

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore

log = Logger()
CData = Any

PJSIP_EVENT_RX_MSG, PJSIP_EVENT_TRANSPORT_ERROR, PJSIP_EVENT_TSX_STATE = 3, 4, 5
#: RFC 3261 timer F
DEFAULT_TIMEOUT = 32.0


@dataclass(frozen=True)
class Reply:
    """The end of a request: its final response, or 408 (nothing came in time) or 503 (it could not be sent), then
    without ``message`` and with ``error`` saying why."""

    code: int
    reason: str
    message: IncomingResponse | None = None
    error: str | None = None


class OutgoingRequest:
    """A request on its way. ``cancel`` forgets it: no reply will be reported."""

    def __init__(self, sender: Sender, on_response: Callable[[Reply], object]) -> None:
        self.call_id = ""
        self.cseq = 0
        self.from_tag = ""
        self._sender = sender
        self._on_response: Callable[[Reply], object] | None = on_response
        self._timer: IDelayedCall | None = None
        self._timeout = DEFAULT_TIMEOUT

    def cancel(self) -> None:
        self._on_response = None
        cancel_timer(self._timer)

    def _finish(self, reply: Reply) -> None:
        callback, self._on_response = self._on_response, None
        cancel_timer(self._timer)
        if callback is not None:
            callback(reply)


class Sender:
    """Sends requests for Python."""

    def __init__(self, core: PjCore, receiver: Receiver) -> None:
        self._core = core
        self._receiver = receiver
        self._tokens: dict[int, OutgoingRequest] = {}
        self._next_token = 1
        self._callback: CData = None
        self._tdata_out = ffi.new("pjsip_tx_data **")
        self._user_agent: CData = None

    def open(self) -> None:
        self._callback = self._core.callback("void(void *, pjsip_event *)", self._on_event)

    def set_common_headers(self, user_agent: str, max_forwards: int) -> None:
        """User-Agent ("" for none) and Max-Forwards of every request PJSIP makes from now on, in dialogs too."""
        core = self._core
        head = core.lib.pjsip_endpt_get_request_headers(core.endpt)
        header = head.next
        while header != head:
            if header.type == 21:  # PJSIP_H_MAX_FORWARDS
                ffi.cast("pjsip_generic_int_hdr *", header).ivalue = max_forwards
            following = header.next
            if header == self._user_agent:
                header.prev.next, following.prev = following, header.prev
            header = following
        self._user_agent = None
        if user_agent:
            # messages under way share its text, so the pool is never released
            pool = core.pool(b"ua%p", 512, 512)
            made = core.lib.pjsip_generic_string_hdr_create(
                pool, strings.const(b"User-Agent"), strings.dup(pool, tdata.checked_header("User-Agent", user_agent)[1])
            )
            node = self._user_agent = ffi.cast("pjsip_hdr *", made)
            node.prev, node.next = head.prev, head
            head.prev.next = node
            head.prev = node

    def close(self) -> None:
        """Forget everything under way."""
        for request in self._tokens.values():
            request.cancel()
        self._tokens.clear()

    @property
    def pending(self) -> int:
        return len(self._tokens)

    def send(
        self,
        method: str,
        target_uri: str,
        *,
        from_uri: str,
        to_uri: str | None,
        contact: str | None,
        call_id: str | None,
        cseq: int | None,
        from_tag: str,
        to_tag: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | None,
        content_type: str | None,
        selector: CData,
        route: Iterable[str],
        timeout: float,
        on_response: Callable[[Reply], object],
    ) -> OutgoingRequest:
        """See `PjsipHost.send_request`. Raises PjError for addresses PJSIP cannot parse, ValueError for bad headers."""
        core, lib = self._core, self._core.lib
        outgoing = OutgoingRequest(self, on_response)
        with core.entered():
            message = self._create(method, target_uri, from_uri, to_uri or target_uri, contact, call_id, cseq)
            try:
                size = 0
                for hop in route:
                    value = hop if hop.lstrip().startswith("<") else f"<{hop}>"
                    tdata.add_parsed_header(core, message, "Route", value)
                    size += len(value) + 10
                for name, value in headers:
                    if name.lower() == "user-agent":
                        tdata.remove_headers(message.msg, {"user-agent"})
                    if name.lower() == "max-forwards":
                        tdata.set_max_forwards(core, message, int(value))
                        continue
                    tdata.add_header(core, message, name, value)
                    size += len(name) + len(value) + 4
                if body is not None:
                    tdata.set_body(core, message, content_type or "text/plain", body)
                tdata.reserve(core, message, size + len(body or b""))
                if selector is not None:
                    tdata.set_transport(core, message, selector)
                if to_tag:
                    tdata.set_to_tag(core, message, to_tag)
                self._read_identity(message, outgoing, from_tag)
            except BaseException:
                lib.pjsip_tx_data_dec_ref(message)
                raise
            outgoing._timeout = timeout
            self._transmit(outgoing, message)
        return outgoing

    def _transmit(self, outgoing: OutgoingRequest, message: CData) -> None:
        """Start a transaction for ``message``; its reference is used up."""
        core = self._core
        token = self._next_token
        self._next_token += 1
        self._tokens[token] = outgoing
        cancel_timer(outgoing._timer)
        outgoing._timer = core.reactor.callLater(outgoing._timeout, self._timed_out, token, outgoing._timeout)
        status = core.lib.pjsip_endpt_send_request(core.endpt, message, -1, ffi.cast("void *", token), self._callback)
        if status:
            self._tokens.pop(token, None)
            core.later(outgoing._finish, Reply(503, "Service Unavailable", None, status_text(status)))

    def _create(
        self,
        method: str,
        target: str,
        from_uri: str,
        to_uri: str,
        contact: str | None,
        call_id: str | None,
        cseq: int | None,
    ) -> CData:
        core = self._core
        name, name_kept = strings.borrowed(method)
        sip_method = ffi.new("pjsip_method *")
        core.lib.pjsip_method_init_np(sip_method, name)
        values = [target, from_uri, to_uri, contact, call_id]
        kept = [(ffi.NULL, None) if value is None else strings.borrowed(value) for value in values]
        status = core.lib.pjsip_endpt_create_request(
            core.endpt,
            sip_method,
            *(pointer for pointer, _ in kept),
            -1 if cseq is None else cseq,
            ffi.NULL,
            self._tdata_out,
        )
        del name_kept
        if status:
            raise PjError(status, f"pjsip_endpt_create_request({method} {target} from {from_uri} to {to_uri})")
        return self._tdata_out[0]

    @staticmethod
    def _read_identity(message: CData, outgoing: OutgoingRequest, from_tag: str) -> None:
        """Note Call-ID, CSeq and tag of ``message``, after giving it ``from_tag`` unless that is empty."""
        header = message.msg.hdr.next
        while header != ffi.addressof(message.msg, "hdr"):
            kind = header.type
            if kind == 7:  # PJSIP_H_CALL_ID
                outgoing.call_id = strings.text(ffi.cast("pjsip_cid_hdr *", header).id)
            elif kind == 15:  # PJSIP_H_CSEQ
                outgoing.cseq = ffi.cast("pjsip_cseq_hdr *", header).cseq
            elif kind == 19:  # PJSIP_H_FROM
                sender = ffi.cast("pjsip_fromto_hdr *", header)
                if from_tag:
                    sender.tag = strings.dup(message.pool, from_tag)[0]
                outgoing.from_tag = strings.text(sender.tag)
            header = header.next

    def _timed_out(self, token: int, timeout: float) -> None:
        outgoing = self._tokens.pop(token, None)
        if outgoing is not None:
            outgoing._finish(Reply(408, "Request Timeout", None, f"no answer in {timeout:g} s"))

    def _on_event(self, token: CData, event: CData) -> None:
        outgoing = self._tokens.pop(int(ffi.cast("uintptr_t", token)), None)
        if outgoing is None:
            return
        state = event.body.tsx_state
        tsx = state.tsx
        code = tsx.status_code
        reason = strings.text(tsx.status_text)
        message = tsx.last_tx
        if code in (408, 503) and message != ffi.NULL and tdata.try_next_address(self._core, message):
            # The old transaction lets go of the message; the new one has a reference of its own.
            self._core.lib.pjsip_tx_data_add_ref(message)
            self._transmit(outgoing, message)
            return
        if state.type == PJSIP_EVENT_RX_MSG:
            response = self._receiver.response_of(state.src.rdata)
            reply = Reply(code, response.reason or reason, response)
        elif state.type == PJSIP_EVENT_TRANSPORT_ERROR:
            error = status_text(tsx.transport_err) if tsx.transport_err else reason
            reply = Reply(503, "Service Unavailable", None, error)
        else:
            reply = Reply(code, reason, None, reason)
        self._core.later(outgoing._finish, reply)
