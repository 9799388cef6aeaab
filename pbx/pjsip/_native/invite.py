"""The invite layer: the making of sessions, both ways, and the register of those there are.

Order in the host: ``layer = InviteLayer(core, receiver)``; ``core.start(layer.initialise)``, which calls it where
pjsip_inv_usage_init belongs; at the end ``layer.stop()`` before ``core.stop()``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native.dialog import (
    HeldDialog,
    add_from_param,
    answer_in_dialog,
    bind_transport,
    set_credentials,
    set_route,
)
from pbx.pjsip._native.errors import PjError, check
from pbx.pjsip._native.invite_call import ALWAYS_USE_TIMER, REQUIRE_TIMER, SUPPORT_TIMER, Call, SessionOptions
from pbx.pjsip._native.invite_callbacks import InviteCallbacks
from pbx.pjsip._native.invite_session import UAC, UAS, InviteEvents, InviteSession
from pbx.pjsip._native.sdp_gate import SdpGate

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore
    from pbx.pjsip._native.incoming import IncomingRequest
    from pbx.pjsip._native.receiver import Receiver

log = Logger()
CData = Any

#: Room for PJLIB's list of ciphers (PJ_SSL_SOCK_MAX_CIPHERS).
_MAX_CIPHERS = 256
# pjsip_hdr_e
_H_ALLOW = 4
#: Any failure, where only "not PJ_SUCCESS" counts (PJ_EINVALIDOP)
_FAILED = 70013


class InviteLayer:
    """All invite sessions of one PJSIP."""

    def __init__(self, core: PjCore, receiver: Receiver, selector: Callable[[str], CData]) -> None:
        """``selector`` gives the pjsip_tpselector * of a transport by name."""
        self.core = core
        self._selector = selector
        self.gate = SdpGate(
            core, receiver, self._session_of_dialog, lambda call_id: self.by_call_id(call_id) is not None
        )
        self._receiver = receiver
        #: By PJSIP's pointers, which compare and hash by their addresses.
        self._sessions: dict[CData, InviteSession] = {}
        self._dialogs: dict[CData, InviteSession] = {}
        self._methods: dict[str, tuple[CData, CData]] = {}
        self._borrowed: CData = None
        #: Dialogs that outlive their calls.
        self.held: set[HeldDialog] = set()

    @property
    def lib(self) -> Any:
        return self.core.lib

    def __len__(self) -> int:
        """Sessions whose PJSIP objects exist, those waiting for their last transactions included."""
        return len(self._sessions)

    def __iter__(self) -> Iterator[InviteSession]:
        return iter(list(self._sessions.values()))

    # Start and stop

    def initialise(self, core: PjCore) -> None:
        """Start PJSIP's invite usage with our callbacks, and the gate. Raises PjError."""
        table = core.keep(InviteCallbacks(core, self._receiver, self.gate, self._sessions).table())
        check(core.lib.pjsip_inv_usage_init(core.endpt, table), "pjsip_inv_usage_init")
        # PJSIP takes every digest algorithm for unsupported until its OpenSSL has listed its ciphers once.
        ciphers, count = ffi.new("int[]", _MAX_CIPHERS), ffi.new("unsigned *", _MAX_CIPHERS)
        core.lib.pj_ssl_cipher_get_availables(ciphers, count)
        self.gate.start()

    def stop(self) -> None:
        """End what is left without a word and give every reference back."""
        for dialog in list(self.held):
            dialog.let_go()
        for session in list(self._sessions.values()):
            session.events = None
            session.terminate(503)
            session.over = True
            session.release()
        self.gate.stop()
        self._methods.clear()

    # Small tools of the sessions

    def borrow(self, text: str) -> CData:
        """A pj_str_t * for an argument that C copies before the next borrow."""
        string, kept = strings.borrowed(text.replace("\r", " ").replace("\n", " "))
        self._borrowed = (string, kept)
        return string

    def method(self, name: str) -> CData:
        """A pjsip_method * that lives as long as the layer."""
        found = self._methods.get(name)
        if found is None:
            string, kept = strings.borrowed(name)
            method = ffi.new("pjsip_method *")
            self.lib.pjsip_method_init_np(method, string)
            found = self._methods[name] = (method, (string, kept))
        return found[0]

    def print_uri(self, uri: CData) -> str:
        """A URI as text, as it stands in a Request-URI."""
        buffer = ffi.new("char[512]")
        prints = ffi.cast("int (*)(int, const void *, char *, size_t)", uri.vptr.p_print)
        length = prints(0, uri, buffer, 511)
        return ffi.buffer(buffer, length)[:].decode("utf-8", "replace") if length > 0 else ""

    # Making sessions

    def accept(
        self,
        request: IncomingRequest,
        events: InviteEvents,
        *,
        contact: str,
        options: SessionOptions,
        has_offer: bool,
        rewrite_contact: bool = False,
        headers: Sequence[tuple[str, str]] = (),
    ) -> InviteSession:
        """Take an INVITE outside of any dialog: dialog, session, 100 Trying. ``headers`` go into the 100.

        Raises PjError when PJSIP refuses the message (the request is answered then), SessionOver when its transaction
        ended at once.
        """
        core, lib = self.core, self.core.lib
        with core.entered():
            rdata = request.rdata()
            if rewrite_contact:
                self.gate.rewrite_target(rdata, rdata.msg_info)
            dialogs = ffi.new("pjsip_dialog **")
            contact_str, kept = strings.borrowed(contact)
            status = lib.pjsip_dlg_create_uas_and_inc_lock(lib.pjsip_ua_instance(), rdata, contact_str, dialogs)
            if status:
                code = status - 170_000 if 170_400 <= status < 170_700 else 400
                request.respond(code)
                raise PjError(status, "pjsip_dlg_create_uas")
            request.taken()
            has_offer = has_offer and self.gate.holds_token(rdata)
            dialog = dialogs[0]
            bind_transport(core, dialog, rdata.tp_info.transport)
            made = ffi.new("pjsip_inv_session **")
            token = ffi.NULL if has_offer else self.gate.token
            status = lib.pjsip_inv_create_uas(dialog, rdata, token, options.flags, made)
            if status or made[0].neg == ffi.NULL:
                answer_in_dialog(core, dialog, rdata, 500)
                lib.pjsip_dlg_dec_lock(dialog)
                raise PjError(status or _FAILED, "pjsip_inv_create_uas")
            inv = made[0]
            session = self._adopt(inv, UAS, request.call_id, events)
            session.has_remote_offer = has_offer
            if rewrite_contact:
                self.gate.rewritten[request.call_id.encode("utf-8", "surrogateescape")] = session
            self._set_timers(inv, options)
            tdata = ffi.new("pjsip_tx_data **")
            status = lib.pjsip_inv_initial_answer(inv, rdata, 100, ffi.NULL, ffi.NULL, tdata)
            lib.pjsip_dlg_dec_lock(dialog)
            del kept
            if tdata[0]:
                session._send(tdata[0], headers)
            if status:
                # PJSIP has put its own refusal (422) into the message just sent.
                if not tdata[0]:
                    session.terminate(500)
                raise PjError(status, "pjsip_inv_initial_answer")
            return session

    def set_allowed(self, methods: str) -> None:
        """What Allow says in our dialogs: the methods that modules of ours take, not those PJSIP could."""
        names = [name.strip() for name in methods.split(",") if name.strip()][:32]
        header = self.lib.pjsip_endpt_get_capability(self.core.endpt, _H_ALLOW, ffi.NULL)
        if header == ffi.NULL or not names:
            return
        allow = ffi.cast("pjsip_generic_array_hdr *", header)
        for index, name in enumerate(names):
            allow.values[index] = strings.const(name.encode("ascii"))[0]
        allow.count = len(names)

    def later(self, call: Callable[..., object], *args: Any) -> None:
        """Run ``call(*args)`` in this turn of the reactor, when PJSIP has let go of what it works on."""
        self.core.later(call, *args)

    def after(self, call: Callable[..., object], *args: Any) -> None:
        """Run ``call(*args)`` once what is being done to the call is done: see `PjCore.after`."""
        self.core.after(call, *args)

    def invite(self, call: Call, events: InviteEvents) -> InviteSession:
        """Make a session and send its INVITE.

        Raises PjError: a URI PJSIP cannot use, a message it cannot send; nothing is left behind then.
        """
        core, lib = self.core, self.core.lib
        with core.entered():
            dialogs = ffi.new("pjsip_dialog **")
            texts = [strings.borrowed(text) for text in (call.from_header, call.contact, call.to_header, call.target)]
            status = lib.pjsip_dlg_create_uac(lib.pjsip_ua_instance(), *(string for string, _ in texts), dialogs)
            check(status, "pjsip_dlg_create_uac")
            dialog = dialogs[0]
            lib.pjsip_dlg_inc_lock(dialog)
            try:
                session = self._prepare(dialog, call, events)
            except BaseException:
                lib.pjsip_dlg_terminate(dialog)
                lib.pjsip_dlg_dec_lock(dialog)
                raise
            lib.pjsip_dlg_dec_lock(dialog)
            try:
                session.start(call.headers)
            except PjError:
                session.events = None
                session.terminate(503)
                session.over = True
                session.release_if_idle()
                raise
            return session

    def _prepare(self, dialog: CData, call: Call, events: InviteEvents) -> InviteSession:
        core, lib = self.core, self.core.lib
        # PJSIP finds dialogs by their tags, so the Call-ID may still be chosen: a UUID, as users of Asterisk know it.
        dialog.call_id.id = strings.dup(dialog.pool, str(uuid.uuid4()))[0]
        if call.transport:
            selector = self._selector(call.transport)
            check(lib.pjsip_dlg_set_transport(dialog, selector), "pjsip_dlg_set_transport")
        if call.route:
            set_route(core, dialog, call.route)
        for name, value in call.from_params:
            add_from_param(core, dialog, name, value)
        if call.credentials:
            set_credentials(core, dialog, call.credentials)
        made = ffi.new("pjsip_inv_session **")
        check(lib.pjsip_inv_create_uac(dialog, self.gate.token, call.options.flags, made), "pjsip_inv_create_uac")
        inv = made[0]
        session = self._adopt(inv, UAC, strings.text(dialog.call_id.id), events)
        session.local_sdp = call.offer
        if call.rewrite_contact:
            self.gate.rewritten[strings.raw(dialog.call_id.id)] = session
        self._set_timers(inv, call.options)
        return session

    def _adopt(self, inv: CData, role: int, call_id: str, events: InviteEvents) -> InviteSession:
        self.core.lib.pjsip_inv_add_ref(inv)
        session = InviteSession(self, inv, role, call_id)
        session.events = events
        self._sessions[inv] = session
        self._dialogs[inv.dlg] = session
        return session

    def _set_timers(self, inv: CData, options: SessionOptions) -> None:
        if options.flags & (SUPPORT_TIMER | REQUIRE_TIMER | ALWAYS_USE_TIMER):
            setting = ffi.new("pjsip_timer_setting *", (options.min_session_expires, options.session_expires))
            check(self.core.lib.pjsip_timer_init_session(inv, setting), "pjsip_timer_init_session")

    # Finding sessions

    def _session_of_dialog(self, dialog: CData) -> InviteSession | None:
        return self._dialogs.get(dialog)

    def by_call_id(self, call_id: str) -> InviteSession | None:
        """A live session by its Call-ID: for the rare, so by search."""
        return next((s for s in self._sessions.values() if s.call_id == call_id and not s.over), None)

    def forget(self, session: InviteSession) -> None:
        """A session is about to give its reference back."""
        self._sessions.pop(session.inv, None)
        self._dialogs.pop(session.dialog, None)
        self.gate.carriers.discard(session)
        if self.gate.rewritten:
            self.gate.rewritten.pop(session.call_id.encode("utf-8", "surrogateescape"), None)

    def unusable(self, call_id: str, reason: str) -> None:
        """The screen had to repair a message of a call whose far end can thereby not be talked to: end the call."""
        session = self.by_call_id(call_id)
        if session is not None:
            log.warn("Call-ID {call_id}: the call is ended: {reason}", call_id=call_id, reason=reason)
            try:
                session.end(502)
            except PjError as error:
                log.warn("Call-ID {call_id}: {error}", call_id=call_id, error=str(error))
                session.terminate(502)
