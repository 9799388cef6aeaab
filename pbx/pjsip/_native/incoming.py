"""Incoming messages on floor 2: bytes into PJSIP, PJSIP's rdata into Python values, answers out.

`Receiver.receive` gives one message to PJSIP. While PJSIP works on it, hooks and callbacks get it as an
`IncomingRequest` or `IncomingResponse`: values read from the raw bytes, safe to keep. The C message behind it is gone
when `receive` returns.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from pbx.clock import cancel_timer
from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings, tdata
from pbx.pjsip._native.errors import PJ_EIGNORED, PjError, StaleMessage, check
from pbx.pjsip.message import SipMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.pjsip._native.core import PjCore

log = Logger()
CData = Any

#: PJSIP_MAX_PKT_LEN: what rdata.pkt_info.packet holds; one byte is for the NUL PJSIP writes behind the message.
PACKET_SIZE = 4000
#: Longest message accepted, on any transport.
MAX_MESSAGE = 65_000
#: A held request that nobody answers gets 500 after this (just under a UAC's 32 s, RFC 3261 timer F).
HOLD_SECONDS = 30.0
#: How long a postponed request's retransmissions are swallowed (timer F).
POSTPONE_SECONDS = 32.0

M = TypeVar("M", bound="IncomingMessage")

ACK = "ACK"
MSG_INFO_SIZE = ffi.sizeof("pjsip_rx_msg_info")
ENDPT_INFO_SIZE = ffi.sizeof("pjsip_rx_endpt_info")
#: pkt_info from src_addr to src_port, see `packed_source`
SOURCE_SIZE = 84


@dataclass(frozen=True)
class TransportInfo:
    """Where a message came in, or a listener. ``id``: name of the transport section; ``protocol``: udp, tcp, tls, ws,
    wss; ``host`` and ``port``: the bound address; ``connection``: number of the connection, 0 for a listener."""

    id: str
    protocol: str
    host: str
    port: int
    connection: int = 0

    @property
    def is_reliable(self) -> bool:
        return self.protocol != "udp"


@lru_cache(maxsize=4096)
def packed_source(host: str, port: int) -> bytes:
    """pkt_info's members from src_addr to src_port as one piece of memory: one copy instead of five assignments."""
    name = host.encode("ascii")
    if ":" in host:
        address, _, scope = host.partition("%")
        scope_id = int(scope) if scope.isdigit() else 0
        packed = socket.inet_pton(socket.AF_INET6, address)
        sockaddr = struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0, packed, scope_id)
        name, length = address.encode("ascii"), 28
    else:
        sockaddr = struct.pack("=HH4s", socket.AF_INET, socket.htons(port), socket.inet_aton(host))
        length = 16
    return struct.pack("=28si46sxxi", sockaddr, length, name, port)


class IncomingMessage(SipMessage):
    """A message with where it came from."""

    def __init__(
        self,
        receiver: Receiver,
        raw: bytes,
        transport: TransportInfo,
        source: tuple[str, int],
        rdata: CData,
        context: object = None,
    ) -> None:
        super().__init__(raw)
        self.transport = transport
        self.source = source
        self.context = context
        self._receiver = receiver
        self._rdata = rdata

    def rdata(self) -> CData:
        """The pjsip_rx_data *, floor 2 only; raises StaleMessage after the callback."""
        if self._rdata is None:
            raise StaleMessage(f"the C message of Call-ID {self.call_id} is gone: its callback has returned")
        return self._rdata

    @property
    def is_live(self) -> bool:
        """Whether PJSIP's message is still there (we are inside its callback)."""
        return self._rdata is not None


class IncomingResponse(IncomingMessage):
    """A response on its way up."""


class IncomingRequest(IncomingMessage):
    """A request that can be answered, now or later."""

    def __init__(
        self,
        receiver: Receiver,
        raw: bytes,
        transport: TransportInfo,
        source: tuple[str, int],
        rdata: CData,
        context: object = None,
    ) -> None:
        super().__init__(receiver, raw, transport, source, rdata, context)
        #: whether a final answer was sent, the request was taken by a dialog (`taken`), or postponed
        self.answered = False
        self._tsx: CData = None
        self._deadline: IDelayedCall | None = None

    def taken(self) -> None:
        """Somebody else answers it: a dialog, a session."""
        self.answered = True

    def respond(
        self,
        code: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        content_type: str | None = None,
        *,
        stateless: bool = False,
        to_tag: str = "",
    ) -> None:
        """Answer, by a server transaction unless ``stateless``; ``to_tag`` begins a dialog of the caller's own.

        Raises ValueError for an ACK, a second final answer or a malformed header, PjError when PJSIP refuses, and
        StaleMessage for a late answer to a request that was not held.
        """
        if self.method == ACK:
            raise ValueError("an ACK is never answered")
        if self.answered:
            raise ValueError(f"the request with Call-ID {self.call_id} was answered already")
        self._receiver.respond(self, code, reason, headers, body, content_type, stateless, to_tag)
        if code >= 200:
            self.answered = True
            cancel_timer(self._deadline)
            self._deadline = None

    def hold(self) -> None:
        """Make the transaction now, so that retransmissions are absorbed; `respond` must follow, within 30 s."""
        if self.method == ACK or self._tsx is not None or self.answered:
            return
        self._receiver.make_transaction(self, final=False)
        reactor = self._receiver.core.reactor
        self._deadline = reactor.callLater(HOLD_SECONDS, self._overdue)

    def _overdue(self) -> None:
        self._deadline = None
        if not self.answered:
            log.error(
                "{method} from {sender[0]}:{sender[1]} was not answered in time (Call-ID {call_id}): 500",
                method=self.method,
                sender=self.source,
                call_id=self.call_id,
            )
            self._receiver.try_respond(self, 500)

    def postpone(self) -> None:
        """Swallow this request and its retransmissions until it is injected again, 32 s at most."""
        self.answered = True
        self._receiver.postpone(self)


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
    """Gives messages to PJSIP and answers requests for Python."""

    def __init__(self, core: PjCore, *, server: str = "") -> None:
        """``server``: value of the Server header of our answers, "" for none. Call `open` once PJSIP is up."""
        self.core = core
        self.server = server
        self._free: list[CData] = []
        self._stack: list[_Arrival] = []
        self._src_offset = ffi.offsetof("pjsip_rx_data", "pkt_info") + ffi.offsetof("pjsip_rx_pkt_info", "src_addr")
        self._postponed: dict[tuple[str, str, str], IDelayedCall] = {}
        self._module: CData = None
        self._held_module: CData = None
        self._held: dict[CData, IncomingRequest] = {}
        self._tsx_out = ffi.new("pjsip_transaction **")
        self._tdata_out = ffi.new("pjsip_tx_data **")

    def open(self) -> None:
        """Register the two transaction users: one that hears nothing, one told of held transactions that end."""
        core = self.core
        self._module = self._register(b"mod-obelisk-answer", None)
        self._held_module = self._register(
            b"mod-obelisk-hold", core.callback("void(pjsip_transaction *, pjsip_event *)", self._on_held_state)
        )

        dropped = core.callback("void(pjsip_tp_dropped_data *)", self._on_dropped)
        check(
            core.lib.pjsip_tpmgr_set_drop_data_cb(core.tpmgr, ffi.cast("void *", dropped)),
            "pjsip_tpmgr_set_drop_data_cb",
        )

    def _register(self, name: bytes, on_tsx_state: CData) -> CData:
        core = self.core
        module = core.keep(ffi.new("pjsip_module *"))
        module.name = strings.const(name)[0]
        module.id = -1
        module.priority = 64
        if on_tsx_state is not None:
            module.on_tsx_state = ffi.cast("void *", on_tsx_state)
        check(core.lib.pjsip_endpt_register_module(core.endpt, module), "pjsip_endpt_register_module")
        return module

    def close(self) -> None:
        """Before PJSIP is destroyed: forget timers and held requests, release buffers."""
        for timer in self._postponed.values():
            cancel_timer(timer)
        self._postponed.clear()
        for request in list(self._held.values()):
            cancel_timer(request._deadline)
            request._tsx = None
            request.answered = True
        self._held.clear()
        for rdata in self._free:
            self.core.release(rdata.tp_info.pool)
        self._free.clear()

    # -- receiving ---------------------------------------------------------------------------------------------------

    def _buffer(self) -> CData:
        """An rdata with a pool, zeroed where PJSIP expects it."""
        if self._free:
            return self._free.pop()
        rdata = ffi.new("pjsip_rx_data *")
        rdata.tp_info.pool = self.core.pool(b"rtd%p", 4000, 4000)
        rdata.tp_info.op_key.rdata = rdata
        return rdata

    def _recycle(self, rdata: CData) -> None:
        self.core.lib.pj_pool_reset(rdata.tp_info.pool)
        if len(self._free) < 16:
            self._free.append(rdata)
        else:
            self.core.release(rdata.tp_info.pool)

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
        if self._postponed and context is None and self._is_postponed(reading):
            return True
        core = self.core
        with core._entry:
            rdata = self._buffer()
            arrival = _Arrival(reading, transport, source, rdata, context)
            self._stack.append(arrival)
            try:
                rdata.tp_info.transport = pj_transport
                packet = rdata.pkt_info
                ffi.memmove(
                    ffi.cast("char *", rdata) + self._src_offset, packed_source(source[0], source[1]), SOURCE_SIZE
                )
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
                self._recycle(rdata)
        return not arrival.refused

    def _receive_large(self, raw: bytes, rdata: CData) -> bool:
        """A message that does not fit pkt_info.packet: parsed in a buffer of its own, then processed as usual."""
        if not self._parse(raw, rdata):
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

    def _parse(self, raw: bytes, rdata: CData) -> bool:
        """Fill rdata.msg_info as pjsip_tpmgr_receive_packet does; False for what it would drop."""
        core = self.core
        size = len(raw)
        buffer = ffi.cast("char *", core.lib.pj_pool_alloc(rdata.tp_info.pool, size + 1))
        ffi.memmove(buffer, raw, size)
        buffer[size] = b"\0"
        info = rdata.msg_info
        ffi.memmove(ffi.addressof(rdata, "msg_info"), bytes(MSG_INFO_SIZE), MSG_INFO_SIZE)
        errors = ffi.addressof(info, "parse_err")
        errors.prev = errors.next = errors
        info.msg_buf = buffer
        info.len = size
        # the other members read by whoever looks at the packet: its beginning, never more than fits
        rdata.pkt_info.len = min(size, PACKET_SIZE - 1)
        ffi.memmove(rdata.pkt_info.packet, raw, rdata.pkt_info.len)
        message = core.lib.pjsip_parse_rdata(buffer, size, rdata)
        if message == ffi.NULL or errors.next != errors:
            return False
        needed = (info.cid, getattr(info, "from"), info.to, info.via, info.cseq)
        if any(header == ffi.NULL for header in needed):
            return False
        if message.type == 0:
            via = info.via
            via.recvd_param = strings.dup(rdata.tp_info.pool, ffi.string(rdata.pkt_info.src_name))[0]
            if via.rport_param == 0:
                via.rport_param = rdata.pkt_info.src_port
        return True

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

    # -- answering ---------------------------------------------------------------------------------------------------

    def make_transaction(self, request: IncomingRequest, *, final: bool) -> None:
        """Create the server transaction of a live request."""
        core, rdata = self.core, request.rdata()
        module = self._module if final else self._held_module
        with core.entered():
            check(core.lib.pjsip_tsx_create_uas(module, rdata, self._tsx_out), "pjsip_tsx_create_uas")
            tsx = self._tsx_out[0]
            request._tsx = tsx
            if not final:
                self._held[tsx] = request
            core.lib.pjsip_tsx_recv_msg(tsx, rdata)

    def _on_held_state(self, tsx: CData, event: CData) -> None:
        if tsx.state >= 6:  # PJSIP_TSX_STATE_TERMINATED
            request = self._held.pop(tsx, None)
            if request is not None:
                request._tsx = None
                request.taken()
                cancel_timer(request._deadline)

    def respond(
        self,
        request: IncomingRequest,
        code: int,
        reason: str | None,
        headers: Iterable[tuple[str, str]],
        body: bytes | None,
        content_type: str | None,
        stateless: bool,
        to_tag: str = "",
    ) -> None:
        """See `IncomingRequest.respond`."""
        core = self.core
        pairs = [tdata.checked_header(name, value) for name, value in headers]
        if self.server and not any(name.lower() == "server" for name, _ in pairs):
            pairs.append(("Server", self.server))
        with core.entered():
            if request._tsx is None and not stateless:
                self.make_transaction(request, final=code >= 200)
            if request.is_live:
                self._send(request, request.rdata(), code, reason, pairs, body, content_type, stateless, to_tag)
                return
            rdata = self._buffer()
            try:
                if request._tsx is None:
                    raise StaleMessage(f"the request with Call-ID {request.call_id} was not held for a late answer")
                rdata.tp_info.transport = request._tsx.transport
                ffi.memmove(ffi.cast("char *", rdata) + self._src_offset, packed_source(*request.source), SOURCE_SIZE)
                if not self._parse(request.raw, rdata):
                    raise StaleMessage(f"the request with Call-ID {request.call_id} could not be read again")
                self._send(request, rdata, code, reason, pairs, body, content_type, False, to_tag)
            finally:
                self._recycle(rdata)

    def _send(
        self,
        request: IncomingRequest,
        rdata: CData,
        code: int,
        reason: str | None,
        headers: list[tuple[str, str]],
        body: bytes | None,
        content_type: str | None,
        stateless: bool,
        to_tag: str,
    ) -> None:
        core = self.core
        lib = core.lib
        reason_str, kept = (
            (ffi.NULL, None) if reason is None else strings.borrowed(reason.replace("\r", " ").replace("\n", " "))
        )
        tsx = request._tsx
        try:
            check(
                lib.pjsip_endpt_create_response(core.endpt, rdata, code, reason_str, self._tdata_out),
                "pjsip_endpt_create_response",
            )
        except PjError:
            if tsx is not None:
                lib.pjsip_tsx_terminate(tsx, 500)
            raise
        del kept
        answer = self._tdata_out[0]
        try:
            if to_tag:
                tdata.set_to_tag(core, answer, to_tag)
            for name, value in headers:
                tdata.add_header(core, answer, name, value)
            if body is not None:
                tdata.set_body(core, answer, content_type or "text/plain", body)
            size = len(request.raw) + sum(len(name) + len(value) + 4 for name, value in headers) + len(body or b"")
            if size > tdata.ROOMY:
                tdata.reserve(core, answer, size)
            if stateless or tsx is None:
                status = lib.pjsip_endpt_send_response2(core.endpt, rdata, answer, ffi.NULL, ffi.NULL)
                check(status, "pjsip_endpt_send_response2")
            else:
                check(lib.pjsip_tsx_send_msg(tsx, answer), "pjsip_tsx_send_msg")
        except BaseException:
            lib.pjsip_tx_data_dec_ref(answer)
            if request._tsx is not None and tsx is not None:
                lib.pjsip_tsx_terminate(tsx, 500)
            raise

    def try_respond(self, request: IncomingRequest, code: int, *, stateless: bool = False) -> None:
        """`respond` where nobody is left to tell of a failure but the log."""
        try:
            request.respond(code, stateless=stateless)
        except (PjError, StaleMessage, ValueError) as error:
            log.warn("no {code} to Call-ID {call_id}: {error}", code=code, call_id=request.call_id, error=str(error))
