"""Answers to requests outside of dialogs: by a server transaction or without one, at once or later.

For a late answer the request's bytes are read again, as PJSIP's own reading of them is gone by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx.clock import cancel_timer
from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings, tdata
from pbx.pjsip._native.errors import PjError, StaleMessage, check
from pbx.pjsip._native.rdata import SOURCE_OFFSET, SOURCE_SIZE, ReceiveBuffers, packed_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.pjsip._native.core import PjCore
    from pbx.pjsip._native.incoming import IncomingRequest

CData = Any


class Answers:
    """The server transactions of requests that Python answers."""

    def __init__(self, core: PjCore, buffers: ReceiveBuffers, server: str) -> None:
        """``server``: value of the Server header, "" for none. Call `open` once PJSIP is up."""
        self._core = core
        self._buffers = buffers
        self.server = server
        self._module: CData = None
        self._held_module: CData = None
        self._held: dict[CData, IncomingRequest] = {}
        self._tsx_out = ffi.new("pjsip_transaction **")
        self._tdata_out = ffi.new("pjsip_tx_data **")

    def open(self) -> None:
        """Register the two transaction users: one that hears nothing, one told of held transactions that end."""
        self._module = self._register(b"mod-obelisk-answer", None)
        self._held_module = self._register(
            b"mod-obelisk-hold", self._core.callback("void(pjsip_transaction *, pjsip_event *)", self._on_held_state)
        )

    def _register(self, name: bytes, on_tsx_state: CData) -> CData:
        callbacks = {} if on_tsx_state is None else {"on_tsx_state": on_tsx_state}
        return self._core.register_module(name, 64, **callbacks)

    def close(self) -> None:
        """Before PJSIP is destroyed: forget held requests."""
        for request in list(self._held.values()):
            cancel_timer(request._deadline)
            request._tsx = None
            request.answered = True
        self._held.clear()

    def make_transaction(self, request: IncomingRequest, *, final: bool) -> None:
        """Create the server transaction of a live request."""
        core, rdata = self._core, request.rdata()
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
        core = self._core
        pairs = [tdata.checked_header(name, value) for name, value in headers]
        if self.server and not any(name.lower() == "server" for name, _ in pairs):
            pairs.append(("Server", self.server))
        with core.entered():
            if request._tsx is None and not stateless:
                self.make_transaction(request, final=code >= 200)
            if request.is_live:
                self._send(request, request.rdata(), code, reason, pairs, body, content_type, stateless, to_tag)
                return
            rdata = self._buffers.take()
            try:
                if request._tsx is None:
                    raise StaleMessage(f"the request with Call-ID {request.call_id} was not held for a late answer")
                rdata.tp_info.transport = request._tsx.transport
                ffi.memmove(ffi.cast("char *", rdata) + SOURCE_OFFSET, packed_source(*request.source), SOURCE_SIZE)
                if not self._buffers.parse(request.raw, rdata):
                    raise StaleMessage(f"the request with Call-ID {request.call_id} could not be read again")
                self._send(request, rdata, code, reason, pairs, body, content_type, False, to_tag)
            finally:
                self._buffers.give_back(rdata)

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
        core = self._core
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
