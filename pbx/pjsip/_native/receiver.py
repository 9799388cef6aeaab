"""Incoming messages on floor 2: bytes into PJSIP, PJSIP's rdata into Python values.

`Receiver.receive` gives one message to PJSIP. While PJSIP works on it, hooks and callbacks get it as an
`IncomingRequest` or `IncomingResponse`. The C message behind it is gone when `receive` returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.interfaces import IDelayedCall

from pbx.clock import cancel_timer
from pbx.pjsip._abi import ffi
from pbx.pjsip._native.answers import Answers
from pbx.pjsip._native.errors import PJ_EIGNORED, check
from pbx.pjsip._native.incoming import IncomingMessage, IncomingRequest, IncomingResponse, TransportInfo
from pbx.pjsip._native.rdata import (
    ENDPT_INFO_SIZE,
    PACKET_SIZE,
    SOURCE_OFFSET,
    SOURCE_SIZE,
    ReceiveBuffers,
    packed_source,
)
from pbx.pjsip.message import SipMessage
from pbx.pjsip.nat import with_rport

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.pjsip._native.core import PjCore

CData = Any
M = TypeVar("M", bound=IncomingMessage)

#: How long a postponed request's retransmissions are swallowed (timer F).
POSTPONE_SECONDS = 32.0


class _Arrival:
    """The message PJSIP is working on."""

    __slots__ = ("context", "message", "raw", "rdata", "refused", "source", "transport")

    def __init__(
        self, raw: bytes, transport: TransportInfo, source: tuple[str, int], rdata: CData, context: object
    ) -> None:
        self.raw = raw
        self.transport = transport
        self.source = source
        self.rdata = rdata
        self.context = context
        self.message: IncomingMessage | None = None
        self.refused = False


class Receiver:
    """Gives messages to PJSIP, and knows them again in its hooks and callbacks."""

    def __init__(self, core: PjCore, *, server: str = "") -> None:
        """``server``: value of the Server header of our answers, "" for none. Call `open` once PJSIP is up."""
        self.core = core
        self._buffers = ReceiveBuffers(core)
        self.answers = Answers(core, self._buffers, server)
        #: whether requests inside the call of a Call-ID are answered by their Via alone (``force_rport = no``); None
        #: while that is so of no call
        self.is_answered_by_via: Callable[[str], bool] | None = None
        self._stack: list[_Arrival] = []
        self._postponed: dict[tuple[str, str, str], IDelayedCall] = {}

    def open(self) -> None:
        """Be ready for messages."""
        self.answers.open()
        core = self.core
        dropped = core.callback("void(pjsip_tp_dropped_data *)", self._on_dropped)
        check(
            core.lib.pjsip_tpmgr_set_drop_data_cb(core.tpmgr, ffi.cast("void *", dropped)),
            "pjsip_tpmgr_set_drop_data_cb",
        )

    def close(self) -> None:
        """Before PJSIP is destroyed: forget timers and held requests, release buffers."""
        for timer in self._postponed.values():
            cancel_timer(timer)
        self._postponed.clear()
        self.answers.close()
        self._buffers.close()

    # -- receiving ---------------------------------------------------------------------------------------------------

    def receive(
        self,
        raw: bytes,
        transport: TransportInfo,
        pj_transport: CData,
        source: tuple[str, int],
        context: object = None,
        reading: bytes | None = None,
    ) -> bool:
        """One complete, screened message: ``raw`` for PJSIP, ``reading`` for Python where that differs.

        False when PJSIP's parser refused it.
        """
        reading = raw if reading is None else reading
        if transport.protocol == "udp":
            raw = self._answered_to_source(raw)
        if self._postponed and context is None and self._is_postponed(reading):
            return True
        core = self.core
        with core._entry:
            rdata = self._buffers.take()
            arrival = _Arrival(reading, transport, source, rdata, context)
            self._stack.append(arrival)
            try:
                rdata.tp_info.transport = pj_transport
                packet = rdata.pkt_info
                ffi.memmove(ffi.cast("char *", rdata) + SOURCE_OFFSET, packed_source(source[0], source[1]), SOURCE_SIZE)
                size = len(raw)
                if size < PACKET_SIZE:
                    ffi.memmove(packet.packet, raw, size)
                    packet.len = size
                    core.lib.pj_gettimeofday(ffi.addressof(packet, "timestamp"))
                    core.lib.pjsip_tpmgr_receive_packet(core.tpmgr, rdata)
                else:
                    arrival.refused = not self._receive_large(raw, rdata)
            finally:
                self._stack.pop()
                if arrival.message is not None:
                    arrival.message._rdata = None
                self._buffers.give_back(rdata)
        return not arrival.refused

    def _answered_to_source(self, raw: bytes) -> bytes:
        """Every request is answered to the port it came from, as ``force_rport`` has it unless switched off: then the
        call of the request says so here, or `IncomingRequest.answer_by_via` later."""
        longer = with_rport(raw)
        by_via = self.is_answered_by_via
        if longer is None or (by_via is not None and by_via(SipMessage(raw).call_id)):
            return raw
        return longer

    def _receive_large(self, raw: bytes, rdata: CData) -> bool:
        """A message that does not fit pkt_info.packet: parsed in a buffer of its own, then processed as usual."""
        if not self._buffers.parse(raw, rdata):
            return False
        core = self.core
        core.lib.pj_gettimeofday(ffi.addressof(rdata.pkt_info, "timestamp"))
        ffi.memmove(ffi.addressof(rdata, "endpt_info"), bytes(ENDPT_INFO_SIZE), ENDPT_INFO_SIZE)
        handled = ffi.new("pj_bool_t *")
        core.lib.pjsip_endpt_process_rx_data(core.endpt, rdata, ffi.NULL, handled)
        ffi.memmove(ffi.addressof(rdata, "endpt_info"), bytes(ENDPT_INFO_SIZE), ENDPT_INFO_SIZE)
        return True

    def _on_dropped(self, dropped: CData) -> None:
        if dropped.status != PJ_EIGNORED and self._stack:
            self._stack[-1].refused = True

    def request_of(self, rdata: CData) -> IncomingRequest:
        """The request an rdata holds; the same object for every hook that sees it."""
        return self._message_of(rdata, IncomingRequest)

    def response_of(self, rdata: CData) -> IncomingResponse:
        """The response an rdata holds."""
        return self._message_of(rdata, IncomingResponse)

    def _message_of(self, rdata: CData, kind: type[M]) -> M:
        for arrival in reversed(self._stack):
            if arrival.rdata == rdata:
                message = arrival.message
                if not isinstance(message, kind):
                    message = kind(self, arrival.raw, arrival.transport, arrival.source, rdata, arrival.context)
                    arrival.message = message
                return message
        # PJSIP's own copy of a message that arrived earlier
        packet = rdata.pkt_info
        raw = ffi.buffer(rdata.msg_info.msg_buf, rdata.msg_info.len)[:]
        source = (ffi.string(packet.src_name).decode("ascii"), packet.src_port)
        return kind(self, raw, TransportInfo("", "", "", 0), source, None)

    # -- postponed requests ------------------------------------------------------------------------------------------

    @staticmethod
    def _key(message: SipMessage) -> tuple[str, str, str]:
        return (message.via_branch, message.call_id, message.method)

    def _is_postponed(self, raw: bytes) -> bool:
        if raw.startswith(b"SIP/"):
            return False
        return self._key(SipMessage(raw)) in self._postponed

    def postpone(self, request: IncomingRequest) -> None:
        key = self._key(request)
        if key not in self._postponed:
            self._postponed[key] = self.core.reactor.callLater(POSTPONE_SECONDS, self._postponed.pop, key, None)

    def resume(self, message: SipMessage) -> None:
        """A postponed request is about to be received again."""
        cancel_timer(self._postponed.pop(self._key(message), None))
